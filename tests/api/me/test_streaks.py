from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.models import StreakPause
from gamification.services import record_activity
from gamification.staff import create_streak, grant_freezes, pause_streak
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import UserFactory
from tests.inspection import everything

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

STREAKS = f"{API}me/streaks/"
PAUSES = f"{API}me/pauses/"
REPAIRS = f"{API}me/repairs/"
PAUSE = {"start": "2026-03-02", "end": "2026-03-09"}


@pytest.fixture
def api(user):
    return client_of(user)


def test_users_read_all_their_streaks(api, user, server_clock):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week", goal=3)
    record_activity(user, "walk")
    grant_freezes(user, 1)
    server_clock.shift(timedelta(days=2))

    daily, weekly = api.get(STREAKS).json()["results"]

    assert daily == {
        "state": "frozen",
        "current": 1,
        "longest": 1,
        "last_active_on": "2026-03-02",
        "lost_at": "2026-03-05T00:00:00Z",
        "freezes": 1,
        "freezes_needed": 1,
        "paused_until": None,
        "key": "daily",
        "name": "Daily streak",
        "unit": "day",
        "goal": 1,
        "done": 0,
        "freeze_cap": 2,
        "next_freeze_in": None,
        "missed": ["2026-03-03"],
        "lacking": ["2026-03-03"],
        "broken_at": None,
        "lost": 0,
    }
    assert (weekly["unit"], weekly["goal"], weekly["done"]) == ("week", 3, 1)
    assert (weekly["key"], weekly["current"]) == ("weekly", 0)


def test_polling_says_that_no_streak_has_changed(api, user):
    first = api.get(STREAKS)
    known = {"If-None-Match": first["ETag"]}
    same = api.get(STREAKS, headers=known)
    record_activity(user, "walk")
    other = api.get(STREAKS, headers=known)

    assert (same.status_code, other.status_code) == (304, 200)


def test_users_pause_and_read_their_pauses(api, user):
    made = api.post(PAUSES, PAUSE)

    pause = {"streak": None, **PAUSE, "note": ""}
    assert (made.status_code, made.json()) == (201, pause)
    assert api.get(PAUSES).json()["results"] == [pause]
    assert client_of(UserFactory()).get(PAUSES).json()["count"] == 0


def test_users_pause_one_streak(api):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")

    assert api.post(PAUSES, {**PAUSE, "streak": "weekly"}).json()["streak"] == "weekly"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"start": "2026-03-01"}, "invalid_pause"),
        ({"end": "2026-03-01"}, "invalid_pause"),
        ({"end": "2026-05-01"}, "invalid_pause"),
        ({"streak": "weekly"}, "unknown_streak"),
    ],
)
def test_other_pauses_are_refused(api, change, code):
    before = everything()

    assert_problem(api.post(PAUSES, PAUSE | change), 422, code)
    assert everything() == before


def test_a_pause_has_two_dates(api):
    response = api.post(PAUSES, {"start": "soon"})

    assert errors_in(response) == {"/start": "invalid", "/end": "required"}


def test_users_end_a_pause_today(api, user):
    pause_streak(user, date(2026, 3, 1), date(2026, 3, 9), actor=None)

    assert api.delete(PAUSES).status_code == 204
    assert StreakPause.objects.get().until == date(2026, 3, 1)
    assert_problem(api.delete(PAUSES), 404, "not_found")


def test_users_end_the_pause_of_one_streak(api, user):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    pause_streak(user, *map(date.fromisoformat, PAUSE.values()), actor=None)

    assert_problem(api.delete(f"{PAUSES}?streak=weekly"), 404, "not_found")
    assert_problem(api.delete(f"{PAUSES}?streak=none"), 422, "unknown_streak")
    assert StreakPause.objects.count() == 1


def test_users_repair_what_broke_where_the_site_allows_it(
    api, user, server_clock, settings
):
    settings.GAMIFICATION = {"USERS_REPAIR_STREAKS": True}
    record_activity(user, "walk")
    server_clock.shift(timedelta(days=2))

    repaired = api.post(REPAIRS, {"dates": ["2026-03-03"]})

    assert repaired.status_code == 201
    assert (repaired.json()["state"], repaired.json()["current"]) == ("at_risk", 1)


def test_users_repair_nothing_elsewhere(api, user, server_clock):
    record_activity(user, "walk")
    server_clock.shift(timedelta(days=2))

    response = api.post(REPAIRS, {"dates": ["2026-03-03"]})

    assert_problem(response, 422, "not_repairable")


def test_a_repair_has_some_dates(api):
    assert errors_in(api.post(REPAIRS, {"dates": []})) == {"/dates": "min_length"}


def test_more_streaks_take_no_more_queries(api, user):
    record_activity(user, "walk")
    counts = []
    for number in range(3):
        create_streak(actor=None, key=f"s{number}", name="x", unit="week")
        with CaptureQueriesContext(connection) as queries:
            assert len(api.get(STREAKS).json()["results"]) == number + 2
        counts.append(len(queries))

    assert counts == [counts[0]] * 3
    assert counts[0] <= 8
