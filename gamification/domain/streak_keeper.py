"""Keeps a user's streaks up to date while entries are booked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

from gamification.domain.catalogue import Catalogue
from gamification.domain.freezes import FreezeRow, missing_rows
from gamification.domain.nearby import NearbyDays
from gamification.domain.outcomes import Entry
from gamification.domain.state import NOTHING, UserState
from gamification.domain.streak_book import dates_of
from gamification.domain.streak_rules import StreakRule
from gamification.domain.streak_runs import Runs, earns_freezes, find_runs
from gamification.domain.streaks import (
    Streak,
    extend_streak,
    lengthened,
    measure_streak,
)


class MissingDaysError(LookupError):
    """The entry takes dates, or the ``book`` of streaks, which the state lacks."""


class StreakKeeper:
    """The streaks of one user, of which the daily one is kept with the user's row.

    Consecutive dates extend it without a look at anything else. Only what may take or
    give a freeze is worked out from all dates.
    """

    __slots__ = (
        "_book",
        "_chosen",
        "_is_strict",
        "_runs",
        "catalogue",
        "days",
        "nearby",
        "state",
    )

    def __init__(self, state: UserState, catalogue: Catalogue) -> None:
        self.state = state
        self.catalogue = catalogue
        #: Activities by active date; None if the state lacks them.
        self.days = None if state.days is None else dict(state.days)
        #: Those around the dates of the request; None if the state lacks them.
        self.nearby = state.nearby and NearbyDays(state.nearby, state.calendar)
        self._is_strict = catalogue.is_strict and not state.has_exceptions
        self._book = state.book
        #: Records that stand, by activity and date.
        self._chosen: dict[tuple[int, date], int]
        #: By id of the streak, as far as they are known and still hold.
        self._runs: dict[int, Runs]
        if state.book is not None:
            self._chosen, self._runs = dict(state.book.chosen), {}

    @property
    def is_loaded(self) -> bool:
        """Whether the runs of all streaks can be worked out."""
        return self.days is not None and self._book is not None

    def count(self, streak: Streak, day: date, activities: int) -> tuple[int, int]:
        """Add to the activities of ``day``; return how many it had, and has now.

        If the state lacks the dates, the numbers say only whether the date is active.
        ``streak`` is the daily one.
        """
        if self.days is not None:
            before = self.days.get(day, 0)
            after = self.days[day] = before + activities
            if not after:
                del self.days[day]
            return before, after
        if self.nearby:
            if day not in self.nearby:
                raise MissingDaysError
            return self.nearby.count(day, activities)
        if activities < 0:
            raise MissingDaysError
        return int(self._is_active(streak, day)), 1

    def _is_active(self, streak: Streak, day: date) -> bool:
        """Say whether ``day`` is active, if the streak alone shows that."""
        last = streak.last_active_on
        if last is None or day > last:
            return False
        if day == last:
            return True
        # Between the first and the last date of a plain run, only neutral ones are not.
        is_within = day > last - timedelta(streak.current)
        if self._is_strict and is_within and not self.state.calendar.is_neutral(day):
            return True
        raise MissingDaysError

    def extend(self, streak: Streak, day: date) -> Streak:
        """Return the daily streak after ``day`` became active."""
        calendar, last = self.state.calendar, streak.last_active_on
        self._expect(self.catalogue.other_streaks)
        if self.nearby:
            self.nearby.add(day)
        if self._is_strict:
            if self.nearby and last is not None and day < last:
                return lengthened(streak, *self.nearby.run_of(day))
            return extend_streak(streak, day, self.days or (), calendar)
        current = streak.current + 1
        is_next = last is not None and last < day and calendar.follows(last, day)
        if is_next and not earns_freezes(self.catalogue.daily, last, day, current):
            return Streak(current, max(streak.longest, current), day)
        return self._daily()

    def shrink(self, streak: Streak, day: date) -> Streak:
        """Return the daily streak after ``day`` was lost."""
        self._expect(self.catalogue.other_streaks)
        if self.nearby:
            return self._without(streak, day, self.nearby)
        if self._is_strict:
            return measure_streak(self.days or (), self.state.calendar)
        return self._daily()

    def _without(self, streak: Streak, day: date, nearby: NearbyDays) -> Streak:
        length, end = nearby.run_of(day)
        nearby.drop(day)
        current, longest, last = streak.current, streak.longest, streak.last_active_on
        if length >= longest:
            if nearby.elsewhere is None:
                raise MissingDaysError
            longest = max(nearby.elsewhere, nearby.longest())
        if end == last:
            last = nearby.last
            current = nearby.run_of(last)[0] if last else 0
        return Streak(current, longest, last)

    def note(self, entry: Entry) -> None:
        """Count an entry of an activity that staff chose for a streak."""
        chosen = self.catalogue.chosen_activities
        if entry.activity_id in chosen and entry.sign:
            self._expect(needs_book=True)
            place = entry.activity_id or 0, entry.local_date
            self._chosen[place] = self._chosen.get(place, 0) + entry.sign

    def longest(self) -> Mapping[int, int]:
        """Return the longest runs by id of the streak, of those that are known."""
        if self._book is None or not self.is_loaded:
            return NOTHING
        return {
            rule.id: self.runs(rule).longest for rule in self.catalogue.other_streaks
        }

    def others(self) -> Mapping[str, Runs]:
        """Return the runs by key of the streaks besides the daily.

        It returns none if not all of them are known.
        """
        if not self.is_loaded:
            return {}
        return {rule.key: self.runs(rule) for rule in self.catalogue.other_streaks}

    def freeze_rows(
        self, now: datetime, more: Collection[FreezeRow] = ()
    ) -> list[FreezeRow]:
        """Return what the ledger of freezes lacks after all that was booked.

        ``more`` are rows that the ledger is about to have.
        """
        if self._book is None or not self.is_loaded:
            return []
        known = (*self._book.freezes, *more)
        return [
            row
            for rule in (self.catalogue.daily, *self.catalogue.other_streaks)
            for row in missing_rows(
                self.state.user_id,
                rule.id,
                [each for each in known if each.streak_id == rule.id],
                self.runs(rule),
                now,
            )
        ]

    def runs(self, rule: StreakRule) -> Runs:
        """Return the runs of a streak; the state must have its days and its book."""
        if self.days is None or self._book is None:
            raise MissingDaysError
        if rule.id not in self._runs:
            self._runs[rule.id] = find_runs(
                rule,
                dates_of(rule, self.days, self._chosen, self.state.calendar),
                self.state.calendar,
                self._book.exceptions_of(rule),
            )
        return self._runs[rule.id]

    def _daily(self) -> Streak:
        return self.runs(self.catalogue.daily).streak

    def _expect(self, needs_book: object) -> None:
        """Forget the runs, because dates change."""
        if self._book is not None:
            self._runs.clear()
        elif needs_book:
            raise MissingDaysError
