"""The values that services return: what changed, or why nothing did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.boosted import AppliedBoost, Boosted, read_boosted
from gamification.domain.conditions import AttributeValue


class EntryKind(TextChoices):
    """The kind of a ledger entry: the reason why it was written."""

    ACTIVITY = "activity", _("activity")
    ACHIEVEMENT = "achievement", _("achievement")
    ADJUSTMENT = "adjustment", _("adjustment")
    CORRECTION = "correction", _("correction")
    REVERSAL = "reversal", _("reversal")


class CelebrationKind(TextChoices):
    """The event that a celebration is about."""

    ACHIEVEMENT = "achievement", _("achievement unlocked")
    LEVEL = "level", _("level reached")
    STREAK = "streak", _("streak milestone")


class CelebrationMode(TextChoices):
    """A user's choice of how the app shows celebrations."""

    ALL = "all", _("with all effects")
    QUIET = "quiet", _("quietly")
    #: Celebrations are history from the start: the user never sees them.
    NONE = "none", _("not at all")


class WithheldReason(TextChoices):
    """The reason why a record earned less XP than its units are worth."""

    DAILY_LIMIT = "daily_limit", _("daily limit reached")
    COOLDOWN = "cooldown", _("too soon after the last one")
    INACTIVE = "inactive", _("the activity is switched off")
    EXCLUDED = "excluded", _("the user is excluded from the game")


#: The number that an entry adds to the activities of its date; others add nothing.
SIGNS: Final = {EntryKind.ACTIVITY.value: 1, EntryKind.REVERSAL.value: -1}


class Entry(NamedTuple):
    """A row of the ledger, field for field; ``id`` is None until it is written."""

    id: int | None
    user_id: Any
    kind: str
    #: XP, negative for a loss.
    amount: int
    occurred_at: datetime
    #: The user's own date of ``occurred_at``, frozen.
    local_date: date
    recorded_at: datetime
    activity_id: int | None = None
    achievement_id: int | None = None
    quantity: int = 0
    #: Units of ``quantity`` that earned XP; a limit withheld the others.
    rewarded: int = 0
    #: XP per unit at the time of recording.
    xp_reward: int = 0
    extends_streak: bool = False
    key: str | None = None
    #: Digest of the request behind ``key``.
    fingerprint: str = ""
    source: str = ""
    #: Id of the entry that this one reverses.
    reverses: int | None = None
    #: Id of the entry that this one makes worth more or less.
    corrects: int | None = None
    actor_id: Any = None
    #: A note by staff that the user reads, and one that only staff read.
    note: str = ""
    internal_note: str = ""
    #: Id of the job that wrote the entry.
    job_id: int | None = None
    #: Which time it is that the user earned the achievement, None for the first; and
    #: the first date of the period, if it is earned for one.
    number: int | None = None
    period: date | None = None
    #: Values of the record, by attribute of its activity.
    attributes: Mapping[str, AttributeValue] | None = None
    #: The factor of the XP, and the boosts that it comes from.
    boosts: Mapping[str, Any] | None = None
    #: The outcome to return for a replay; see ``Outcome.snapshot``.
    outcome: Sequence[Any] | None = None

    def with_id(self, entry_id: int) -> Self:
        """Return the entry with the id that the database gave."""
        return self.__class__(entry_id, *self[1:])

    @property
    def boosted(self) -> Boosted:
        """The XP before boosts, and the boosts that multiplied it."""
        return read_boosted(self.amount, self.rewarded * self.xp_reward, self.boosts)

    @property
    def further_outcome(self) -> Mapping[str, Any]:
        """The parts of its outcome besides the numbers."""
        further = (self.outcome or ())[5:]
        return further[0] if further else {}

    @property
    def sign(self) -> int:
        """Number added to the day's activities: 1, 0, or -1 for a reversal."""
        return SIGNS.get(self.kind, 0)


class Reason(NamedTuple):
    """The actor, and the reason, in the fields of the ledger."""

    actor_id: Any = None
    #: Read by the user.
    note: str = ""
    #: Read by staff alone.
    internal_note: str = ""


#: The reason of entries that nobody in particular makes.
NO_REASON: Final = Reason()


@dataclass(frozen=True, slots=True)
class Withheld:
    """XP that a record did not earn, and when the user can earn XP again."""

    xp: int
    #: Units that earned nothing.
    quantity: int
    reason: str
    #: None if that is not known.
    earnable_at: datetime | None


@dataclass(frozen=True, slots=True)
class Unlock:
    """An achievement that the user unlocked, with its XP."""

    achievement: str
    name: str
    icon: str
    xp: int
    #: Which time the user earned it: 1 for the first.
    number: int = 1

    @property
    def stored(self) -> list[Any]:
        """The values as a snapshot has them."""
        values = [self.achievement, self.name, self.icon, self.xp]
        return [*values, self.number] if self.number > 1 else values


@dataclass(frozen=True, slots=True)
class CelebrationNotice:
    """Something to show the user once."""

    kind: str
    #: Unique for the user, so that nothing is celebrated twice.
    dedupe_key: str
    data: Mapping[str, Any]
    id: int | None = None


