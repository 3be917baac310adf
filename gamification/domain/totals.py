"""A user's totals while entries are booked."""

from __future__ import annotations

from datetime import date

from gamification.domain.catalogue import MAX_TOTAL, Facts
from gamification.domain.outcomes import Entry
from gamification.domain.state import Rules, UserState
from gamification.domain.streaks import extend_streak, measure_streak


class TotalOutOfRangeError(ArithmeticError):
    """The total would leave the range of whole numbers that can be kept."""


class RunningTotals:
    """All that derives from a ledger, carried on from a state entry by entry."""

    def __init__(self, state: UserState, rules: Rules) -> None:
        self.state = state
        self.rules = rules
        self.total_xp = state.total_xp
        self.level = state.level
        self.highest_level = state.highest_level
        self.active_days = state.active_days
        self.streak = state.streak
        self.held = state.held
        self.entries: list[Entry] = []
        #: Units by activity id, to be added to the tally.
        self.tallies: dict[int, int] = {}
        #: Activities and XP by date, to be added to the active day.
        self.days: dict[date, tuple[int, int]] = {}
        #: Dates that are no longer active.
        self.lost_days: set[date] = set()
        self._activities = dict(state.days or {})

    @property
    def changed_days(self) -> dict[date, tuple[int, int]]:
        """Activities and XP to be added, by date that is active now."""
        lost = self.lost_days
        return {day: change for day, change in self.days.items() if day not in lost}

    def book(self, entry: Entry) -> None:
        """Put ``entry`` into the ledger and all that is derived from it."""
        self.entries.append(entry)
        self.total_xp += entry.amount
        if not -MAX_TOTAL <= self.total_xp <= MAX_TOTAL:
            raise TotalOutOfRangeError
        self.level = self.rules.level_at(self.total_xp)
        self.highest_level = max(self.highest_level, self.level)
        if entry.activity_id is not None:
            self._count(entry.activity_id, entry.quantity)
            if entry.extends_streak:
                self._mark_day(entry)

    def _count(self, activity_id: int, quantity: int) -> None:
        self.tallies[activity_id] = self.tallies.get(activity_id, 0) + quantity
        if self._tally(activity_id) > MAX_TOTAL:
            raise TotalOutOfRangeError

    def _tally(self, activity_id: int) -> int:
        return self.state.tallies.get(activity_id, 0) + self.tallies[activity_id]

    def _mark_day(self, entry: Entry) -> None:
        day, known = entry.local_date, self._activities
        activities, xp = self.days.get(day, (0, 0))
        self.days[day] = (activities + entry.sign, xp + entry.amount)
        if self.state.days is None:
            before = int(day == self.streak.last_active_on)
        else:
            before = known.get(day, 0)
        known[day] = before + entry.sign
        if not before:
            self.active_days += 1
            calendar = self.state.calendar
            self.streak = extend_streak(self.streak, day, known, calendar)
        elif not known[day]:
            del known[day]
            self.lost_days.add(day)
            self.active_days -= 1
            self.streak = measure_streak(known, self.state.calendar)

    def facts(self) -> Facts:
        return Facts(
            self.active_days,
            self.streak.longest,
            self.level,
            self.total_xp,
            len(self.held),
            {activity_id: self._tally(activity_id) for activity_id in self.tallies},
        )
