"""Keeps a user's totals up to date while entries are booked."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import NamedTuple

from gamification.domain.catalogue import MAX_TOTAL, AchievementRule, Facts
from gamification.domain.celebrations import Peaks
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.outcomes import Entry, EntryKind
from gamification.domain.state import Rules, UserState
from gamification.domain.streaks import extend_streak, measure_streak


class TotalOutOfRangeError(ArithmeticError):
    """The total would leave the range of whole numbers that the app can store."""


class Start(NamedTuple):
    """Where a user stood before something was booked."""

    #: That of the first entry that is booked.
    place: int
    level: int
    peaks: Peaks
    facts: Facts
    last_occurred_at: datetime | None

    def dates(self, cause: Entry) -> bool:
        """Say whether what ``cause`` unlocks is met at the time of ``cause``.

        So it is if nothing in the ledger occurred later, and nothing was taken back.
        """
        if cause.kind in {EntryKind.REVERSAL, EntryKind.CORRECTION}:
            return False
        last = self.last_occurred_at
        return last is None or cause.occurred_at >= last

    def meets(self, rule: AchievementRule) -> bool:
        """Say whether ``rule`` was met before."""
        return self.facts.meet(rule)


class RunningTotals:
    """Everything derived from a ledger: starts at a state, grows with each entry."""

    def __init__(self, state: UserState, rules: Rules) -> None:
        self.state = state
        self.rules = rules
        self.total_xp = state.total_xp
        self.level = state.level
        self.highest_level = state.highest_level
        self.highest_streak = state.highest_streak
        self.active_days = state.active_days
        self.streak = state.streak
        self.last_occurred_at = state.last_occurred_at
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
        """Activities and XP to add, by date, without the dates in ``lost_days``."""
        lost = self.lost_days
        return {day: change for day, change in self.days.items() if day not in lost}

    def book(self, entry: Entry) -> None:
        """Add ``entry`` to the ledger and update everything derived from it."""
        self.entries.append(entry)
        self.total_xp += entry.amount
        if not -MAX_TOTAL <= self.total_xp <= MAX_TOTAL:
            raise TotalOutOfRangeError
        self.level = calculate_level_from_xp(self.total_xp, self.rules.thresholds)
        self.highest_level = max(self.highest_level, self.level)
        if self.last_occurred_at is None or entry.occurred_at > self.last_occurred_at:
            self.last_occurred_at = entry.occurred_at
        if entry.activity_id is not None:
            self._count(entry.activity_id, entry.quantity)
            if entry.extends_streak:
                self._mark_day(entry)

    def mark(self, job_id: int) -> None:
        """Name the job that makes these changes."""
        self.entries = [entry._replace(job_id=job_id) for entry in self.entries]

    def _count(self, activity_id: int, quantity: int) -> None:
        self.tallies[activity_id] = self.tallies.get(activity_id, 0) + quantity
        if self._tally(activity_id) > MAX_TOTAL:
            raise TotalOutOfRangeError

    def _tally(self, activity_id: int) -> int:
        stored = self.state.tallies.get(activity_id, 0)
        return stored + self.tallies.get(activity_id, 0)

    def _mark_day(self, entry: Entry) -> None:
        day, known = entry.local_date, self._activities
        activities, xp = self.days.get(day, (0, 0))
        sign = entry.sign
        self.days[day] = (activities + sign, xp + entry.amount)
        if not sign:
            return
        if self.state.days is None:
            before = int(day == self.streak.last_active_on)
        else:
            before = known.get(day, 0)
        known[day] = before + sign
        if not before:
            self.active_days += 1
            calendar = self.state.calendar
            self.streak = extend_streak(self.streak, day, known, calendar)
            self.highest_streak = max(self.highest_streak, self.streak.longest)
        elif not known[day]:
            del known[day]
            self.lost_days.add(day)
            self.active_days -= 1
            self.streak = measure_streak(known, self.state.calendar)

    def facts(self) -> Facts:
        """Return what achievements can measure now, of activities that are known."""
        return self._facts({*self.tallies, *self.state.tallies})

    def facts_with(self, more_xp: int) -> Facts:
        """Return the facts after ``more_xp``."""
        total = self.total_xp + more_xp
        level = calculate_level_from_xp(total, self.rules.thresholds)
        return self.facts()._replace(total_xp=total, level=level)

    def changed_facts(self) -> Facts:
        """Return the same without counts of activities that were not booked."""
        return self._facts(self.tallies)

    def _facts(self, activity_ids: Iterable[int]) -> Facts:
        return Facts(
            self.active_days,
            self.streak.longest,
            self.level,
            self.total_xp,
            len(self.held),
            {pk: self._tally(pk) for pk in activity_ids},
        )
