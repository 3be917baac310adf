from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.periods import Period, Window, current_period, named_period


def period(window: str, zone: str, *now: int, day_start_hour: int = 0) -> Period:
    """Return the period around a wall time in ``zone``."""
    calendar = Calendar((ZoneChange(0, zone),), day_start_hour)
    instant = datetime(*now, tzinfo=ZoneInfo(zone))
    return current_period(Window(window), calendar, instant)


def bounds(window: str, zone: str, *now: int) -> tuple[str, str]:
    """Return when the period begins and ends, in UTC."""
    found = period(window, zone, *now)
    return f"{found.starts_at:%Y-%m-%d %H:%M}", f"{found.ends_at:%Y-%m-%d %H:%M}"


def test_a_day_is_that_of_the_zone():
    assert bounds("day", "Asia/Kolkata", 2026, 3, 2, 0, 10) == (
        "2026-03-01 18:30",
        "2026-03-02 18:30",
    )


def test_all_time_has_one_name():
    calendar = Calendar((ZoneChange(0, "UTC"),))

    assert named_period(Window.ALL, calendar, "all").starts_at is None
    with pytest.raises(ValueError, match="2026"):
        named_period(Window.ALL, calendar, "2026")


def test_a_period_says_which_it_is():
    found = period("day", "Asia/Kolkata", 2026, 3, 2)

    assert (found.window, found.zone) == (Window.DAY, "Asia/Kolkata")
    assert (found.starts_at.tzinfo, found.ends_at.tzinfo) == (UTC, UTC)


@pytest.mark.parametrize(
    ("now", "begins"),
    [
        ((2026, 6, 14, 23, 59, 59), "2026-06-08 00:00"),  # a Sunday
        ((2026, 6, 15, 0, 0), "2026-06-15 00:00"),  # the Monday after it
    ],
)
def test_a_week_begins_on_monday(now, begins):
    assert bounds("week", "UTC", *now)[0] == begins


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # 2026 has a week 53, of which 2027 has three days.
        ((2026, 12, 31), ("2026-12-28 00:00", "2027-01-04 00:00")),
        ((2027, 1, 3), ("2026-12-28 00:00", "2027-01-04 00:00")),
        # Week 1 of 2025 has two days of December.
        ((2024, 12, 30), ("2024-12-30 00:00", "2025-01-06 00:00")),
        ((2025, 1, 5), ("2024-12-30 00:00", "2025-01-06 00:00")),
    ],
)
def test_a_week_may_belong_to_two_years(now, expected):
    assert bounds("week", "UTC", *now) == expected


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ((2028, 2, 29), ("2028-02-01 00:00", "2028-03-01 00:00")),
        ((2026, 1, 31), ("2026-01-01 00:00", "2026-02-01 00:00")),
        ((2026, 12, 1), ("2026-12-01 00:00", "2027-01-01 00:00")),
    ],
)
def test_a_month_is_that_of_the_calendar(now, expected):
    assert bounds("month", "UTC", *now) == expected


def test_all_time_has_no_bounds():
    assert period("all", "Asia/Tokyo", 2026, 6, 10) == Period(
        Window.ALL, None, None, "Asia/Tokyo"
    )


def test_a_day_without_midnight_begins_when_the_clock_jumps():
    # Cairo, 2026-04-24: after 23:59:59 came 01:00:00.
    assert bounds("day", "Africa/Cairo", 2026, 4, 24, 1) == (
        "2026-04-23 22:00",
        "2026-04-24 21:00",
    )
    assert bounds("day", "Africa/Cairo", 2026, 4, 23, 23, 59) == (
        "2026-04-22 22:00",
        "2026-04-23 22:00",
    )


def test_a_month_may_end_with_an_hour_that_is_repeated():
    # Almaty, 2024-03-01 00:00: the clocks went back to 2024-02-29 23:00.
    assert bounds("month", "Asia/Almaty", 2024, 3, 15)[0] == "2024-02-29 19:00"
    assert bounds("month", "Asia/Almaty", 2024, 2, 29)[1] == "2024-02-29 19:00"


@pytest.mark.parametrize(
    ("window", "day", "expected"),
    [
        # The 29th was in UTC-10, the 31st in UTC+14, and no time was between them.
        ("day", 29, ("2011-12-29 10:00", "2011-12-30 10:00")),
        ("day", 31, ("2011-12-30 10:00", "2011-12-31 10:00")),
        ("week", 31, ("2011-12-26 10:00", "2012-01-01 10:00")),
        ("month", 31, ("2011-12-01 10:00", "2011-12-31 10:00")),
    ],
)
def test_a_date_that_never_was_takes_no_time(window, day, expected):
    assert bounds(window, "Pacific/Apia", 2011, 12, day, 12) == expected


def test_a_period_may_begin_at_a_later_hour():
    found = period("week", "Europe/Paris", 2026, 6, 15, 3, 59, day_start_hour=4)

    assert found.starts_at == datetime(2026, 6, 8, 2, tzinfo=UTC)
    assert found.ends_at == datetime(2026, 6, 15, 2, tzinfo=UTC)


@given(
    window=st.sampled_from([Window.DAY, Window.WEEK, Window.MONTH]),
    zone=st.sampled_from(sorted(available_timezones())),
    now=st.datetimes(
        datetime(2012, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
        datetime(2037, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
)
def test_periods_follow_each_other_without_a_gap(window, zone, now):
    calendar = Calendar((ZoneChange(0, zone),))
    found = current_period(window, calendar, now)
    following = current_period(window, calendar, found.ends_at)

    assert found.starts_at <= now < found.ends_at == following.starts_at
    assert current_period(window, calendar, found.starts_at) == found
