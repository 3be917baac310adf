"""The errors of the app. A docstring is the message, ``code`` is the contract."""

from __future__ import annotations

from typing import Any, ClassVar


class GamificationError(Exception):
    """The game cannot do this."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str = "", **context: Any) -> None:
        super().__init__(message or (self.__doc__ or "").strip())
        #: Facts behind the message, by name.
        self.context = context


class InvalidRequestError(GamificationError):
    """A value in the request is invalid."""

    code = "invalid"


class InvalidQuantityError(InvalidRequestError):
    """The quantity is not a whole number from 1 to 1,000,000."""

    code = "invalid_quantity"


class InvalidAmountError(InvalidRequestError):
    """The amount is not a whole number of XP other than 0."""

    code = "invalid_amount"


class InvalidAttributeError(InvalidRequestError):
    """An attribute of the record has a value that it cannot have."""

    code = "invalid_attribute"


class UnknownAttributeError(InvalidRequestError):
    """The activity declares no attribute with this key."""

    code = "unknown_attribute"


class InvalidTextError(InvalidRequestError):
    """A text is empty, too long, or holds characters that cannot be stored."""

    code = "invalid_text"


class InvalidKeyError(InvalidTextError):
    """The key is not a text of 1 to 255 characters that can be stored."""

    code = "invalid_key"


class KeyRequiredError(InvalidRequestError):
    """This site requires a key for every record."""

    code = "key_required"


class KeysDifferError(InvalidRequestError):
    """The header and the body name different keys."""

    code = "keys_differ"


class InvalidTimeZoneError(InvalidRequestError):
    """No IANA time zone has this name."""

    code = "invalid_time_zone"


class InvalidSpanError(InvalidRequestError):
    """The dates do not span 1 to 366 days."""

    code = "invalid_span"


class InvalidPeriodError(InvalidRequestError):
    """The period does not belong to this window of leaderboards."""

    code = "invalid_period"


class InvalidCursorError(InvalidRequestError):
    """The cursor does not come from a page of a leaderboard."""

    code = "invalid_cursor"


class InvalidInstantError(InvalidRequestError):
    """The instant is not an aware datetime since 1970."""

    code = "invalid_instant"


class TooOldError(InvalidInstantError):
    """The record is older than MAX_BACKDATE allows."""

    code = "too_old"


class InFutureError(InvalidInstantError):
    """The record is further in the future than MAX_CLOCK_SKEW allows."""

    code = "in_future"


class InvalidActError(InvalidRequestError):
    """The act lacks a value that its kind needs, such as a list of users."""

    code = "invalid_act"


class InvalidDefinitionError(InvalidRequestError):
    """A value of the activity or achievement is invalid."""

    code = "invalid_definition"

    @property
    def errors(self) -> dict[str, list[tuple[str, str]]]:
        """Pairs of code and message by field; ``__all__`` concerns several fields."""
        errors: dict[str, list[tuple[str, str]]] = self.context.get("errors", {})
        return errors


class InvalidDefinitionsError(InvalidRequestError):
    """The definitions are invalid."""

    code = "invalid_definitions"

    def __str__(self) -> str:
        """Return the message with the first of the errors."""
        message = super().__str__()
        if not self.errors:
            return message
        place, reason = self.errors[0]
        more = f" (and {len(self.errors) - 1} more)" if self.errors[1:] else ""
        return f"{message} {place}: {reason}{more}"

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Pairs of place and message, such as ``achievements[3].xp_reward``."""
        errors: list[tuple[str, str]] = self.context.get("errors", [])
        return errors


class LevelsPinnedError(GamificationError):
    """The site's settings define the levels: LEVEL_THRESHOLDS pins them."""

    code = "levels_pinned"


class UnknownUserError(GamificationError):
    """There is no such user."""

    code = "unknown_user"


class UnknownActivityError(GamificationError):
    """No activity has this key."""

    code = "unknown_activity"


class InactiveActivityError(UnknownActivityError):
    """The activity is switched off."""

    code = "inactive_activity"


class UnknownStreakError(GamificationError):
    """No streak has this key."""

    code = "unknown_streak"


class UnknownBoostError(GamificationError):
    """No boost has this key."""

    code = "unknown_boost"


class BoostUsedError(GamificationError):
    """The ledger names the boost, so it cannot be deleted."""

    code = "boost_used"


class InvalidPauseError(InvalidRequestError):
    """The pause begins too early, or is too long."""

    code = "invalid_pause"


class NotRepairableError(InvalidRequestError):
    """The dates cannot be repaired."""

    code = "not_repairable"


class UnknownAchievementError(GamificationError):
    """No achievement has this key."""

    code = "unknown_achievement"


class UserExcludedError(GamificationError):
    """Staff have excluded the user from the game."""

    code = "user_excluded"


class SelfAwardError(GamificationError):
    """Staff cannot act on themselves, unless the site sets ALLOW_SELF_AWARDS."""

    code = "self_award"


class StaleEditError(GamificationError):
    """Somebody else changed it in the meantime."""

    code = "stale_edit"


class AchievementNotActiveError(GamificationError):
    """Only an active achievement can be awarded."""

    code = "achievement_not_active"


class AchievementNotHeldError(GamificationError):
    """The user does not hold the achievement."""

    code = "achievement_not_held"


class UnknownEntryError(GamificationError):
    """The user's ledger has no such entry."""

    code = "unknown_entry"


class UnknownScopeError(GamificationError):
    """There is no such leaderboard for this user."""

    code = "unknown_scope"


class UnknownJobError(GamificationError):
    """There is no such job."""

    code = "unknown_job"


class JobStateError(GamificationError):
    """The state of the job does not allow this."""

    code = "job_state"


class UnknownCelebrationError(GamificationError):
    """The user has no such celebration."""

    code = "unknown_celebration"


class CelebrationClaimedError(GamificationError):
    """Another screen is showing the celebration."""

    code = "celebration_claimed"


class CelebrationOverError(GamificationError):
    """The celebration was shown before, has expired, or no longer holds."""

    code = "celebration_over"


class NotReversibleError(GamificationError):
    """The entry cannot be reversed by itself."""

    code = "not_reversible"


class IdempotencyConflictError(GamificationError):
    """The key was used before, for another request."""

    code = "idempotency_conflict"


class InsufficientXPError(GamificationError):
    """The user has less XP than the adjustment would take."""

    code = "insufficient_xp"


class OutOfRangeError(GamificationError):
    """The total would be larger than can be stored."""

    code = "out_of_range"


class StorageError(GamificationError):
    """The database did not confirm the change; with a key, it is safe to try again."""

    code = "storage_error"


class StorageSetupError(StorageError):
    """The database cannot accept any change until somebody repairs it."""

    code = "storage_setup"
