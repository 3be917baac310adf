"""Derives a user's progress from the ledger alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from gamification.domain.days import Calendar
from gamification.domain.history import (
    is_undone,
    lapsed_ids,
    takes_unlocks,
    unlocks_of,
)
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.outcomes import SIGNS
from gamification.domain.streaks import Streak, measure_streak


class DerivedEntry(NamedTuple):
    """The fields of a ledger entry from which progress is derived."""

    kind: str
    amount: int
    activity_id: int | None
    quantity: int
    extends_streak: bool
    local_date: date
    occurred_at: datetime
    recorded_at: datetime
    achievement_id: int | None
    id: int
    reverses: int | None
    job_id: int | None = None
    number: int | None = None
    period: date | None = None


class Reward(NamedTuple):
    """An achievement's reward, and the entry that took it back, or None."""

    entry: DerivedEntry
    reversal: DerivedEntry | None = None
    #: Whether it went with what had earned it, so that it can be earned again.
    is_lapsed: bool = False


@dataclass(slots=True)
class Progress:
    """The progress that a user's ledger adds up to."""

    total_xp: int = 0
    #: The highest total that the user ever had, without what was taken back as a job.
    peak_xp: int = 0
    #: By activity id: the units, and the latest time at which an entry was recorded.
    tallies: dict[int, tuple[int, datetime]] = field(default_factory=dict)
    #: By active date: the number of activities, and their XP.
    days: dict[date, tuple[int, int]] = field(default_factory=dict)
    #: By achievement id and number: the latest reward, and the entry that reversed it,
    #: if any.
    unlocks: dict[tuple[int, int], Reward] = field(default_factory=dict)
    last_occurred_at: datetime | None = None

    def columns(
        self,
        calendar: Calendar,
        thresholds: Sequence[int],
        *,
        highest_level: int = 1,
        highest_streak: int = 0,
        streak: Streak | None = None,
        has_exceptions: bool = False,
    ) -> dict[str, object]:
        """Return the columns of the user's row.

        ``streak`` is that of a user whose streak forgives something, and
        ``has_exceptions`` says whether it does so for this user alone.

        The highest level and streak keep their stored values unless the ledger has
        higher ones: the user has seen them, whatever has changed since.
        """
        streak = streak or measure_streak(self.days, calendar)
        peak_level = calculate_level_from_xp(self.peak_xp, thresholds)
        return {
            "total_xp": self.total_xp,
            "level": calculate_level_from_xp(self.total_xp, thresholds),
            "highest_level": max(highest_level, peak_level),
            "current_streak": streak.current,
            "longest_streak": streak.longest,
            "highest_streak": max(highest_streak, streak.longest),
            "active_days": len(self.days),
            "last_active_on": streak.last_active_on,
            "last_occurred_at": self.last_occurred_at,
            "has_exceptions": has_exceptions,
        }


#: No job was taken back.
_NONE: Final[Mapping[int, int]] = MappingProxyType({})


def derive_progress(
    lines: Iterable[DerivedEntry], undone: Mapping[int, int] = _NONE
) -> Progress:
    """Return the progress that ``lines``, in order of recording, add up to.

    ``undone`` has the jobs that were taken back from the user, by the job that did it.
    """
    progress, lasting_xp, decisive = Progress(), 0, list[DerivedEntry]()
    for line in lines:
        progress.total_xp += line.amount
        lasting_xp += 0 if is_undone(line, undone) else line.amount
        progress.peak_xp = max(progress.peak_xp, lasting_xp)
        last = progress.last_occurred_at
        progress.last_occurred_at = max(last or line.occurred_at, line.occurred_at)
        if line.achievement_id is not None or takes_unlocks(line, undone):
            decisive.append(line)
        if line.activity_id is not None:
            count, last = progress.tallies.get(line.activity_id, (0, line.recorded_at))
            progress.tallies[line.activity_id] = (
                count + line.quantity,
                max(last, line.recorded_at),
            )
            if line.extends_streak:
                _mark(progress.days, line)
    progress.days = {day: mark for day, mark in progress.days.items() if mark[0]}
    lapsed = lapsed_ids(decisive, undone)
    progress.unlocks = {
        place: Reward(entry, reversal, reversal is not None and reversal.id in lapsed)
        for place, (entry, reversal) in unlocks_of(decisive, undone).items()
    }
    return progress


def _mark(days: dict[date, tuple[int, int]], line: DerivedEntry) -> None:
    activities, xp = days.get(line.local_date, (0, 0))
    sign = SIGNS.get(line.kind, 0)
    days[line.local_date] = (activities + sign, xp + line.amount)
