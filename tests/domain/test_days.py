from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.zones import is_time_zone


def in_zone(name: str, day_start_hour: int = 0) -> Calendar:
    return Calendar((ZoneChange(0, name),), day_start_hour)


def local(zone: str, *moment: int) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo(zone))


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Pacific/Kiritimati", date(2026, 3, 2)),  # UTC+14
        ("Asia/Kolkata", date(2026, 3, 2)),  # UTC+5:30
        ("UTC", date(2026, 3, 1)),
        ("America/Los_Angeles", date(2026, 3, 1)),  # UTC-8
    ],
)
def test_a_day_is_a_date_of_the_users_own_zone(zone, expected):
    assert in_zone(zone).date_of(utc(2026, 3, 1, 18, 30)) == expected


def test_a_day_begins_at_local_midnight():
    calendar = in_zone("Asia/Kolkata")

    before = calendar.date_of(utc(2026, 3, 1, 18, 29, 59))
    after = calendar.date_of(utc(2026, 3, 1, 18, 30))

    assert (before, after) == (date(2026, 3, 1), date(2026, 3, 2))


def test_the_instant_may_be_given_in_any_zone():
    instant = local("Asia/Tokyo", 2026, 3, 2, 3, 30)

    assert in_zone("UTC").date_of(instant) == date(2026, 3, 1)


def test_a_day_may_begin_at_a_later_hour():
    night_owl = in_zone("Europe/Paris", day_start_hour=4)

    before = night_owl.date_of(local("Europe/Paris", 2026, 2, 2, 3, 59, 59))
    after = night_owl.date_of(local("Europe/Paris", 2026, 2, 2, 4, 0))

    assert (before, after) == (date(2026, 2, 1), date(2026, 2, 2))


def test_a_later_start_uses_the_clock_on_the_wall_when_it_jumps():
    # At 2026-03-29 02:00 the clocks of Berlin show 03:00.
    calendar = in_zone("Europe/Berlin", day_start_hour=3)

    before = calendar.date_of(utc(2026, 3, 29, 0, 59, 59))
    after = calendar.date_of(utc(2026, 3, 29, 1, 0))

    assert (before, after) == (date(2026, 3, 28), date(2026, 3, 29))


def test_29_february_is_a_day():
    assert in_zone("UTC").date_of(utc(2028, 2, 29, 12)) == date(2028, 2, 29)


def test_a_day_without_midnight_begins_when_the_clock_jumps():
    # Cairo, 2026-04-24: after 23:59:59 came 01:00:00.
    calendar = in_zone("Africa/Cairo")

    assert calendar.date_of(utc(2026, 4, 23, 21, 59, 59)) == date(2026, 4, 23)
    assert calendar.date_of(utc(2026, 4, 23, 22)) == date(2026, 4, 24)
    assert calendar.begins(date(2026, 4, 24), utc(2026, 4, 20)) == utc(2026, 4, 23, 22)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Europe/London", date(2026, 6, 1), 24),
    ],
)
def test_a_day_lasts_as_long_as_its_zone_makes_it(zone, day, hours):
    calendar = in_zone(zone)

    length = calendar.begins(day + timedelta(1), utc(1970, 1, 2)) - calendar.begins(
        day, utc(1970, 1, 2)
    )

    assert length == timedelta(hours=hours)


def test_a_date_that_a_flight_brings_back_ends_again():
    flight = ZoneChange(utc(2026, 5, 5, 20).timestamp(), "Pacific/Honolulu")
    calendar = Calendar((ZoneChange(0, "Pacific/Auckland"), flight))
    day = date(2026, 5, 5)

    assert calendar.ended(day, utc(2026, 5, 5, 19)) == utc(2026, 5, 5, 12)
    assert calendar.ended(day, utc(2026, 5, 7)) == utc(2026, 5, 6, 10)


