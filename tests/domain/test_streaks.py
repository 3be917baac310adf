from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.streaks import (
    Streak,
    StreakState,
    StreakStatus,
    extend_streak,
    measure_streak,
    streak_status,
)

UTC_DAYS = Calendar((ZoneChange(0, "UTC"),))

#: The day that never was is 2011-12-30.
SAMOA = Calendar((ZoneChange(0, "Pacific/Apia"),))

#: 2026-05-05 existed for two and a half hours.
LEFT_HONOLULU = datetime(2026, 5, 5, 9, 30, tzinfo=UTC)
FLIGHT_EAST = Calendar(
    (
        ZoneChange(0, "Pacific/Honolulu"),
        ZoneChange(LEFT_HONOLULU.timestamp(), "Pacific/Auckland"),
    )
)

LEFT_AUCKLAND = datetime(2026, 5, 6, 8, 0, tzinfo=UTC)
FLIGHT_WEST = Calendar(
    (
        ZoneChange(0, "Pacific/Auckland"),
        ZoneChange(LEFT_AUCKLAND.timestamp(), "Pacific/Honolulu"),
    )
)


def at(zone: str, *moment: int) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo(zone))


def in_zone(name: str, *moments: tuple[int, ...]) -> tuple[Calendar, list[datetime]]:
    calendar = Calendar((ZoneChange(0, name),))
    return calendar, [at(name, *moment) for moment in moments]


#: The table of semantics: a calendar, the instants, and the streak that they make.
CASES = {
    "a day of 25 hours": (
        *in_zone(
            "Europe/London",
            (2026, 10, 24, 10),
            (2026, 10, 25, 10),
            (2026, 10, 26, 10),
        ),
        3,
    ),
    "a day without midnight": (
        *in_zone(
            "Africa/Cairo",
            (2026, 4, 23, 23, 59),
            (2026, 4, 24, 1),
            (2026, 4, 25, 12),
        ),
        3,
    ),
    "a day that never was": (
        *in_zone(
            "Pacific/Apia",
            (2011, 12, 28, 20),
            (2011, 12, 29, 20),
            (2011, 12, 31, 20),
        ),
        3,
    ),
    "twenty minutes around midnight": (
        *in_zone("Asia/Kolkata", (2026, 3, 1, 23, 50), (2026, 3, 2, 0, 10)),
        2,
    ),
    "a late, an early and a late hour": (
        *in_zone(
            "America/Los_Angeles",
            (2026, 6, 1, 23),
            (2026, 6, 2, 9),
            (2026, 6, 3, 22),
        ),
        3,
    ),
    "a flight east over the date line": (
        FLIGHT_EAST,
        [
            at("Pacific/Honolulu", 2026, 5, 3, 20),
            at("Pacific/Honolulu", 2026, 5, 4, 20),
            at("Pacific/Auckland", 2026, 5, 6, 9),
        ],
        3,
    ),
    "a flight west over the date line": (
        FLIGHT_WEST,
        [
            at("Pacific/Auckland", 2026, 5, 5, 9),
            at("Pacific/Auckland", 2026, 5, 6, 9),
            at("Pacific/Honolulu", 2026, 5, 6, 9),
            at("Pacific/Honolulu", 2026, 5, 7, 9),
        ],
        3,
    ),
    "a real miss": (
        *in_zone("Europe/Paris", (2026, 2, 1, 9), (2026, 2, 2, 9), (2026, 2, 4, 9)),
        1,
    ),
}


@pytest.mark.parametrize(("calendar", "instants", "days"), CASES.values(), ids=CASES)
def test_the_table_of_semantics(calendar, instants, days):
    dates = [calendar.date_of(instant) for instant in instants]

    assert measure_streak(dates, calendar).current == days


@pytest.mark.parametrize(("calendar", "instants", "days"), CASES.values(), ids=CASES)
def test_the_table_of_semantics_one_record_at_a_time(calendar, instants, days):
    streak, dates = Streak(), set()

    for instant in instants:
        dates.add(day := calendar.date_of(instant))
        streak = extend_streak(streak, day, dates, calendar)

    assert streak.current == days


def days_of_june(*numbers: int) -> list[date]:
    return [date(2026, 6, number) for number in numbers]


def test_nothing_done_is_no_streak():
    assert measure_streak([], UTC_DAYS) == Streak(0, 0, None)


def test_the_longest_streak_is_kept_when_a_new_one_begins():
    streak = measure_streak(days_of_june(1, 2, 3, 7, 8), UTC_DAYS)

    assert streak == Streak(current=2, longest=3, last_active_on=date(2026, 6, 8))


def test_order_and_repetition_do_not_matter():
    streak = measure_streak(days_of_june(8, 2, 1, 8, 3, 7, 2), UTC_DAYS)

    assert streak == measure_streak(days_of_june(1, 2, 3, 7, 8), UTC_DAYS)


def test_a_late_record_joins_two_runs():
    streak = Streak(current=2, longest=2, last_active_on=date(2026, 6, 5))

    joined = extend_streak(
        streak, date(2026, 6, 3), days_of_june(1, 2, 3, 4, 5), UTC_DAYS
    )

    assert joined == Streak(5, 5, date(2026, 6, 5))


def test_a_late_record_lengthens_an_older_run_alone():
    streak = Streak(current=1, longest=2, last_active_on=date(2026, 6, 9))

    longer = extend_streak(streak, date(2026, 6, 3), days_of_june(1, 2, 3, 9), UTC_DAYS)

    assert longer == Streak(current=1, longest=3, last_active_on=date(2026, 6, 9))


