from __future__ import annotations

from datetime import timedelta

import pytest

from gamification.models import StreakDefinition
from gamification.services import record_activity
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import UserFactory
from tests.inspection import everything

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

STREAKS = f"{API}streaks/"
WEEKLY = {"key": "weekly", "name": "Weekly", "unit": "week", "goal": 3}


@pytest.fixture
def api(user):
    names = ("view_streakdefinition", "add_streakdefinition", "change_streakdefinition")
    return client_of(user, *names)


def edit(api, key, body, tag):
    headers = {"If-Match": tag}
    return api.patch(f"{STREAKS}{key}/", body, format="json", headers=headers)


def test_staff_add_a_streak(api):
    made = api.post(STREAKS, {**WEEKLY, "activities": ["walk"], "weekdays": [5, 1, 3]})

    assert made.status_code == 201
    assert made["Location"].endswith("/v1/streaks/weekly/")
    assert made.json() == {
        **WEEKLY,
        "description": "",
        "activities": ["walk"],
        "weekdays": [1, 3, 5],
        "first_weekday": 1,
        "initial_freezes": 0,
        "freeze_every": None,
        "freeze_cap": 2,
        "is_active": True,
        "position": 0,
        "since": None,
    }
    keys = [row["key"] for row in api.get(STREAKS).json()["results"]]
    assert keys == ["daily", "weekly"]


def test_every_mistake_of_a_streak_has_its_place(api):
    body = {**WEEKLY, "goal": 8, "activities": ["swim"]}

    problem = assert_problem(api.post(STREAKS, body), 422, "invalid_definition")

    pointers = [error["pointer"] for error in problem["errors"]]
    assert pointers == ["/goal", "/activities"]


def test_a_weekday_is_one_of_seven(api):
    response = api.post(STREAKS, {**WEEKLY, "weekdays": [0]})

    assert errors_in(response) == {"/weekdays/0": "min_value"}


def test_an_edit_holds_from_the_next_period_on(api):
    api.post(STREAKS, WEEKLY)
    tag = api.get(f"{STREAKS}weekly/")["ETag"]

    saved = edit(api, "weekly", {"goal": 4}, tag)

    assert saved.status_code == 200
    # The next Monday.
    assert (saved.json()["goal"], saved.json()["since"]) == (4, "2026-03-09")
    assert saved["ETag"] != tag


def test_somebody_elses_streak_is_not_overwritten(api):
    tag = api.get(f"{STREAKS}daily/")["ETag"]
    edit(api, "daily", {"freeze_cap": 5}, tag)

    assert_problem(edit(api, "daily", {"freeze_cap": 6}, tag), 412, "stale_edit")
    missing = edit(api, "daily", {"freeze_cap": 6}, "")
    assert_problem(missing, 428, "precondition_required")
    assert StreakDefinition.objects.get(key="daily").freeze_cap == 5


def test_a_preview_says_whose_streak_differs_and_changes_nothing(api, server_clock):
    walker = UserFactory()
    # 2 March 2026 is a Monday.
    record_activity(walker, "walk")
    server_clock.shift(timedelta(days=2))
    record_activity(walker, "walk")
    before = everything()

    answer = api.post(f"{STREAKS}daily/preview/", {"weekdays": [1, 3, 5]}).json()

    assert answer == {
        "since": "2026-03-06",
        "played": 1,
        "is_exact": True,
        "longer": {"value": 1, "low": 1, "high": 1},
        "shorter": {"value": 0, "low": 0, "high": 0},
        "broken": {"value": 0, "low": 0, "high": 0},
    }
    assert everything() == before


def test_a_preview_of_a_new_streak_compares_it_with_the_daily_one(api, server_clock):
    walker = UserFactory()
    for days in (0, 2):
        server_clock.shift(timedelta(days=days))
        record_activity(walker, "walk")
    before = everything()

    answer = api.post(f"{STREAKS}preview/", {"name": "Odd", "weekdays": [1, 3]}).json()

    assert (answer["played"], answer["longer"]["value"]) == (1, 1)
    assert everything() == before


def test_a_preview_of_a_new_streak_reports_what_is_wrong(api):
    wrong = api.post(f"{STREAKS}preview/", {"name": "X", "unit": "week", "goal": 8})

    problem = assert_problem(wrong, 422, "invalid_definition")
    message = "The new streak cannot be saved. goal: The most is 7."
    assert problem["detail"] == message
    nameless = api.post(f"{STREAKS}preview/", {"unit": "week"})
    assert errors_in(nameless) == {"/name": "required"}
