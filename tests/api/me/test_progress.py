from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import available_timezones

import pytest

from gamification.api.fields import TimeZoneField
from gamification.api.views.users.streak_serializers import StreakSerializer
from gamification.domain.streaks import StreakState
from gamification.exceptions import StorageError
from gamification.services import (
    pause_streak,
    record_activity,
    set_time_zone,
)
from gamification.services.players import settings
from gamification.staff import grant_freezes
from tests.api.assertions import assert_problem, errors_in
from tests.factories import UserFactory
from tests.inspection import everything, profile_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

ME = "/api/gamification/v1/me/"

NEWCOMER = {
    "level": 1,
    "level_name": "",
    "level_icon": "",
    "total_xp": 0,
    "previous_threshold": 0,
    "next_threshold": 50,
    "progress": 0.0,
    "highest_level": 1,
    "streak": {
        "state": "broken",
        "current": 0,
        "longest": 0,
        "last_active_on": None,
        "lost_at": None,
        "freezes": 0,
        "freezes_needed": 0,
        "paused_until": None,
    },
    "active_days": 0,
    "achievements": 0,
    "time_zone": "UTC",
    "pending_time_zone": None,
    "effective_at": None,
    "is_public": True,
    "celebration_mode": "all",
    "version": 0,
}


def change(api, **values):
    return api.patch(ME, values, format="json")


def test_me_is_where_the_user_stands(api, user):
    record_activity(user, "walk", quantity=10)

    assert api.get(ME).json() == {
        "user": user.username,
        "level": 2,
        "level_name": "",
        "level_icon": "",
        "total_xp": 100,
        "previous_threshold": 50,
        "next_threshold": 150,
        "progress": 0.5,
        "highest_level": 2,
        "streak": {
            "state": "active",
            "current": 1,
            "longest": 1,
            "last_active_on": "2026-03-02",
            "lost_at": "2026-03-04T00:00:00Z",
            "freezes": 0,
            "freezes_needed": 0,
            "paused_until": None,
        },
        "active_days": 1,
        "achievements": 0,
        "time_zone": "UTC",
        "pending_time_zone": None,
        "effective_at": None,
        "is_public": True,
        "celebration_mode": "all",
        "version": profile_of(user).version,
    }


def test_a_user_without_activities_is_at_the_start(api, user):
    assert api.get(ME).json() == {"user": user.username} | NEWCOMER


def test_me_is_not_somebody_else(api, user):
    record_activity(UserFactory(), "walk")

    assert api.get(ME).json() == {"user": user.username} | NEWCOMER


def test_me_takes_one_query(api, user, django_assert_num_queries):
    record_activity(user, "walk")

    # The user's row, with the number of achievements that they hold.
    with django_assert_num_queries(1):
        api.get(ME)


def test_me_has_the_freezes_of_the_daily_streak(api, user, server_clock):
    record_activity(user, "walk")
    grant_freezes(user, 2)
    server_clock.shift(timedelta(days=2))

    assert api.get(ME).json()["streak"] == {
        "state": "frozen",
        "current": 1,
        "longest": 1,
        "last_active_on": "2026-03-02",
        "lost_at": "2026-03-06T00:00:00Z",
        "freezes": 2,
        "freezes_needed": 1,
        "paused_until": None,
    }


def test_me_has_the_pause_of_the_daily_streak(api, user, server_clock):
    record_activity(user, "walk")
    pause_streak(user, date(2026, 3, 3), date(2026, 3, 5))
    server_clock.shift(timedelta(days=2))

    streak = api.get(ME).json()["streak"]

    assert (streak["state"], streak["paused_until"]) == ("paused", "2026-03-05")


def test_the_states_of_a_streak_are_those_that_there_are():
    assert list(StreakSerializer().fields["state"].choices) == StreakState.values


def test_polling_says_that_nothing_has_changed(api):
    first = api.get(ME)
    second = api.get(ME, headers={"If-None-Match": first["ETag"]})

    assert (second.status_code, second.content) == (304, b"")
    assert second["ETag"] == first["ETag"]


def test_polling_returns_changes(api, user):
    first = api.get(ME)
    record_activity(user, "walk")
    second = api.get(ME, headers={"If-None-Match": first["ETag"]})

    assert (second.status_code, second.json()["total_xp"]) == (200, 10)
    assert second["ETag"] != first["ETag"]


def test_polling_returns_a_new_day(api, user, server_clock):
    record_activity(user, "walk")
    first = api.get(ME)
    server_clock.shift(timedelta(hours=12))
    second = api.get(ME, headers={"If-None-Match": first["ETag"]})

    assert (second.status_code, second.json()["streak"]["state"]) == (200, "at_risk")


def test_an_ETag_of_one_user_does_not_match_for_another(api):
    first = api.get(ME)
    api.force_authenticate(UserFactory())
    second = api.get(ME, headers={"If-None-Match": first["ETag"]})

    assert second.status_code == 200
    assert second["ETag"] != first["ETag"]


