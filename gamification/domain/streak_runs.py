"""The runs of a streak, worked out from dates alone.

The same dates always give the same runs, in whatever order they became known: one walk
over the periods says which gaps freezes cover, and what is left in stock. Nothing is
remembered that cannot be derived again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

from gamification.domain.days import ONE_DAY, Calendar
from gamification.domain.streak_rules import StreakPeriod, StreakRule, StreakUnit
from gamification.domain.streaks import Streak


class Grant(NamedTuple):
    """Freezes that somebody gave to a user on one of the user's dates."""

    day: date
    amount: int
    #: None if no change of zone came later.
    granted_at: datetime | None = None


class Pause(NamedTuple):
    """Dates that break no streak, both included."""

    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Exceptions:
    """The exceptions that a user was granted for one streak."""

    grants: tuple[Grant, ...] = ()
    pauses: tuple[Pause, ...] = ()
    repaired: frozenset[date] = frozenset()

    def is_paused(self, day: date) -> bool:
        """Say whether ``day`` lies in a pause."""
        return any(since <= day <= until for since, until in self.pauses)


#: Nothing was granted.
NO_EXCEPTIONS = Exceptions()


@dataclass(slots=True)
class Runs:
    """The runs of a streak until its last period that counts."""

    current: int = 0
    longest: int = 0
    last_active_on: date | None = None
    #: The last period that counts, and the date on which its run began.
    last: StreakPeriod | None = None
    began_on: date | None = None
    #: Active dates of this run, which earn freezes.
    counted: int = 0
    #: Freezes in stock, and the dates that used one: of a week or month, the last.
    stock: int = 0
    used: frozenset[date] = frozenset()
    #: Freezes that came with active dates, and those of grants that found no room.
    earned: dict[date, int] = field(default_factory=dict)
    surplus: dict[date, int] = field(default_factory=dict)

    @property
    def streak(self) -> Streak:
        """The streak as a user's row has it."""
        return Streak(self.current, self.longest, self.last_active_on)


class Gap(NamedTuple):
    """The periods from the last one that counts to the one that is open."""

    #: The last dates of the missed periods, until the first that broke the streak.
    missed: Sequence[date]
    is_covered: bool


