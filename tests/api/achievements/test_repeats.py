"""Achievements that users earn more than once, over HTTP."""

from __future__ import annotations

import pytest

from gamification.models import UserAchievement
from gamification.services import record_activity
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def tens(activity):
    return AchievementFactory(
        key="tens",
        criterion="activity_count",
        activity=activity,
        threshold=10,
        xp_reward=5,
        max_times=None,
        repeat_every=10,
    )


@pytest.fixture
def boss(admin_user):
    return client_of(admin_user)


def address(user, rest=""):
    return f"{API}users/{user.username}/achievements/{rest}"


def held():
    rows = UserAchievement.objects.filter(revoked_at=None).order_by("number")
    return [*rows.values_list("number", flat=True)]


def test_a_record_says_which_time_it_earns(boss, user, tens):
    record = {"user": user.username, "activity": "walk", "quantity": 25}

    answer = boss.post(f"{API}records/", record).json()

    assert [each["number"] for each in answer["unlocks"]] == [1, 2]


def test_progress_is_towards_the_next_time(api, user, tens):
    record_activity(user, "walk", quantity=25)

    [row] = api.get(f"{API}achievements/").json()["results"]

    assert (row["times"], row["max_times"]) == (2, None)
    assert row["progress"] == {
        "current": 25,
        "target": 30,
        "fraction": 25 / 30,
        "conditions": None,
    }


def test_each_time_is_listed(api, user, tens):
    record_activity(user, "walk", quantity=25)

    rows = api.get(f"{API}me/achievements/").json()["results"]

    assert {row["number"] for row in rows} == {1, 2}


def test_one_time_is_revoked(boss, user, tens):
    record_activity(user, "walk", quantity=25)

    answer = boss.post(address(user, "tens/revoke/"), {"number": 1, "note": "No."})

    assert (answer.status_code, held()) == (201, [2])


def test_one_time_is_awarded(boss, user, tens):
    body = {"achievement": "tens", "number": 3, "note": "Well done."}

    assert boss.post(address(user), body).status_code == 201
    assert boss.post(address(user), body).status_code == 200
    assert held() == [3]


def test_a_number_that_it_cannot_have_is_refused(boss, user, tens):
    body = {"achievement": "tens", "number": 0, "note": "Well done."}

    assert boss.post(address(user), body).status_code == 400
