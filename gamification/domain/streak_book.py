"""The stored facts about a user's streaks, besides active dates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from gamification.domain.days import Calendar
from gamification.domain.freezes import FreezeRow, grants_of
from gamification.domain.streak_rules import StreakRule
from gamification.domain.streak_runs import Exceptions, Pause


@dataclass(frozen=True, slots=True)
class StreakBook:
    """The freezes, pauses and repaired dates of a user, and dates by activity."""

    #: All rows of the ledger of freezes.
    freezes: tuple[FreezeRow, ...] = ()
    #: By id of the streak; None is for all streaks.
    pauses: Mapping[int | None, tuple[Pause, ...]] = field(default_factory=dict)
    repaired: Mapping[int, frozenset[date]] = field(default_factory=dict)
    #: Records that stand, by activity and date, of activities that staff chose for
    #: some streak.
    chosen: Mapping[tuple[int, date], int] = field(default_factory=dict)

    def freezes_of(self, rule: StreakRule) -> list[FreezeRow]:
        """Return the ledger of freezes of one streak."""
        return [row for row in self.freezes if row.streak_id == rule.id]

    def exceptions_of(self, rule: StreakRule) -> Exceptions:
        """Return what the user was granted for one streak."""
        return Exceptions(
            grants_of(self.freezes_of(rule)),
            self.pauses.get(None, ()) + self.pauses.get(rule.id, ()),
            self.repaired.get(rule.id, frozenset()),
        )


def dates_of(
    rule: StreakRule,
    days: Mapping[date, int],
    chosen: Mapping[tuple[int, date], int],
    calendar: Calendar,
) -> set[date]:
    """Return the dates that are active for one streak.

    ``days`` are those on which any activity extended streaks. Of the others, no neutral
    one is active.
    """
    versions = rule.versions
    if not any(version.activities for version in versions):
        return {*days}
    dates = {day for day in days if not rule.version_on(day).activities}
    for (activity_id, day), count in chosen.items():
        counts = count > 0 and activity_id in rule.version_on(day).activities
        if counts and (day in days or not calendar.is_neutral(day)):
            dates.add(day)
    return dates
