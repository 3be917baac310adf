"""Keeps a user's totals up to date while entries are booked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from typing import NamedTuple

from gamification.domain.catalogue import Facts
from gamification.domain.filter_keeper import FilterKeeper
from gamification.domain.goals import GoalKeeper
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.outcomes import SIGNS, Entry, EntryKind
from gamification.domain.rules import MAX_TOTAL, NEVER, AchievementRule
from gamification.domain.state import NONE, NOTHING, Rules, UserState
from gamification.domain.streak_keeper import MissingDaysError, StreakKeeper

__all__ = ["MissingDaysError", "RunningTotals", "Start", "TotalOutOfRangeError"]


class TotalOutOfRangeError(ArithmeticError):
    """The total would leave the range of whole numbers that the app can store."""


class Start(NamedTuple):
    """Where a user stood before something was booked."""

    #: That of the first entry that is booked.
    place: int
    total_xp: int
    level: int
    peak_level: int
    peak_streak: int
    active_days: int
    longest_streak: int
    held: AbstractSet[int]
    last_occurred_at: datetime | None
    streaks: Mapping[int, int]

    def dates(self, cause: Entry) -> bool:
        """Say whether what ``cause`` unlocks is met at the time of ``cause``.

        That is so unless something in the ledger occurred later, or was taken back.
        """
        if cause.kind in {EntryKind.REVERSAL, EntryKind.CORRECTION}:
            return False
        last = self.last_occurred_at
        return last is None or cause.occurred_at >= last


class RunningTotals:
    """Everything derived from a ledger: starts at a state, grows with each entry."""

    def __init__(self, state: UserState, rules: Rules) -> None:
        self.state = state
        self.rules = rules
        self.total_xp = state.total_xp
        # A level that only a new table of levels has brought is no rise.
        self.level = calculate_level_from_xp(state.total_xp, rules.thresholds)
        self.highest_level = max(state.highest_level, self.level)
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
        self.lost_days: AbstractSet[date] = NONE
        self.streaks = StreakKeeper(state, rules.catalogue)
        catalogue = rules.catalogue
        #: The counts for conditions; None if there are none.
        self.filters: FilterKeeper | None = None
        if catalogue.trees.are_used:
            self.filters = FilterKeeper(state, catalogue.trees)
        #: Only where achievements can be earned again, or in a season.
        self.goals = GoalKeeper(state, rules) if catalogue.has_special else None

    @property
    def changed_days(self) -> dict[date, tuple[int, int]]:
        """Activities and XP to add, by date, without the dates in ``lost_days``."""
        lost = self.lost_days
        if not lost:
            return self.days
        return {day: change for day, change in self.days.items() if day not in lost}

    def book(self, entry: Entry) -> None:
        """Add ``entry`` to the ledger and update everything derived from it."""
        self.entries.append(entry)
        active_days = self.active_days
        self.total_xp += entry.amount
        if not -MAX_TOTAL <= self.total_xp <= MAX_TOTAL:
            raise TotalOutOfRangeError
        self.level = calculate_level_from_xp(self.total_xp, self.rules.thresholds)
        self.highest_level = max(self.highest_level, self.level)
        if self.last_occurred_at is None or entry.occurred_at > self.last_occurred_at:
            self.last_occurred_at = entry.occurred_at
        if self.goals:
            self.goals.note(entry)
        if entry.activity_id is not None:
            self._count(entry.activity_id, entry.quantity)
            if self.rules.catalogue.chosen_activities:
                self.streaks.note(entry)
            if entry.extends_streak:
                self._mark_day(entry)
        if self.filters is not None:
            place, change = len(self.entries) - 1, self.active_days - active_days
            self.filters.note(entry, place, change)

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
        day, sign = entry.local_date, SIGNS.get(entry.kind, 0)
        activities, xp = self.days.get(day, (0, 0))
        self.days[day] = (activities + sign, xp + entry.amount)
        if sign:
            self._count_on(day, sign)

    def _count_on(self, day: date, activities: int) -> None:
        before, after = self.streaks.count(self.streak, day, activities)
        if after and not before:
            self.active_days += 1
            self.streak = self.streaks.extend(self.streak, day)
        elif before and not after:
            self.lost_days |= {day}
            self.active_days -= 1
            self.streak = self.streaks.shrink(self.streak, day)
        # A lost date can lengthen a run: freezes are then earned on other dates.
        self.highest_streak = max(self.highest_streak, self.streak.longest)

    def reaches(self, thresholds: Facts) -> bool:
        """Say whether any value is as high as in ``thresholds``."""
        counts = thresholds.counts
        return bool(
            self.total_xp >= thresholds.total_xp
            or self.level >= thresholds.level
            or self.active_days >= thresholds.active_days
            or self.streak.longest >= thresholds.longest_streak
            or len(self.held) >= thresholds.achievements
            or any(self._tally(pk) >= counts.get(pk, NEVER) for pk in self.tallies)
            or (thresholds.streaks and self._reaches_run(thresholds.streaks))
        )

    def _reaches_run(self, thresholds: Mapping[int, int]) -> bool:
        known = self._longest_runs().items()
        return any(longest >= thresholds.get(pk, NEVER) for pk, longest in known)

    def _longest_runs(self) -> Mapping[int, int]:
        """Return the longest runs of the streaks besides the daily, as far as known."""
        return self.streaks.longest() if self.rules.catalogue.other_streaks else NOTHING

    def start(self) -> Start:
        """Return where the user stands now."""
        return Start(
            len(self.entries),
            self.total_xp,
            self.level,
            self.highest_level,
            self.highest_streak,
            self.active_days,
            self.streak.longest,
            self.held,
            self.last_occurred_at,
            self._longest_runs(),
        )

    def facts(self) -> Facts:
        """Return what achievements can measure now, of activities that are known."""
        return self._facts({*self.tallies, *self.state.tallies})

    def facts_at(self, start: Start) -> Facts:
        """Return what achievements could measure at ``start``."""
        counts = dict(self.facts().counts)
        for entry in self.entries[start.place :]:
            if entry.activity_id is not None:
                counts[entry.activity_id] -= entry.quantity
        return Facts(
            start.active_days,
            start.longest_streak,
            start.level,
            start.total_xp,
            len(start.held),
            counts,
            start.streaks,
        )

    def was_met(self, rule: AchievementRule, before: Facts, start: Start) -> bool:
        """Say whether ``rule`` may have been met at ``start``, with its facts."""
        if self.goals is None or not rule.is_special:
            return before.meet(rule)
        return self.goals.was_met(rule, self.entries[start.place :], before)

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
            self._longest_runs(),
        )
