"""What is around some dates says the same about a daily streak as all dates do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.domain.catalogue import Catalogue
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.nearby import (
    Nearby,
    NearbyDays,
    days_in,
    longest_without,
    spans_of,
    splits_longest,
)
from gamification.domain.streak_keeper import MissingDaysError, StreakKeeper
from gamification.domain.streaks import Streak, measure_streak
from tests.domain.builders import CALENDAR, state

FIRST = date(2026, 1, 1)


def on(number):
    return FIRST + timedelta(number)


def span(first, last):
    return on(first), on(last)


def moving(*moves):
    """Return the calendar of somebody who moved to these zones, on January n."""
    since = [datetime(2026, 1, day, hour, tzinfo=UTC) for day, hour, _ in moves]
    changes = [
        ZoneChange(at.timestamp(), zone)
        for at, (_, _, zone) in zip(since, moves, strict=True)
    ]
    return Calendar((ZoneChange(0, "Etc/GMT+11"), *changes))


#: Nobody moves; somebody skips January 10; they skip it and January 20.
CALENDARS = [
    CALENDAR,
    moving((10, 12, "Pacific/Kiritimati")),
    moving(
        (10, 12, "Pacific/Kiritimati"), (15, 12, "Etc/GMT+11"), (20, 12, "Etc/GMT-14")
    ),
]


def around(dates, wanted, calendar):
    """Return what a store reads of ``dates``, found the slow way."""
    spans, asked = [], {*wanted, *calendar.neutral_dates}
    for first, last in spans_of(sorted(dates)):
        between = [d for d in asked if first - timedelta(1) <= d <= last + timedelta(1)]
        next_before = any(
            last < d and not any(last < other < d for other in dates) for d in asked
        )
        next_after = any(
            d < first and not any(d < other < first for other in dates) for d in asked
        )
        if between or next_before or next_after:
            spans.append((first, last))
    known = {d for first, last in spans for d in dates if first <= d <= last}
    elsewhere = measure_streak({*dates} - known, calendar).longest
    return Nearby({d: int(d in dates) for d in asked}, tuple(spans), elsewhere)


@given(
    st.sets(st.integers(0, 40)),
    st.lists(st.integers(0, 40), unique=True, max_size=6),
    st.sampled_from(CALENDARS),
)
def test_the_streak_is_that_of_all_dates(numbers, toggled, calendar):
    dates, wanted = {on(n) for n in numbers}, [on(n) for n in toggled]
    streak = measure_streak(dates, calendar)
    known = state(calendar=calendar, nearby=around(dates, wanted, calendar))
    keeper = StreakKeeper(known, Catalogue())

    for day in wanted:
        if day in dates:
            dates.remove(day)
            assert keeper.count(streak, day, -1) == (1, 0)
            streak = keeper.shrink(streak, day)
        else:
            dates.add(day)
            assert keeper.count(streak, day, 1) == (0, 1)
            streak = keeper.extend(streak, day)

        assert streak == measure_streak(dates, calendar)


@given(st.sets(st.integers(0, 40), min_size=1), st.integers(-3, 43))
def test_a_plain_streak_shows_which_dates_of_its_run_are_active(numbers, number):
    dates, day = {on(n) for n in numbers}, on(number)
    streak = measure_streak(dates, CALENDAR)
    keeper = StreakKeeper(state(streak=streak), Catalogue())

    try:
        before, _ = keeper.count(streak, day, 1)
    except MissingDaysError:
        assert day <= on(max(numbers) - streak.current)
    else:
        assert before == (day in dates)


def test_a_neutral_date_of_a_run_need_not_be_active():
    calendar = CALENDARS[1]
    streak = measure_streak([on(8), on(10), on(11)], calendar)
    assert streak == Streak(3, 3, on(11))
    keeper = StreakKeeper(state(calendar=calendar, streak=streak), Catalogue())

    with pytest.raises(MissingDaysError):
        keeper.count(streak, on(9), 1)


@pytest.mark.parametrize("nearby", [None, Nearby({on(3): 1}, (span(3, 3),))])
def test_a_date_that_was_not_read_cannot_lose_an_activity(nearby):
    streak = Streak(4, 4, on(10))
    keeper = StreakKeeper(state(streak=streak, nearby=nearby), Catalogue())

    with pytest.raises(MissingDaysError):
        keeper.count(streak, on(9), -1)


def test_the_longest_run_cannot_be_split_without_the_others():
    streak = Streak(2, 2, on(1))
    nearby = Nearby({on(0): 1}, (span(0, 1),))
    keeper = StreakKeeper(state(streak=streak, nearby=nearby), Catalogue())

    keeper.count(streak, on(0), -1)

    with pytest.raises(MissingDaysError):
        keeper.shrink(streak, on(0))


@pytest.mark.parametrize("calendar", CALENDARS)
def test_neutral_dates_are_those_of_the_calendar(calendar):
    every = [on(n) for n in range(-400, 400)]

    assert [day for day in every if calendar.is_neutral(day)] == [
        *calendar.neutral_dates
    ]


@pytest.mark.parametrize(
    ("zone", "skipped"),
    [
        ("Pacific/Apia", [date(2011, 12, 30)]),
        ("Pacific/Fakaofo", [date(2011, 12, 30)]),
        ("Pacific/Kiritimati", [date(1994, 12, 31)]),
        ("Pacific/Kwajalein", [date(1993, 8, 21)]),
        # Manila and Alaska went to the other side of the date line, too: one of them
        # without a date, the other with one that lasted for two days.
        ("Asia/Manila", [date(1844, 12, 31)]),
        ("America/Sitka", []),
        ("Europe/Rome", []),
    ],
)
def test_neutral_dates_include_those_that_a_zone_skipped(zone, skipped):
    calendar = Calendar((ZoneChange(0, zone),))

    assert [*calendar.neutral_dates] == skipped
    assert all(calendar.is_neutral(day) for day in skipped)


def test_spans_merge_where_they_meet():
    spans = [span(6, 8), span(1, 3), span(2, 4), span(5, 5), span(10, 12)]

    nearby = Nearby.of({on(5): 2, on(9): 0}, spans)

    assert nearby.spans == (span(1, 8), span(10, 12))
    assert days_in(nearby.spans) == 11


def test_among_all_dates_every_span_is_known():
    nearby = Nearby.among(Counter([on(1), on(2), on(2), on(4)]), [on(2), on(3)])

    assert nearby == Nearby({on(2): 2, on(3): 0}, (span(1, 2), span(4, 4)), 0)


def test_the_longest_run_is_split_by_a_date_that_it_loses():
    nearby = Nearby({on(2): 1, on(8): 1}, (span(0, 4), span(8, 9)))

    assert splits_longest(nearby, [on(2)], 5, CALENDAR)
    assert not splits_longest(nearby, [on(8)], 5, CALENDAR)
    assert longest_without(nearby, [on(2)], CALENDAR) == 2
    assert longest_without(nearby, [on(8)], CALENDAR) == 5


def test_a_date_is_known_if_it_was_asked_for():
    days = NearbyDays(Nearby({on(1): 0}), CALENDAR)

    assert on(1) in days
    assert on(2) not in days
    assert days.last is None


def test_neutral_dates_link_runs():
    # Samoa went from the 29th to the 31st.
    apia = Calendar((ZoneChange(0, "Pacific/Apia"),))
    before = date(2011, 12, 28), date(2011, 12, 29)
    after = date(2011, 12, 31), date(2012, 1, 1)
    days = NearbyDays(Nearby({after[0]: 1}, (before, after)), apia)

    assert days.run_of(after[0]) == (4, after[1])
    assert days.run_of(before[0]) == (4, after[1])
    assert days.longest() == 4