def test_users_choose_their_zone(api, user):
    answer = change(api, time_zone="Asia/Tokyo")

    chosen = {
        "user": user.username,
        "time_zone": "Asia/Tokyo",
        "version": profile_of(user).version,
    }
    assert (answer.status_code, answer.json()) == (200, NEWCOMER | chosen)
    assert api.get(ME).json() == NEWCOMER | chosen


def test_a_second_zone_within_a_day_waits(api, user, server_clock):
    record_activity(user, "walk")
    set_time_zone(user, "Asia/Tokyo")
    server_clock.shift(timedelta(hours=1))

    me = change(api, time_zone="Europe/Paris").json()

    assert (me["time_zone"], me["pending_time_zone"]) == ("Asia/Tokyo", "Europe/Paris")
    assert me["effective_at"] == "2026-03-03T12:00:00Z"


def test_users_hide_and_show_themselves(api):
    hidden = change(api, is_public=False).json()
    shown = change(api, is_public=True).json()

    assert (hidden["is_public"], shown["is_public"]) == (False, True)
    assert shown["version"] == hidden["version"] + 1


@pytest.mark.parametrize("mode", ["all", "quiet", "none"])
def test_users_choose_how_celebrations_are_shown(api, mode):
    assert change(api, celebration_mode=mode).json()["celebration_mode"] == mode
    assert api.get(ME).json()["celebration_mode"] == mode


@pytest.mark.parametrize(
    ("mode", "detail"),
    [
        ("Quiet", "'Quiet' is not one of all, quiet, none. Did you mean 'quiet'?"),
        ("", "'' is not one of all, quiet, none."),
        (False, "This value is not one of all, quiet, none."),
    ],
)
def test_another_way_to_show_celebrations_is_refused(api, mode, detail):
    response = change(api, celebration_mode=mode)

    [error] = assert_problem(response, 400, "invalid")["errors"]
    assert error == {
        "pointer": "/celebration_mode",
        "code": "invalid_choice",
        "detail": detail,
    }


def test_users_may_choose_all_of_it_at_once(api):
    chosen = {
        "time_zone": "Asia/Tokyo",
        "is_public": False,
        "celebration_mode": "quiet",
    }

    me = change(api, **chosen).json()

    assert me | chosen == me


def test_users_choose_all_or_nothing(api, monkeypatch):
    def fail(user_id, profiles, choices):
        raise StorageError

    monkeypatch.setattr(settings, "_update", fail)
    answer = change(api, time_zone="Asia/Tokyo", is_public=False)

    assert_problem(answer, 503, "storage_error")
    assert api.get(ME).json()["time_zone"] == "UTC"


def test_an_empty_change_changes_nothing(api, user):
    answer = change(api)

    assert (answer.status_code, answer.json()["version"]) == (200, 0)
    assert everything()["UserGamification"] == []


def test_a_zone_that_nobody_knows_is_refused(api):
    before = everything()

    answer = change(api, time_zone="Europe/Atlantis", is_public=False)

    assert_problem(answer, 422, "invalid_time_zone")
    assert everything() == before


@pytest.mark.parametrize(
    ("zone", "code"),
    [
        ("", "blank"),
        (None, "null"),
        (True, "invalid"),
        (1, "invalid"),
        (["UTC"], "invalid"),
        ("../UTC", "invalid"),
        ("Europe/", "invalid"),
        ("/Europe/Paris", "invalid"),
        (" UTC ", "invalid"),
        ("UTC\n", "invalid"),
        ("UTC\0", "unstorable"),
        ("Z" * 65, "max_length"),
    ],
    ids=ascii,
)
def test_a_zone_has_the_form_of_one(api, zone, code):
    assert errors_in(change(api, time_zone=zone)) == {"/time_zone": code}


def test_all_zones_have_the_form_of_one():
    names = available_timezones()

    assert {TimeZoneField().run_validation(name) for name in names} == names


@pytest.mark.parametrize("value", [None, 0, 1, "true", "", [], {}], ids=ascii)
def test_visibility_is_true_or_false(api, value):
    code = "null" if value is None else "invalid"

    assert errors_in(change(api, is_public=value)) == {"/is_public": code}


@pytest.mark.parametrize(
    "name",
    [
        *("user", "user_id", "id", "total_xp", "level", "highest_level", "streak"),
        *("current_streak", "longest_streak", "last_active_on", "active_days"),
        *("achievements", "pending_time_zone", "zone_history", "version", "is_staff"),
        *("created_at", "updated_at", "progress", "next_threshold", "XP"),
    ],
)
def test_users_change_nothing_else(api, user, name):
    record_activity(user, "walk")
    before = everything()

    answer = change(api, **{name: 9_999, "is_public": False})

    assert errors_in(answer) == {f"/{name}": "unknown"}
    assert everything() == before


def test_nobody_chooses_for_somebody_else(api, user):
    other = UserFactory()
    record_activity(other, "walk")

    change(api, is_public=False)

    assert (profile_of(user).is_public, profile_of(other).is_public) == (False, True)
