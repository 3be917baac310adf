"""The values that services return: all that changed, and why nothing did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple, Self

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _


class EntryKind(TextChoices):
    """Why a ledger entry was written."""

    ACTIVITY = "activity", _("activity")
    ACHIEVEMENT = "achievement", _("achievement")
    ADJUSTMENT = "adjustment", _("adjustment")
    REVERSAL = "reversal", _("reversal")


class CelebrationKind(TextChoices):
    """What a celebration celebrates."""

    ACHIEVEMENT = "achievement", _("achievement unlocked")
    LEVEL = "level", _("level reached")
    STREAK = "streak", _("streak milestone")


class WithheldReason(TextChoices):
    """Why a record earned less XP than its units are worth."""

    DAILY_LIMIT = "daily_limit", _("daily limit reached")
    COOLDOWN = "cooldown", _("too soon after the last one")


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
    #: Those of ``quantity`` that earned XP; the others were over a limit.
    rewarded: int = 0
    extends_streak: bool = False
    key: str | None = None
    #: Digest of the request behind ``key``.
    fingerprint: str = ""
    source: str = ""
    #: Id of the entry that this one takes back.
    reverses: int | None = None
    actor_id: Any = None
    note: str = ""
    #: What the verb returned, for a replay; see ``Outcome.snapshot``.
    outcome: Mapping[str, Any] | None = None

    def with_outcome(self, outcome: Mapping[str, Any] | None) -> Self:
        """Return the entry with what is answered to a replay."""
        return self.__class__(*self[:-1], outcome)

    def with_id(self, entry_id: int) -> Self:
        """Return the entry with the id that the database gave."""
        return self.__class__(entry_id, *self[1:])

    @property
    def sign(self) -> int:
        """How the entry counts among a day's activities: 1, or -1 if it takes back."""
        return -1 if self.kind == EntryKind.REVERSAL else 1


@dataclass(frozen=True, slots=True)
class Withheld:
    """XP that a record did not earn, and from when it can be earned again."""

    xp: int
    #: Units that earned nothing.
    quantity: int
    reason: str
    earnable_at: datetime


@dataclass(frozen=True, slots=True)
class Unlock:
    """An achievement that was unlocked, with the XP that it gave."""

    achievement: str
    name: str
    icon: str
    xp: int


@dataclass(frozen=True, slots=True)
class CelebrationNotice:
    """Something to show the user once."""

    kind: str
    #: What it is unique by, for the user.
    dedupe_key: str
    data: Mapping[str, Any]
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb changed for one user."""

    #: The entry written for the request; None where there was nothing to write.
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
    #: The request was handled before; this is what it did then.
    replayed: bool = False

    @property
    def xp_gained(self) -> int:
        """XP of the entry and of the achievements that it unlocked."""
        rewards = sum(unlock.xp for unlock in self.unlocks)
        if self.entry and self.entry.kind == EntryKind.ACHIEVEMENT:
            return rewards or self.credited
        return self.credited + rewards

    @property
    def levelled_up(self) -> bool:
        return self.level > self.level_before

    def numbered(
        self, entry_id: int, celebrations: tuple[CelebrationNotice, ...]
    ) -> Self:
        """Return the outcome with the ids that the database gave."""
        return self.__class__(
            self.entry and self.entry.with_id(entry_id),
            self.credited,
            self.withheld,
            self.total_xp,
            self.level_before,
            self.level,
            self.current_streak,
            self.longest_streak,
            self.unlocks,
            celebrations,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return what ``restore`` needs beside the entry, as plain JSON."""
        data: dict[str, Any] = {
            "xp": self.total_xp,
            "level": [self.level_before, self.level],
            "streak": [self.current_streak, self.longest_streak],
        }
        if self.withheld:
            withheld = self.withheld
            earnable_at = withheld.earnable_at.isoformat()
            data["withheld"] = [
                withheld.xp,
                withheld.quantity,
                withheld.reason,
                earnable_at,
            ]
        if self.unlocks:
            data["unlocks"] = [
                [u.achievement, u.name, u.icon, u.xp] for u in self.unlocks
            ]
        if self.celebrations:
            data["celebrations"] = [
                [c.kind, c.dedupe_key, c.data] for c in self.celebrations
            ]
        return data

    @classmethod
    def restore(
        cls, entry: Entry, celebration_ids: Mapping[tuple[Any, str], int]
    ) -> Self:
        """Return the outcome that ``entry`` keeps, marked as replayed.

        ``celebration_ids`` are by user and dedupe key.
        """
        data = entry.outcome or {}
        withheld = data.get("withheld")
        if withheld:
            xp, quantity, reason, earnable_at = withheld
            instant = datetime.fromisoformat(earnable_at)
            withheld = Withheld(xp, quantity, reason, instant)
        return cls(
            entry=entry.with_outcome(None),
            credited=entry.amount,
            withheld=withheld,
            total_xp=data["xp"],
            level_before=data["level"][0],
            level=data["level"][1],
            current_streak=data["streak"][0],
            longest_streak=data["streak"][1],
            unlocks=tuple(Unlock(*unlock) for unlock in data.get("unlocks", ())),
            celebrations=tuple(
                CelebrationNotice(
                    kind, key, values, celebration_ids.get((entry.user_id, key))
                )
                for kind, key, values in data.get("celebrations", ())
            ),
            replayed=True,
        )


class UnlockRow(NamedTuple):
    """The new state of a row that says whether a user holds an achievement."""

    user_id: Any
    achievement_id: int
    unlocked_at: datetime
    xp_awarded: int
    revoked_at: datetime | None = None
    revoked_by_id: Any = None
    revoke_reason: str = ""
