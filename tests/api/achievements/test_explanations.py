from __future__ import annotations

import pytest

from gamification.api.user_lookup import public_name
from gamification.services import (
    award_achievement,
    record_activity,
    revoke_achievement,
)
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

WHY_NOT = f"{API}achievements/walker/explain/"


@pytest.fixture(autouse=True)
def walker(no_achievements, activity):
    return AchievementFactory(
        key="walker",
        name="Walker",
        criterion="activity_count",
        activity=activity,
        threshold=4,
    )


def test_an_explanation_has_numbers_and_words(api, user):
    record_activity(user, "walk")

    assert api.get(WHY_NOT).json() == {
        "achievement": "walker",
        "name": "Walker",
        "is_unlocked": False,
        "criterion": "activity_count",
        "measures": "Walk",
        "current": 1,
        "target": 4,
        "missing": 3,
        "fraction": 0.25,
        "blocked_by": [],
        "text": "“Walker” requires 4 × Walk. The user is at 1 × Walk. 3 to go.",
        "conditions": None,
    }


def test_an_explanation_names_blockers(api, user):
    award_achievement(user, "walker")
    revoke_achievement(user, "walker")

    assert api.get(WHY_NOT).json()["blocked_by"] == ["revoked"]


@pytest.mark.parametrize("name", ["other", "nobody", "user"])
def test_where_others_stand_is_not_for_users(api, user, name):
    UserFactory(username="other")

    assert_problem(api.get(WHY_NOT, {"user": name}), 403, "permission_denied")


def test_staff_ask_about_a_user(user):
    other = UserFactory()
    record_activity(other, "walk", quantity=3)
    staff = client_of(user, "view_achievement")

    assert staff.get(WHY_NOT, {"user": public_name(other)}).json()["current"] == 3
    assert staff.get(WHY_NOT).json()["current"] == 0


@pytest.mark.parametrize(
    "hidden", [{"is_secret": True}, {"status": "draft"}, {"status": "retired"}]
)
def test_staff_ask_about_hidden_achievements(user, hidden):
    AchievementFactory(key="hidden", name="Hidden", **hidden)
    staff = client_of(user, "view_achievement")

    answer = staff.get(f"{API}achievements/hidden/explain/")

    assert answer.json()["name"] == "Hidden"


@pytest.mark.parametrize("name", ["nobody", "\0", "x" * 255])
def test_nobody_stands_nowhere(user, name):
    staff = client_of(user, "view_achievement")

    response = staff.get(WHY_NOT, {"user": name})

    assert response.status_code == (400 if name == "\0" else 404)


def test_a_name_that_nobody_can_have_is_refused(user):
    staff = client_of(user, "view_achievement")

    assert errors_in(staff.get(WHY_NOT, {"user": ""})) == {"/user": "blank"}
    assert errors_in(staff.get(WHY_NOT, {"user": "x" * 256})) == {"/user": "max_length"}


def test_nothing_is_not_explained(user):
    staff = client_of(user, "view_achievement")

    assert_problem(staff.get(f"{API}achievements/nothing/explain/"), 404, "not_found")


# Permissions of the user and of their groups, whether the user sees the achievement;
# the user, the achievement, the unlock, and three of facts.
def test_an_explanation_takes_nine_queries(api, django_assert_num_queries):
    with django_assert_num_queries(9):
        api.get(WHY_NOT)
