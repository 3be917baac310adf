"""Streaks against a naive model, which goes through the days one by one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.freezes import FreezeRow, grants_of, missing_rows
from gamification.domain.streak_rules import STRICT, StreakRule, StreakVersion
from gamification.domain.streak_runs import (
    NO_EXCEPTIONS,
    Exceptions,
    Grant,
    Pause,
    find_runs,
)
from gamification.domain.streak_status import are_runs_longer, find_status

FIRST = date(2026, 4, 20)
LENGTH = 40
TODAY = FIRST + timedelta(days=LENGTH)

#: 2026-05-05 existed for two and a half hours.
FLIGHT = Calendar(
    (
        ZoneChange(0, "Pacific/Honolulu"),
        ZoneChange(
            datetime(2026, 5, 5, 9, 30, tzinfo=UTC).timestamp(), "Pacific/Auckland"
        ),
    )
)
UTC_DAYS = Calendar((ZoneChange(0, "UTC"),))

days = st.integers(0, LENGTH).map(lambda n: FIRST + timedelta(days=n))
spans = st.tuples(days, st.integers(0, 8)).map(
    lambda pair: Pause(pair[0], pair[0] + timedelta(days=pair[1]))
)


grants = st.builds(Grant, days, st.integers(1, 3), st.none())


@dataclass
class Case:
    version: StreakVersion
    dates: set[date]
    exceptions: Exceptions = NO_EXCEPTIONS
    calendar: Calendar = UTC_DAYS
    first: date = FIRST
    today: date = TODAY

    @property
    def rule(self) -> StreakRule:
        return StreakRule(1, "daily", versions=(self.version,))


@st.composite
def cases(draw, **fields):
    version = StreakVersion(
        weekdays=draw(st.sampled_from([(1, 2, 3, 4, 5, 6, 7), (1, 2, 3, 4, 5)])),
        initial_freezes=draw(st.integers(0, 1)),
        freeze_every=draw(st.sampled_from([None, 2, 5])),
        freeze_cap=draw(st.integers(1, 3)),
        **fields,
    )
    missed = draw(st.sets(days, max_size=12))
    everything = {FIRST + timedelta(days=n) for n in range(LENGTH + 1)}
    return Case(
        version,
        draw(st.sampled_from([everything - missed, missed])),
        Exceptions(
            tuple(draw(st.lists(grants, max_size=3))),
            tuple(draw(st.lists(spans, max_size=2))),
            frozenset(draw(st.sets(days, max_size=2))),
        ),
        draw(st.sampled_from([UTC_DAYS, FLIGHT])),
    )


@dataclass
class Naive:
    """A streak, as one would keep it by hand from day to day."""

    case: Case
    stock: int = 0
    current: int = 0
    longest: int = 0
    counted: int = 0
    missed: int = 0
    is_alive: bool = False
    has_initial: bool = False
    used: int = 0
    lost: list[int] = field(default_factory=list)

    def live(self) -> None:
        for n in range((self.case.today - self.case.first).days + 1):
            day = self.case.first + timedelta(days=n)
            if day in self.case.dates:
                self.act()
            for grant in self.case.exceptions.grants:
                if grant.day == day:
                    self.add(grant.amount)
            if day in self.case.dates:
                self.earn()
            elif day < self.case.today and self.expects(day):
                self.miss()

    def add(self, amount: int) -> None:
        self.stock = max(
            self.stock, min(self.case.version.freeze_cap, self.stock + amount)
        )

    def act(self) -> None:
        if self.is_alive:
            self.stock -= self.missed
            self.used += self.missed
        else:
            self.current = self.counted = 0
        self.is_alive, self.missed = True, 0
        self.current += 1
        self.longest = max(self.longest, self.current)

    def earn(self) -> None:
        if not self.has_initial:
            self.add(self.case.version.initial_freezes)
        self.has_initial = True
        self.counted += 1
        every = self.case.version.freeze_every
        if every and self.counted % every == 0:
            self.add(1)

    def expects(self, day: date) -> bool:
        paused = any(a <= day <= b for a, b in self.case.exceptions.pauses)
        return (
            day.isoweekday() in self.case.version.weekdays
            and not paused
            and day not in self.case.exceptions.repaired
            and not (self.case.calendar == FLIGHT and day == date(2026, 5, 5))
        )

    def miss(self) -> None:
        self.missed += 1
        self.is_alive = self.is_alive and self.missed <= self.stock


@given(cases())
def test_a_streak_is_what_one_would_keep_from_day_to_day(case):
    naive = Naive(case)

    naive.live()

    zone_hour = 12 if case.calendar == UTC_DAYS else 0
    now = datetime.combine(TODAY, time(zone_hour), tzinfo=UTC)
    status = find_status(case.rule, case.dates, case.calendar, now, case.exceptions)
    runs = find_runs(case.rule, case.dates, case.calendar, case.exceptions)
    current = naive.current if naive.is_alive else 0
    assert (status.current, status.longest) == (current, naive.longest)
    assert (status.freezes, len(runs.used)) == (naive.stock, naive.used)
    assert status.current <= status.longest
    assert 0 <= status.freezes <= case.version.freeze_cap


@given(
    st.one_of(cases(), st.builds(Case, st.just(StreakVersion()), st.sets(days))),
    st.sampled_from([UTC_DAYS, FLIGHT]),
    st.sets(days, max_size=3),
)
def test_runs_are_longer_if_both_statuses_say_so(case, calendar, repaired):
    now = datetime.combine(TODAY, time(12), tzinfo=UTC)
    more = replace(case.exceptions, repaired=case.exceptions.repaired | repaired)
    arguments = case.rule, case.dates, calendar, now

    is_longer = are_runs_longer(*arguments, case.exceptions, repaired)

    before, after = (find_status(*arguments, each) for each in (case.exceptions, more))
    assert is_longer == (
        (after.current, after.longest) > (before.current, before.longest)
    )


@pytest.mark.parametrize(
    ("dates", "repaired", "is_longer"),
    [
        ({18, 20}, {19}, True),
        ({17, 20}, {18, 19}, True),
        ({17, 20}, {19}, False),
        # Today is open, and a date that is active needs no repair.
        ({18}, {19}, True),
        ({18, 19}, {19}, False),
        (set(), {19}, False),
    ],
)
def test_a_repair_makes_a_run_longer_that_it_joins_to_another(
    dates, repaired, is_longer
):
    now = datetime(2026, 6, 20, 12, tzinfo=UTC)
    dates, repaired = ({date(2026, 6, n) for n in each} for each in (dates, repaired))

    found = are_runs_longer(STRICT, dates, UTC_DAYS, now, NO_EXCEPTIONS, repaired)

    assert found is is_longer


@given(cases(), st.randoms(use_true_random=False))
def test_the_order_of_dates_does_not_matter(case, random):
    shuffled = [*case.dates, *case.dates]
    random.shuffle(shuffled)

    runs = find_runs(case.rule, shuffled, case.calendar, case.exceptions)

    assert runs == find_runs(case.rule, case.dates, case.calendar, case.exceptions)


@given(cases(), st.lists(days, max_size=6))
def test_the_ledger_of_freezes_follows_every_change(case, changed):
    rows = [
        FreezeRow(7, 1, "granted", grant.amount, grant.day, f"{n}", datetime.now(UTC))
        for n, grant in enumerate(case.exceptions.grants)
    ]
    for day in [None, *changed]:
        case.dates ^= {day} - {None}
        runs = find_runs(case.rule, case.dates, case.calendar, case.exceptions)
        rows += missing_rows(7, 1, rows, runs, datetime.now(UTC))
        assert missing_rows(7, 1, rows, runs, datetime.now(UTC)) == []

    granted = [(grant.day, grant.amount) for grant in grants_of(rows)]
    assert granted == [(grant.day, grant.amount) for grant in case.exceptions.grants]
    stock = sum(row.amount for row in rows)
    assert stock == runs.stock <= case.version.freeze_cap
    assert len({row.key for row in rows}) == len(rows)


@given(
    st.sets(days, max_size=30),
    st.integers(1, 4),
    st.integers(1, 7),
)
def test_weeks_are_those_of_the_first_weekday(dates, goal, first):
    version = StreakVersion(unit="week", goal=goal, first_weekday=first)
    rule = StreakRule(1, "weekly", versions=(version,))

    runs = find_runs(rule, dates, UTC_DAYS)

    start = FIRST - timedelta(days=14)
    while start.isoweekday() != first:
        start += timedelta(days=1)
    current = longest = 0
    for week in range(10):
        begins = start + timedelta(days=7 * week)
        done = sum(begins <= day < begins + timedelta(days=7) for day in dates)
        current = current + 1 if done >= goal else 0
        longest = max(longest, current)
    assert runs.longest == longest