#: The text of ``Outcome.snapshot`` where nothing else happened.
_PLAIN_SNAPSHOT: Final = "[%d, %d, %d, %d, %d]"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The changes that a verb made for one user."""

    #: The entry written for the request; None if there was nothing to write.
    entry: Entry | None
    #: XP that the entry itself credited.
    credited: int
    withheld: Withheld | None
    total_xp: int
    level_before: int
    level: int
    #: Days, as of the last active date.
    current_streak: int
    longest_streak: int
    unlocks: tuple[Unlock, ...] = ()
    celebrations: tuple[CelebrationNotice, ...] = ()
    #: Whether the request was handled before; the outcome is then the first one.
    replayed: bool = False
    #: When the replayed entry was reversed; None if it still stands.
    reversed_at: datetime | None = None
    #: Entries that credit units for which a reversal made room under a limit.
    corrections: tuple[Entry, ...] = ()
    #: Achievements that the user lost, each with the XP that was lost with it.
    lost: tuple[Unlock, ...] = ()

    @property
    def xp_gained(self) -> int:
        """XP of the entry and of everything that follows from it."""
        if not (self.unlocks or self.corrections or self.lost):
            return self.credited
        rewards = sum(unlock.xp for unlock in self.unlocks)
        rewards += sum(entry.amount for entry in self.corrections)
        rewards -= sum(unlock.xp for unlock in self.lost)
        if self.entry and self.entry.kind == EntryKind.ACHIEVEMENT:
            return rewards or self.credited
        return self.credited + rewards

    @property
    def boosted(self) -> Boosted:
        """The XP of the entry before boosts, and the boosts that multiplied it."""
        return self.entry.boosted if self.entry else Boosted(self.credited)

    @property
    def base(self) -> int:
        """XP that the entry would have credited without boosts."""
        return self.boosted.base

    @property
    def factor(self) -> Decimal:
        """The factor of all boosts together; 1 without any."""
        return self.boosted.factor

    @property
    def boosts(self) -> tuple[AppliedBoost, ...]:
        """The boosts that multiplied the XP of the entry."""
        return self.boosted.boosts

    @property
    def levelled_up(self) -> bool:
        return self.level > self.level_before

    def numbered(
        self, entry_ids: Sequence[int], celebrations: tuple[CelebrationNotice, ...]
    ) -> Self:
        """Return the outcome with the ids that the database gave.

        ``entry_ids`` begins with the id of the entry, followed by those of the losses
        and of the corrections.
        """
        corrections = self.corrections
        if corrections:
            ids = entry_ids[1 + len(self.lost) :]
            pairs = zip(corrections, ids, strict=False)
            corrections = tuple(entry.with_id(pk) for entry, pk in pairs)
        return self.__class__(
            self.entry and self.entry.with_id(entry_ids[0]),
            self.credited,
            self.withheld,
            self.total_xp,
            self.level_before,
            self.level,
            self.current_streak,
            self.longest_streak,
            self.unlocks,
            celebrations,
            corrections=corrections,
            lost=self.lost,
        )

    def snapshot(self) -> list[Any]:
        """Return the data that ``restore`` needs besides the entry, as plain JSON.

        The ledger has it in every row that has a key, so the numbers have no names, and
        what is rare comes last.
        """
        data: dict[str, Any] = {}
        if self.withheld:
            withheld = self.withheld
            earnable_at = withheld.earnable_at and withheld.earnable_at.isoformat()
            data["withheld"] = [
                withheld.xp,
                withheld.quantity,
                withheld.reason,
                earnable_at,
            ]
        if self.unlocks:
            data["unlocks"] = [unlock.stored for unlock in self.unlocks]
        if self.celebrations:
            data["celebrations"] = [
                [c.kind, c.dedupe_key, c.data] for c in self.celebrations
            ]
        return [*self._numbers, data] if data else [*self._numbers]

    def snapshot_text(self) -> str:
        """Return the same data as a text of JSON."""
        if self.withheld or self.unlocks or self.celebrations:
            return json.dumps(self.snapshot())
        # It is what most outcomes have, and ten times as fast.
        return _PLAIN_SNAPSHOT % self._numbers

    @property
    def _numbers(self) -> tuple[int, int, int, int, int]:
        streak = self.current_streak, self.longest_streak
        return (self.total_xp, self.level_before, self.level, *streak)

    @classmethod
    def restore(
        cls,
        entry: Entry,
        celebration_ids: Mapping[tuple[Any, str], int],
        reversed_at: datetime | None,
    ) -> Self:
        """Return the outcome that is stored in ``entry``, marked as replayed.

        ``celebration_ids`` are by user and dedupe key.
        """
        total_xp, level_before, level, current, longest, *_ = entry.outcome or ()
        data = entry.further_outcome
        withheld = data.get("withheld")
        if withheld:
            xp, quantity, reason, earnable_at = withheld
            instant = earnable_at and datetime.fromisoformat(earnable_at)
            withheld = Withheld(xp, quantity, reason, instant)
        return cls(
            entry=entry._replace(outcome=None),
            credited=entry.amount,
            withheld=withheld,
            total_xp=total_xp,
            level_before=level_before,
            level=level,
            current_streak=current,
            longest_streak=longest,
            unlocks=tuple(Unlock(*unlock) for unlock in data.get("unlocks", ())),
            celebrations=tuple(
                CelebrationNotice(
                    kind, key, values, celebration_ids.get((entry.user_id, key))
                )
                for kind, key, values in data.get("celebrations", ())
            ),
            replayed=True,
            reversed_at=reversed_at,
        )