def test_a_day_begins_at_the_hour_that_the_site_chose():
    calendar = in_zone("Europe/Paris", day_start_hour=4)

    assert calendar.begins(date(2026, 2, 1), utc(1970, 1, 2)) == utc(2026, 2, 1, 3)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/London", date(2026, 3, 29)),  # 23 hours
        ("Africa/Cairo", date(2026, 4, 24)),  # no midnight
        ("UTC", date(2026, 5, 5)),
    ],
)
def test_a_short_day_counts(zone, day):
    assert not in_zone(zone).is_neutral(day)


def test_the_day_that_samoa_skipped_is_neutral():
    apia = in_zone("Pacific/Apia")

    neutral = [day for day in range(27, 32) if apia.is_neutral(date(2011, 12, day))]

    assert neutral == [30]


def test_days_follow_each_other_over_the_day_that_samoa_skipped():
    apia = in_zone("Pacific/Apia")

    assert apia.follows(date(2011, 12, 29), date(2011, 12, 31))
    assert not apia.follows(date(2011, 12, 28), date(2011, 12, 31))


@pytest.mark.parametrize(("later", "expected"), [(1, False), (2, True), (3, False)])
def test_only_the_next_date_follows(later, expected):
    assert in_zone("UTC").follows(date(2026, 2, 1), date(2026, 2, later)) is expected


def test_an_earlier_date_does_not_follow():
    assert not in_zone("UTC").follows(date(2026, 2, 2), date(2026, 2, 1))


def test_a_zone_counts_from_when_it_took_effect():
    noon = utc(2026, 5, 5, 12)
    calendar = Calendar(
        (ZoneChange(0, "UTC"), ZoneChange(noon.timestamp(), "Asia/Tokyo"))
    )

    assert calendar.zone_at(noon - timedelta(seconds=1)) == ZoneInfo("UTC")
    assert calendar.zone_at(noon) == ZoneInfo("Asia/Tokyo")


def test_the_first_zone_holds_for_all_time_before_it():
    since = utc(2026, 5, 5).timestamp()
    calendar = Calendar((ZoneChange(since, "Asia/Tokyo"), ZoneChange(since + 1, "UTC")))

    assert calendar.date_of(utc(1999, 12, 31, 18)) == date(2000, 1, 1)


def test_a_flight_east_over_the_date_line_leaves_a_neutral_date():
    # 2026-05-05 lasted for Auckland's last two and a half hours of it.
    left = local("Pacific/Honolulu", 2026, 5, 4, 23, 30)
    calendar = in_zone("Pacific/Honolulu").with_zone("Pacific/Auckland", left)

    neutral = [day for day in range(1, 10) if calendar.is_neutral(date(2026, 5, day))]

    assert neutral == [5]


def test_a_flight_west_over_the_date_line_repeats_a_date_that_counts():
    left = local("Pacific/Auckland", 2026, 5, 6, 20)
    calendar = in_zone("Pacific/Auckland").with_zone("Pacific/Honolulu", left)

    neutral = [day for day in range(1, 10) if calendar.is_neutral(date(2026, 5, day))]

    assert neutral == []


def test_zones_begin_with_a_date_that_may_have_ended_elsewhere():
    auckland, honolulu = "Pacific/Auckland", "Pacific/Honolulu"
    left = local(auckland, 2026, 5, 6, 20)
    calendar = in_zone("UTC").with_zone(auckland, utc(2026, 5, 1))
    calendar = calendar.with_zone(honolulu, left)

    dates = [*calendar.dates_of_changes(local(auckland, 2026, 5, 6, 10))]

    assert dates == [date(2026, 5, 5)]


@pytest.mark.parametrize(("hour", "neutral"), [(11, True), (12, False)])
def test_a_date_is_neutral_below_twelve_hours(hour, neutral):
    # East over the date line at this hour of 4 May: the rest of that date is missing.
    left = local("Pacific/Honolulu", 2026, 5, 4, hour)
    calendar = in_zone("Pacific/Honolulu").with_zone("Pacific/Kiritimati", left)

    assert calendar.is_neutral(date(2026, 5, 4)) is neutral


