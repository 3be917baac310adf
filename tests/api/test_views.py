from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.urls import reverse

from gamification.services import award_achievement, record_activity
from gamification.services import revoke_achievement as revoke
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

ACHIEVEMENTS = reverse("gamification:achievement-list")
MINE = reverse("gamification:my-achievement-list")
ME = reverse("gamification:my-gamification-list")

every_list = pytest.mark.parametrize("address", [ACHIEVEMENTS, MINE, ME])


def achievement(key):
    return reverse("gamification:achievement-detail", args=[key])


def mine(key):
    return reverse("gamification:my-achievement-detail", args=[key])


def results(api, address):
    return api.get(address).json()["results"]


def keys(api, address):
    return [row["key"] for row in results(api, address)]


def test_the_addresses_are_what_clients_know():
    assert ACHIEVEMENTS == "/api/gamification/v1/achievements/"
    assert MINE == "/api/gamification/v1/me/achievements/"
    assert ME == "/api/gamification/v1/me/"


@every_list
def test_who_is_not_signed_in_sees_nothing(client, address):
    assert client.get(address).status_code == 403


@every_list
@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_is_written(api, address, method):
    assert getattr(api, method)(address).status_code == 405


@time_machine.travel(NOON, tick=False)
def test_me_is_where_the_user_stands(api, user, activity, no_achievements):
    record_activity(user, "walk", quantity=10)

    assert api.get(ME).json() == {
        "level": 2,
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
        },
        "active_days": 1,
        "achievements": 0,
        "time_zone": "UTC",
    }


def test_me_is_not_somebody_else(api, activity):
    record_activity(UserFactory(), "walk")

    assert api.get(ME).json()["total_xp"] == 0


def test_achievements_come_with_the_users_progress(api, user):
    record_activity(user, "kpi_completed", quantity=4)

    [row] = [row for row in results(api, ACHIEVEMENTS) if row["key"] == "kpi_10"]

    assert row == {
        "key": "kpi_10",
        "name": "Ten done",
        "description": "Complete 10 KPIs.",
        "category": "milestones",
        "icon": "🥉",
        "xp_reward": 50,
        "is_secret": False,
        "current": 4,
        "target": 10,
        "progress": 0.4,
        "unlocked_at": None,
    }


def test_an_achievement_has_an_address(api):
    response = api.get(achievement("kpi_10"))

    assert response.json()["name"] == "Ten done"


@pytest.mark.parametrize("hidden", [{"status": "draft"}, {"is_secret": True}])
def test_what_the_user_may_not_see_is_not_there(api, hidden):
    AchievementFactory(key="hidden", **hidden)

    missing = api.get(achievement("no_such_key")).json()

    assert "hidden" not in keys(api, ACHIEVEMENTS)
    assert api.get(achievement("hidden")).json() == missing


def test_a_retired_achievement_is_shown_to_who_holds_it(api, user):
    founder = AchievementFactory(key="founder", name="Founder")
    award_achievement(user, "founder")
    founder.status = "retired"
    founder.save()

    assert api.get(achievement("founder")).json()["progress"] == 1.0


@time_machine.travel(NOON, tick=False)
def test_my_achievements_are_what_i_hold(api, user):
    award_achievement(user, "kpi_10")

    assert results(api, MINE) == [
        {
            "key": "kpi_10",
            "name": "Ten done",
            "description": "Complete 10 KPIs.",
            "category": "milestones",
            "icon": "🥉",
            "xp_awarded": 50,
            "unlocked_at": "2026-03-02T12:00:00Z",
        }
    ]


def test_my_achievements_are_not_those_of_others(api):
    award_achievement(UserFactory(), "kpi_10")

    assert results(api, MINE) == []
    assert api.get(mine("kpi_10")).status_code == 404


def test_my_achievements_are_not_those_that_were_revoked(api, user):
    award_achievement(user, "kpi_10")
    revoke(user, "kpi_10")

    assert results(api, MINE) == []
    assert api.get(mine("kpi_10")).status_code == 404


def test_my_achievement_has_an_address(api, user):
    award_achievement(user, "kpi_10")

    assert api.get(mine("kpi_10")).json()["xp_awarded"] == 50


def test_pages_have_a_largest_size(api):
    AchievementFactory.create_batch(100)

    usual = results(api, ACHIEVEMENTS)
    largest = results(api, f"{ACHIEVEMENTS}?page_size=1000000000")

    assert (len(usual), len(largest)) == (50, 100)


@pytest.mark.parametrize("page", ["0", "-1", "9" * 30, "9" * 5_000, "%00", "x"])
def test_a_page_that_does_not_exist_is_not_found(api, page):
    assert api.get(f"{ACHIEVEMENTS}?page={page}").status_code == 404


@pytest.mark.parametrize("size", ["0", "-1", "9" * 5_000, "%00", "x"])
def test_a_size_that_is_none_is_the_usual_one(api, size):
    assert len(results(api, f"{ACHIEVEMENTS}?page_size={size}")) == 11


@pytest.mark.parametrize("address", [ACHIEVEMENTS, MINE])
@pytest.mark.parametrize("key", ["a%00b", "a.b", "%ED%A0%80", "9" * 5_000])
def test_a_key_that_cannot_be_one_is_not_found(api, address, key):
    assert api.get(f"{address}{key}/").status_code == 404


@pytest.mark.parametrize(
    ("address", "queries"), [(ACHIEVEMENTS, 6), (MINE, 2), (ME, 2)]
)
def test_queries_do_not_grow(api, user, address, queries, django_assert_num_queries):
    for made in AchievementFactory.create_batch(10):
        award_achievement(user, made.key)

    with django_assert_num_queries(queries):
        response = api.get(address)

    assert response.status_code == 200
