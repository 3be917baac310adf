from __future__ import annotations

import pytest

from gamification.models import Achievement
from gamification.services import (
    award_achievement,
    record_activity,
    revoke_achievement,
)
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

ACHIEVEMENTS = f"{API}achievements/"


def keys(response):
    return [row["key"] for row in response.json()["results"]]


@pytest.mark.usefixtures("server_clock")
def test_achievements_come_with_the_users_progress_and_rarity(api, user):
    record_activity(user, "kpi_completed", quantity=4)
    record_activity(UserFactory(), "kpi_completed", quantity=10)

    [row] = [
        row for row in api.get(ACHIEVEMENTS).json()["results"] if row["key"] == "kpi_10"
    ]

    assert row == {
        "key": "kpi_10",
        "name": "Ten done",
        "description": "Complete 10 KPIs.",
        "icon": "medal-bronze",
        "category": "milestones",
        "xp_reward": 50,
        "series": "",
        "step": None,
        "is_secret": False,
        "progress": {"current": 4, "target": 10, "fraction": 0.4, "conditions": None},
        "times": 0,
        "max_times": 1,
        "season": None,
        "unlocked_at": None,
        "rarity": {
            "fraction": 0.5,
            "holders": 1,
            "of": 2,
            "worked_out_at": "2026-03-02T12:00:00Z",
        },
    }


@pytest.mark.usefixtures("server_clock")
def test_an_unlocked_achievement_says_since_when(api, user):
    award_achievement(user, "kpi_10")

    row = api.get(f"{ACHIEVEMENTS}kpi_10/").json()

    assert row["unlocked_at"] == "2026-03-02T12:00:00Z"
    assert row["progress"] == {
        "current": 0,
        "target": 10,
        "fraction": 1.0,
        "conditions": None,
    }


def test_rarity_among_nobody_has_no_fraction(api):
    rarity = api.get(f"{ACHIEVEMENTS}kpi_10/").json()["rarity"]

    assert (rarity["fraction"], rarity["holders"], rarity["of"]) == (None, 0, 0)


def test_an_achievement_is_in_the_list_as_at_its_address(api):
    one = api.get(f"{ACHIEVEMENTS}streak_7/").json()

    assert one in api.get(ACHIEVEMENTS).json()["results"]


def test_a_list_comes_in_an_envelope(api, no_achievements):
    AchievementFactory(key="only")

    envelope = api.get(ACHIEVEMENTS).json()

    assert [row["key"] for row in envelope.pop("results")] == ["only"]
    assert envelope == {"count": 1, "next": None, "previous": None, "secrets": None}


def test_nothing_is_a_list_too(api, no_achievements):
    assert api.get(ACHIEVEMENTS).json()["results"] == []


def test_a_retired_achievement_is_shown_to_its_holders(api, user):
    AchievementFactory(key="founder")
    award_achievement(user, "founder")
    Achievement.objects.filter(key="founder").update(status="retired")

    assert api.get(f"{ACHIEVEMENTS}founder/").json()["progress"]["fraction"] == 1.0


@pytest.mark.parametrize(
    "key", ["no_such_key", "a%00b", "a.b", "%ED%A0%80", "9" * 5_000]
)
def test_a_key_that_nothing_has_is_not_found(api, key):
    assert_problem(api.get(f"{ACHIEVEMENTS}{key}/"), 404, "not_found")


@pytest.mark.parametrize("address", ["", "kpi_10/", "kpi_10/explain/"])
def test_anonymous_users_see_nothing(client, address):
    assert_problem(client.get(ACHIEVEMENTS + address), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("method", "address"),
    [
        ("put", ""),
        ("patch", ""),
        ("delete", ""),
        ("put", "kpi_10/"),
        ("post", "kpi_10/"),
        ("delete", "kpi_10/"),
        ("post", "kpi_10/explain/"),
        ("delete", "kpi_10/backfill/"),
    ],
)
def test_there_is_no_other_way_to_change_it(user, method, address):
    staff = client_of(user, "change_achievement", "delete_achievement")

    response = getattr(staff, method)(ACHIEVEMENTS + address)

    assert_problem(response, 405, "method_not_allowed")


def test_pages_lead_to_each_other(api, no_achievements):
    for position in range(5):
        AchievementFactory(key=f"a{position}", position=position)

    first = api.get(f"{ACHIEVEMENTS}?page_size=2")
    second = api.get(first.json()["next"])
    third = api.get(second.json()["next"])

    assert [keys(first), keys(second), keys(third)] == [
        ["a0", "a1"],
        ["a2", "a3"],
        ["a4"],
    ]
    assert third.json()["next"] is None
    assert keys(api.get(third.json()["previous"])) == ["a2", "a3"]
    assert third.json()["count"] == 5


def test_pages_have_a_largest_size(api, no_achievements):
    AchievementFactory.create_batch(101)

    usual = api.get(ACHIEVEMENTS)
    largest = api.get(f"{ACHIEVEMENTS}?page_size=100")
    larger = api.get(f"{ACHIEVEMENTS}?page_size=101")

    assert (len(keys(usual)), len(keys(largest))) == (50, 100)
    assert errors_in(larger) == {"/page_size": "max_value"}


def test_a_page_behind_the_last_is_not_found(api):
    assert_problem(api.get(f"{ACHIEVEMENTS}?page=2"), 404, "not_found")


def test_a_revoked_achievement_is_locked_again(api, user):
    award_achievement(user, "kpi_10")
    revoke_achievement(user, "kpi_10")

    row = api.get(f"{ACHIEVEMENTS}kpi_10/").json()

    assert (row["unlocked_at"], row["progress"]["fraction"]) == (None, 0.0)


# Who the user is, the achievements with unlocks and tallies; of rarity, users and
# holders, the users of two kinds who do not count, and the holders of one of these, as
# there are none of the other. The second time, rarity is in the cache.
@pytest.mark.parametrize("made", [1, 40])
def test_a_list_takes_as_many_queries_for_more(
    api, user, made, django_assert_num_queries
):
    for achievement in AchievementFactory.create_batch(made):
        award_achievement(user, achievement.key)

    with django_assert_num_queries(7 + IS_POSTGRESQL):
        api.get(ACHIEVEMENTS)
    with django_assert_num_queries(2 + IS_POSTGRESQL):
        assert len(keys(api.get(ACHIEVEMENTS))) > made


# Permissions of the user and of their groups, where the user stands, the achievement;
# of rarity, users and holders, and the users of two kinds who do not count, of whom
# there are none. PostgreSQL is also asked for the schema that the cached rarity is of.
def test_one_takes_eight_queries(api, django_assert_num_queries):
    with django_assert_num_queries(8 + IS_POSTGRESQL):
        api.get(f"{ACHIEVEMENTS}kpi_10/")
    with django_assert_num_queries(2 + IS_POSTGRESQL):
        api.get(f"{ACHIEVEMENTS}kpi_10/")
