"""Progress as the ledger alone tells it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from gamification.domain.days import Calendar
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.outcomes import EntryKind
from gamification.domain.streaks import measure_streak


class DerivedEntry(NamedTuple):
    """What of a ledger entry counts for progress."""

    kind: str
    amount: int
    activity_id: int | None
    quantity: int
    extends_streak: bool
    local_date: date
    recorded_at: datetime


@dataclass(slots=True)
class Progress:
    """What derives from a user's ledger."""

    total_xp: int = 0
    #: The highest total that there ever was.
    peak_xp: int = 0
    #: By activity id: units, and when the last entry was recorded.
    tallies: dict[int, tuple[int, datetime]] = field(default_factory=dict)
    #: By active date: activities, and their XP.
    days: dict[date, tuple[int, int]] = field(default_factory=dict)

    def columns(
        self, calendar: Calendar, thresholds: Sequence[int]
    ) -> dict[str, object]:
        """Return the columns of the user's row."""
        streak = measure_streak(self.days, calendar)
        return {
            "total_xp": self.total_xp,
            "level": calculate_level_from_xp(self.total_xp, thresholds),
            "highest_level": calculate_level_from_xp(self.peak_xp, thresholds),
            "current_streak": streak.current,
            "longest_streak": streak.longest,
            "active_days": len(self.days),
            "last_active_on": streak.last_active_on,
        }


def derive_progress(lines: Iterable[DerivedEntry]) -> Progress:
    """Return the progress that ``lines``, in the order of recording, add up to."""
    progress = Progress()
    for line in lines:
        progress.total_xp += line.amount
        progress.peak_xp = max(progress.peak_xp, progress.total_xp)
        if line.activity_id is not None:
            count, _ = progress.tallies.get(line.activity_id, (0, None))
            progress.tallies[line.activity_id] = (
                count + line.quantity,
                line.recorded_at,
            )
            if line.extends_streak:
                _mark(progress.days, line)
    progress.days = {day: mark for day, mark in progress.days.items() if mark[0]}
    return progress


def _mark(days: dict[date, tuple[int, int]], line: DerivedEntry) -> None:
    activities, xp = days.get(line.local_date, (0, 0))
    sign = -1 if line.kind == EntryKind.REVERSAL else 1
    days[line.local_date] = (activities + sign, xp + line.amount)
