"""Awarding by hand and revoking."""

from __future__ import annotations

from functools import partial

from gamification import signals
from gamification.domain.catalogue import AchievementRule, AchievementStatus, Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, EntryKind, Outcome, UnlockRow
from gamification.exceptions import (
    AchievementNotActiveError,
    AchievementNotHeldError,
    UnknownAchievementError,
)
from gamification.models import LedgerEntry, UserAchievement, write_alias
from gamification.services.corrections.changes import UserChange, unchanged
from gamification.services.dispatch import announce, announce_as
from gamification.services.unit_of_work import ConcurrentUpdateError
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_id_of,
    check_text,
    user_id_of,
)
from gamification.storage import Snapshot
from gamification.storage.base import entry_values


def award_achievement(
    user: UserRef,
    achievement: str,
    *,
    actor: UserRef | None = None,
    note: str = "",
    celebrate: bool = True,
) -> Outcome:
    """Give ``user`` the achievement with this key, and its XP, by hand.

    It clears an earlier revocation. If the user holds it already, nothing changes and
    the outcome is marked as replayed. ``actor`` is who of the staff does it.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError`` for a draft or a
    retired one, ``UnknownUserError``, ``InvalidTextError``, ``StorageError``.
    """
    actor_id = actor_id_of(actor)
    check_text("note", note, longest=MAX_NOTE)

    def act(changeset: UserChangeset, snapshot: Snapshot) -> Outcome | None:
        rule = find_achievement(snapshot.catalogue, achievement)
        if rule.id in changeset.state.held:
            return unchanged(changeset.state)
        if rule.status != AchievementStatus.ACTIVE:
            raise AchievementNotActiveError(achievement=achievement)
        changeset.award(rule, actor_id=actor_id, note=note)
        return None

    change = UserChange(user_id_of(user), act, announce, celebrate=celebrate)
    return change.perform()[0]


def revoke_achievement(
    user: UserRef,
    achievement: str,
    *,
    actor: UserRef | None = None,
    reason: str = "",
) -> Outcome:
    """Take the achievement with this key away, and the XP that it gave.

    The row stays, with who, when and why, and keeps the achievement from being
    awarded again by itself. If it was revoked before, nothing changes and the outcome
    is marked as replayed.

    Raises ``UnknownAchievementError``, ``AchievementNotHeldError``,
    ``UnknownUserError``, ``InvalidTextError``, ``StorageError``.
    """
    user_id, actor_id = user_id_of(user), actor_id_of(actor)
    check_text("reason", reason, longest=MAX_NOTE)

    def act(changeset: UserChangeset, snapshot: Snapshot) -> Outcome | None:
        rule = find_achievement(snapshot.catalogue, achievement)
        if rule.id in changeset.state.revoked:
            return unchanged(changeset.state)
        if rule.id not in changeset.state.held:
            raise AchievementNotHeldError(achievement=achievement)
        unlock, entry = _unlock_of(user_id, rule)
        changeset.revoke(unlock, entry, actor_id=actor_id, reason=reason)
        return None

    announce_revoked = partial(
        announce_as, signals.achievement_revoked, achievement=achievement
    )
    return UserChange(user_id, act, announce_revoked).perform()[0]


def find_achievement(catalogue: Catalogue, key: str) -> AchievementRule:
    """Return the achievement with this key, whatever its status."""
    rule = catalogue.achievements.get(key)
    if rule is None:
        message = f"No achievement has the key {key!r}."
        raise UnknownAchievementError(message, achievement=key)
    return rule


def _unlock_of(user_id: object, rule: AchievementRule) -> tuple[UnlockRow, Entry]:
    """Return the row that says who holds what, and the entry that paid for it."""
    alias, mine = write_alias(), {"user": user_id, "achievement": rule.id}
    row = UserAchievement.objects.using(alias).filter(**mine).first()
    entries = LedgerEntry.objects.using(alias).filter(kind=EntryKind.ACHIEVEMENT)
    entry = entries.filter(**mine).order_by("id").last()
    if row is None or entry is None:
        # They were there when the state was read.
        raise ConcurrentUpdateError
    unlock = UnlockRow(user_id, rule.id, row.unlocked_at, row.xp_awarded)
    return unlock, Entry(*entry_values(entry))