class Walk:
    """Goes once over a user's active dates, in order, and keeps the stock."""

    def __init__(
        self,
        rule: StreakRule,
        dates: Iterable[date],
        calendar: Calendar,
        exceptions: Exceptions = NO_EXCEPTIONS,
    ) -> None:
        self.rule = rule
        self.calendar = calendar
        self.exceptions = exceptions
        self.dates = sorted({*dates})
        self.active = frozenset(self.dates)
        self.runs = Runs()
        #: The gap that broke the streak last, and the period after which it began; and
        #: how long the streak was until then.
        self.breach: tuple[StreakPeriod, Gap] | None = None
        self.lost = 0
        #: The dates on which the longest run became so long, in order.
        self.growth: list[tuple[date, int]] = []
        self._supplies = sorted(self._find_supplies(), reverse=True)
        self._used: list[date] = []
        for period, days in groupby(self.dates, rule.period_of):
            self._pass(period, [*days])
        self.runs.used = frozenset(self._used)
        self.runs.last_active_on = self.dates[-1] if self.dates else None

    def finish(self) -> Runs:
        """Return the runs with all freezes that were granted in stock."""
        self._supply(date.max)
        return self.runs

    def gap_until(self, day: date) -> Gap:
        """Return the gap from the last period that counts to the one of ``day``.

        Freezes that are granted meanwhile come into stock.
        """
        last, end = self.runs.last, self.rule.period_of(day).start
        gap = self._gap(last, end) if last else Gap((), is_covered=False)
        if last and not gap.is_covered:
            self.breach, self.lost = (last, gap), self.runs.current
        self._supply(day)
        return gap

    def is_missed(self, period: StreakPeriod) -> bool:
        """Say whether ``period`` breaks a streak, unless a freeze covers it.

        A period that a change of the rules cuts short never does.
        """
        if not period.is_whole:
            return False
        if period.version.unit == StreakUnit.DAY:
            day = period.start
            return not self.is_credited(day) and self._is_open(period, day)
        return bool(self.lacking_in(period))

    def lacking_in(self, period: StreakPeriod) -> list[date]:
        """Return the last dates with which ``period`` would break nothing."""
        dates = [*period.dates()]
        expected = [day for day in dates if self._is_open(period, day)]
        done = sum(self.is_credited(day) for day in dates)
        lacking = min(period.version.goal, len(expected)) - done
        left = [day for day in expected if not self.is_credited(day)]
        return left[max(0, len(left) - lacking) :]

    def is_credited(self, day: date) -> bool:
        """Say whether the user was active on ``day``, or it was repaired."""
        return day in self.active or day in self.exceptions.repaired

    def done_in(self, period: StreakPeriod) -> int:
        """Return the number of active dates in ``period``."""
        return sum(day in self.active for day in period.dates())

    def _is_open(self, period: StreakPeriod, day: date) -> bool:
        """Say whether the user could be expected to be active on ``day``."""
        return (
            day.isoweekday() in period.version.weekdays
            and not self.exceptions.is_paused(day)
            and not self.calendar.is_neutral(day)
        )

    def _pass(self, period: StreakPeriod, days: Sequence[date]) -> None:
        # One below its goal ends no gap: freezes that come in it cover none before it.
        if len(days) < period.version.goal:
            return
        self._reach(period)
        self.growth.append((days[period.version.goal - 1], self.runs.longest))
        for day in days:
            self._supply(day)
            self._earn(period, day)

    def _reach(self, period: StreakPeriod) -> None:
        """Let a run go on, or begin, with ``period``."""
        runs = self.runs
        gap = self._gap(runs.last, period.start) if runs.last else None
        if runs.last and gap and not gap.is_covered:
            self.breach, self.lost = (runs.last, gap), runs.current
        if gap and gap.is_covered:
            runs.stock -= len(gap.missed)
            self._used += gap.missed
        else:
            runs.current, runs.counted, runs.began_on = 0, 0, period.start
        runs.current += 1
        runs.longest = max(runs.longest, runs.current)
        runs.last = period

    def _gap(self, last: StreakPeriod, end: date) -> Gap:
        """Return the gap after ``last`` and before ``end``.

        Each date that was missed takes a freeze that was in stock when it ended.
        """
        missed: list[date] = []
        for period in self._between(last, end):
            if self.is_missed(period):
                missed.append(period.end)
                self._supply(period.end)
                if self.runs.stock < len(missed):
                    return Gap(missed, is_covered=False)
        # Freezes that came later in the gap found the stock as full as until then.
        self._supply(end - ONE_DAY)
        return Gap(missed, is_covered=True)

    def _between(self, last: StreakPeriod, end: date) -> Iterator[StreakPeriod]:
        period = self.rule.following(last)
        while period.start < end:
            yield period
            period = self.rule.following(period)

    def _find_supplies(self) -> Iterator[tuple[date, bool, date, int]]:
        """Yield freezes that no run earns: when they come, own date, and how many.

        The freezes at the start, for which the second value is true, come after grants.
        """
        for day, amount, at in self.exceptions.grants:
            # They cover dates that a change of zone repeats.
            repeated = self.calendar.dates_of_changes(at) if at else ()
            yield min([day, *repeated]), False, day, amount
        if any(version.initial_freezes for version in self.rule.versions):
            amounts = ((d, self.rule.version_on(d).initial_freezes) for d in self.dates)
            for day, amount in islice(filter(itemgetter(1), amounts), 1):
                yield day, True, day, amount

    def _supply(self, day: date) -> None:
        """Put the freezes into stock that came until ``day``."""
        while self._supplies and self._supplies[-1][0] <= day:
            _came_on, is_initial, own, amount = self._supplies.pop()
            added = self._add(own, amount)
            if is_initial:
                _count(self.runs.earned, own, added)
            else:
                _count(self.runs.surplus, own, amount - added)

    def _earn(self, period: StreakPeriod, day: date) -> None:
        self.runs.counted += 1
        every = period.version.freeze_every
        if every and self.runs.counted % every == 0:
            _count(self.runs.earned, day, self._add(day, 1))

    def _add(self, day: date, amount: int) -> int:
        """Put freezes into stock as far as there is room; return how many."""
        room = self.rule.version_on(day).freeze_cap - self.runs.stock
        added = max(0, min(amount, room))
        self.runs.stock += added
        return added


def _count(amounts: dict[date, int], day: date, amount: int) -> None:
    if amount:
        amounts[day] = amounts.get(day, 0) + amount


def find_runs(
    rule: StreakRule,
    dates: Iterable[date],
    calendar: Calendar,
    exceptions: Exceptions = NO_EXCEPTIONS,
) -> Runs:
    """Return the runs over ``dates``, which may be unsorted and repeat.

    The stock includes freezes that were granted since the last date.
    """
    return Walk(rule, dates, calendar, exceptions).finish()


def earns_freezes(rule: StreakRule, last: date | None, day: date, counted: int) -> bool:
    """Say whether ``day`` can add freezes: the active date after ``last``.

    It is the active date of its run with the number ``counted``.
    """
    version = rule.version_on(day)
    is_earned = version.freeze_every and counted % version.freeze_every == 0
    has_initial = last is not None and rule.version_on(last).initial_freezes
    return bool(is_earned or (version.initial_freezes and not has_initial))