def test_the_first_change_of_zone_takes_effect_at_once():
    now = utc(2026, 5, 5, 12)

    calendar = in_zone("UTC").with_zone("Asia/Tokyo", now)

    assert calendar.zones[-1] == ZoneChange(now.timestamp(), "Asia/Tokyo")


def test_a_second_change_waits_until_24_hours_after_the_first():
    noon = utc(2026, 5, 5, 12)
    calendar = in_zone("UTC").with_zone("Asia/Tokyo", noon)

    changed = calendar.with_zone("Europe/Paris", noon + timedelta(hours=1))

    due = (noon + timedelta(hours=24)).timestamp()
    assert changed.zones[1:] == (*calendar.zones[1:], ZoneChange(due, "Europe/Paris"))


def test_a_change_after_24_hours_takes_effect_at_once():
    noon = utc(2026, 5, 5, 12)
    calendar = in_zone("UTC").with_zone("Asia/Tokyo", noon)

    later = noon + timedelta(hours=24)
    changed = calendar.with_zone("Europe/Paris", later)

    assert changed.zones[-1] == ZoneChange(later.timestamp(), "Europe/Paris")


def test_a_change_that_waits_is_replaced_by_the_next():
    noon = utc(2026, 5, 5, 12)
    calendar = in_zone("UTC").with_zone("Asia/Tokyo", noon)
    waiting = calendar.with_zone("Europe/Paris", noon + timedelta(hours=1))

    changed = waiting.with_zone("Asia/Kolkata", noon + timedelta(hours=2))

    due = (noon + timedelta(hours=24)).timestamp()
    assert changed.zones[1:] == (*calendar.zones[1:], ZoneChange(due, "Asia/Kolkata"))


def test_going_back_to_the_zone_in_effect_drops_the_change_that_waits():
    noon = utc(2026, 5, 5, 12)
    calendar = in_zone("UTC").with_zone("Asia/Tokyo", noon)
    waiting = calendar.with_zone("Europe/Paris", noon + timedelta(hours=1))

    changed = waiting.with_zone("Asia/Tokyo", noon + timedelta(hours=2))

    assert changed == calendar


def test_choosing_the_zone_in_effect_changes_nothing():
    calendar = in_zone("UTC")

    assert calendar.with_zone("UTC", utc(2026, 5, 5, 12)) == calendar


def test_twenty_changes_on_a_day_take_effect_once():
    now, calendar = utc(2026, 5, 5), in_zone("UTC")

    for hour in range(20):
        zone = ["Asia/Tokyo", "Europe/Paris"][hour % 2]
        calendar = calendar.with_zone(zone, now + timedelta(hours=hour))

    in_effect = [
        change for change in calendar.zones if change.since < now.timestamp() + 86_400
    ]
    assert [change.zone for change in in_effect] == ["UTC", "Asia/Tokyo"]


def test_a_clock_that_went_back_leaves_at_most_the_newer_choice():
    noon = utc(2026, 5, 5, 12)
    calendar = in_zone("UTC").with_zone("Asia/Tokyo", noon)

    changed = calendar.with_zone("Europe/Paris", noon - timedelta(hours=1))

    assert [change.zone for change in changed.zones] == ["UTC", "Europe/Paris"]


def test_a_choice_before_the_first_zone_began_keeps_that_zone():
    since = utc(2026, 5, 5, 12)
    calendar = Calendar((ZoneChange(since.timestamp(), "UTC"),))

    changed = calendar.with_zone("Asia/Tokyo", since - timedelta(hours=1))

    assert [change.zone for change in changed.zones] == ["UTC", "Asia/Tokyo"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Europe/Paris", True),
        ("UTC", True),
        ("europe/paris", False),
        ("Europe/Atlantis", False),
        # What each machine calls its own zone.
        ("localtime", False),
        (7, False),
    ],
)
def test_a_zone_is_the_same_on_every_machine(name, expected):
    assert is_time_zone(name) is expected
