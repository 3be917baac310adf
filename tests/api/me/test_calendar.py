from __future__ import annotations

from datetime import date, timedelta

import pytest

from gamification.models import StreakDefinition
from gamification.services import (
    pause_streak,
    record_activity,
    set_time_zone,
)
from gamification.staff import grant_freezes, repair_streak
from tests.api.assertions import assert_problem, errors_in
from tests.api.conftest import NOON
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

DAY = timedelta(days=1)
CALENDAR = "/api/gamification/v1/me/calendar/"


def dates(api, **query):
    return [day["date"] for day in api.get(CALENDAR, query).json()["days"]]


def test_a_calendar_has_the_active_days(api, user):
    record_activity(user, "walk", occurred_at=NOON - DAY, quantity=3)
    for _ in range(2):
        record_activity(user, "walk")

    assert api.get(CALENDAR, {"from": "2026-02-01", "to": "2026-03-31"}).json() == {
        "from": "2026-02-01",
        "to": "2026-03-31",
        "days": [
            {"date": "2026-03-01", "activities": 1, "xp": 30, "kind": "active"},
            {"date": "2026-03-02", "activities": 2, "xp": 20, "kind": "active"},
        ],
    }


def test_a_calendar_is_that_of_the_last_year(api, user):
    for back in (0, 364, 365):
        day = NOON - back * DAY
        record_activity(user, "walk", occurred_at=day, historical=True)

    calendar = api.get(CALENDAR).json()

    assert (calendar["from"], calendar["to"]) == ("2025-03-03", "2026-03-02")
    assert [day["date"] for day in calendar["days"]] == ["2025-03-03", "2026-03-02"]


def test_a_calendar_ends_with_the_users_own_today(api, user):
    # It is 02:00 of the next day there.
    set_time_zone(user, "Pacific/Kiritimati")
    record_activity(user, "walk")

    calendar = api.get(CALENDAR).json()

    assert calendar["to"] == "2026-03-03"
    assert [day["date"] for day in calendar["days"]] == ["2026-03-03"]


def test_a_calendar_has_both_its_ends(api, user):
    for back in range(3):
        record_activity(user, "walk", occurred_at=NOON - back * DAY, historical=True)

    assert dates(api, **{"from": "2026-03-01", "to": "2026-03-01"}) == ["2026-03-01"]
    assert dates(api, **{"from": "2026-03-01"}) == ["2026-03-01", "2026-03-02"]
    assert dates(api, to="2026-03-01") == ["2026-02-28", "2026-03-01"]


def test_a_calendar_is_the_users_own(api, user):
    record_activity(UserFactory(), "walk")

    assert dates(api) == []


def test_a_calendar_takes_one_query(api, user, django_assert_num_queries):
    for back in range(3):
        record_activity(user, "walk", occurred_at=NOON - back * DAY, historical=True)

    # The user's active days.
    with django_assert_num_queries(1):
        dates(api, to="2026-03-02")


def test_a_calendar_of_today_takes_two_queries(api, user, django_assert_num_queries):
    for back in range(3):
        record_activity(user, "walk", occurred_at=NOON - back * DAY, historical=True)

    # The user's row, for their zone, and the active days.
    with django_assert_num_queries(2):
        dates(api)


def test_polling_returns_changes(api, user):
    first = api.get(CALENDAR)
    known = {"If-None-Match": first["ETag"]}
    same = api.get(CALENDAR, headers=known)
    record_activity(user, "walk")
    other = api.get(CALENDAR, headers=known)

    assert (same.status_code, other.status_code) == (304, 200)


@pytest.mark.parametrize(
    ("since", "until"),
    [("0001-01-01", "0001-01-01"), ("9999-12-31", "9999-12-31"), (None, "0001-01-05")],
)
def test_a_calendar_goes_from_the_first_date_to_the_last(api, since, until):
    query = {"to": until} | ({"from": since} if since else {})

    answer = api.get(CALENDAR, query)

    assert (answer.status_code, answer.json()["days"]) == (200, [])


def test_a_calendar_may_span_366_days(api):
    leap_year = {"from": "2024-01-01", "to": "2024-12-31"}

    assert api.get(CALENDAR, leap_year).status_code == 200


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2024-01-01", "2025-01-01"),
        ("1926-03-02", "2026-03-02"),
        ("2026-03-02", "2026-03-01"),
        ("2026-03-03", None),
    ],
)
def test_a_calendar_spans_a_year_at_the_most(api, since, until):
    query = {"from": since} | ({"to": until} if until else {})

    assert_problem(api.get(CALENDAR, query), 422, "invalid_span")


@pytest.mark.parametrize(
    "day",
    ["2026-13-40", "2026-02-29", "20260302", "2026-W10-1", "today", "", "\0", "１"],
    ids=ascii,
)
def test_a_calendar_begins_and_ends_with_dates(api, day):
    assert errors_in(api.get(CALENDAR, {"from": day})) == {"/from": "invalid"}
    assert errors_in(api.get(CALENDAR, {"to": day})) == {"/to": "invalid"}


def test_a_calendar_tells_why_a_day_broke_nothing(api, user, server_clock):
    StreakDefinition.objects.filter(key="daily").update(weekdays=[1, 2, 3, 4, 5, 6])
    grant_freezes(user, 1)
    for days in (0, 2, 4):
        server_clock.move_to(NOON + days * DAY)
        record_activity(user, "walk")
    pause_streak(user, date(2026, 3, 7), date(2026, 3, 7))
    repair_streak(user, [date(2026, 3, 5)], actor=None, note="An outage.")

    days = api.get(CALENDAR, {"from": "2026-03-02", "to": "2026-03-08"}).json()["days"]

    assert [(day["date"][-2:], day["kind"]) for day in days] == [
        ("02", "active"),
        ("03", "frozen"),
        ("04", "active"),
        ("05", "repaired"),
        ("06", "active"),
        ("07", "paused"),
        ("08", "off"),
    ]
    assert days[1] == {"date": "2026-03-03", "activities": 0, "xp": 0, "kind": "frozen"}