def test_a_date_that_became_neutral_after_it_was_active_still_counts():
    streak = measure_streak([date(2026, 5, day) for day in (4, 5, 6)], FLIGHT_EAST)

    assert streak == Streak(3, 3, date(2026, 5, 6))


def test_a_late_record_joins_runs_on_both_sides_of_a_neutral_date():
    streak, may = Streak(1, 1, date(2026, 5, 7)), partial(date, 2026, 5)

    joined = extend_streak(streak, may(6), {may(4), may(6), may(7)}, FLIGHT_EAST)

    assert joined == Streak(3, 3, date(2026, 5, 7))


def naive_streak(dates: set[date], neutral: set[date]) -> tuple[int, int]:
    """Walk over all dates, one by one; return the last run and the longest."""
    run = longest = last_run = 0
    day = min(dates)
    while day <= max(dates):
        if day in dates:
            run += 1
            last_run = run
        elif day not in neutral:
            run = 0
        longest = max(longest, run)
        day += timedelta(1)
    return last_run, longest


CALENDARS = st.sampled_from(
    [
        (UTC_DAYS, date(2026, 5, 1), set()),
        (SAMOA, date(2011, 12, 20), {date(2011, 12, 30)}),
        (FLIGHT_EAST, date(2026, 4, 26), {date(2026, 5, 5)}),
        (FLIGHT_WEST, date(2026, 4, 26), set()),
    ]
)


@given(CALENDARS, st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_a_streak_is_what_a_walk_over_the_dates_finds(case, offsets):
    calendar, first, neutral = case
    dates = {first + timedelta(offset) for offset in offsets}

    streak = measure_streak(dates, calendar)

    assert (streak.current, streak.longest) == naive_streak(dates, neutral)
    assert streak.last_active_on == max(dates)


@given(CALENDARS, st.lists(st.integers(0, 20), min_size=1, max_size=30))
def test_one_record_at_a_time_gives_the_same_streak_in_any_order(case, offsets):
    calendar, first, _ = case
    streak, dates = Streak(), set()

    for offset in offsets:
        dates.add(day := first + timedelta(offset))
        streak = extend_streak(streak, day, dates, calendar)
        assert streak == measure_streak(dates, calendar)


def status_at(streak: Streak, *moment: int, calendar=UTC_DAYS) -> StreakStatus:
    return streak_status(streak, calendar, datetime(*moment, tzinfo=UTC))


THREE_DAYS = Streak(current=3, longest=5, last_active_on=date(2026, 6, 3))


def test_a_streak_is_active_on_the_day_of_its_last_record():
    status = status_at(THREE_DAYS, 2026, 6, 3, 23, 59)

    assert status == StreakStatus(
        state=StreakState.ACTIVE,
        current=3,
        longest=5,
        last_active_on=date(2026, 6, 3),
        lost_at=datetime(2026, 6, 5, tzinfo=UTC),
    )


def test_a_streak_is_at_risk_on_the_next_day():
    status = status_at(THREE_DAYS, 2026, 6, 4, 23, 59)

    assert (status.state, status.current) == (StreakState.AT_RISK, 3)
    assert status.lost_at == datetime(2026, 6, 5, tzinfo=UTC)


def test_a_streak_is_broken_after_a_day_without_records():
    status = status_at(THREE_DAYS, 2026, 6, 5)

    assert status == StreakStatus(
        StreakState.BROKEN, 0, 5, date(2026, 6, 3), lost_at=None
    )


def test_nobodys_streak_is_broken():
    status = status_at(Streak(), 2026, 6, 5)

    assert status == StreakStatus(StreakState.BROKEN, 0, 0, None, None)


def test_a_streak_stays_active_when_a_flight_west_repeats_yesterday():
    streak = Streak(2, 2, date(2026, 5, 6))

    status = status_at(streak, 2026, 5, 6, 9, calendar=FLIGHT_WEST)

    assert FLIGHT_WEST.date_of(datetime(2026, 5, 6, 9, tzinfo=UTC)) == date(2026, 5, 5)
    assert (status.state, status.current) == (StreakState.ACTIVE, 2)


def test_a_neutral_date_gives_a_streak_another_day():
    streak = Streak(2, 2, date(2026, 5, 4))

    status = status_at(streak, 2026, 5, 5, 10, calendar=FLIGHT_EAST)

    assert status.state == StreakState.AT_RISK
    # 6 May is the next day that counts; Auckland's 7 May begins at noon in UTC.
    assert status.lost_at == datetime(2026, 5, 6, 12, tzinfo=UTC)


ZONES = st.sampled_from(
    [
        "UTC",
        "Africa/Cairo",
        "America/Los_Angeles",
        "Asia/Kolkata",
        "Europe/London",
        "Pacific/Apia",
        "Pacific/Auckland",
        "Pacific/Honolulu",
        "Pacific/Kiritimati",
    ]
)


@given(ZONES, st.lists(st.tuples(st.integers(0, 200), ZONES), max_size=4))
@settings(max_examples=300)
def test_a_streak_is_lost_at_the_instant_that_it_names(first, changes):
    start = datetime(2026, 4, 20, tzinfo=UTC)
    calendar, now = Calendar((ZoneChange(0, first),)), start
    for hours, zone in changes:
        now += timedelta(hours=hours)
        calendar = calendar.with_zone(zone, now)
    streak = Streak(3, 3, calendar.date_of(now))

    lost_at = streak_status(streak, calendar, now).lost_at

    just_before = lost_at - timedelta(microseconds=1)
    assert streak_status(streak, calendar, just_before).current == 3
    assert streak_status(streak, calendar, lost_at).current == 0
