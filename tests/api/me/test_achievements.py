from __future__ import annotations

import pytest

from gamification.models import Achievement
from gamification.services import (
    award_achievement,
    revoke_achievement,
)
from tests.api.assertions import errors_in
from tests.api.clients import API
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

MINE = f"{API}me/achievements/"


def keys(response):
    return [row["key"] for row in response.json()["results"]]


@pytest.mark.usefixtures("server_clock")
def test_my_achievements_are_those_that_i_hold(api, user):
    award_achievement(user, "kpi_10")

    assert api.get(MINE).json() == {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [
            {
                "key": "kpi_10",
                "name": "Ten done",
                "description": "Complete 10 KPIs.",
                "category": "milestones",
                "icon": "medal-bronze",
                "series": "",
                "step": None,
                "xp_awarded": 50,
                "number": 1,
                "period": None,
                "unlocked_at": "2026-03-02T12:00:00Z",
            }
        ],
    }


def test_the_latest_comes_first(api, user):
    for key in ("level_5", "kpi_10", "streak_7"):
        award_achievement(user, key)

    assert keys(api.get(MINE)) == ["streak_7", "kpi_10", "level_5"]


def test_an_edit_does_not_change_earlier_awards(api, user):
    award_achievement(user, "kpi_10")
    Achievement.objects.filter(key="kpi_10").update(xp_reward=900)

    [held] = api.get(MINE).json()["results"]
    assert held["xp_awarded"] == 50


def test_my_achievements_are_not_those_of_others(api):
    award_achievement(UserFactory(), "kpi_10")

    assert keys(api.get(MINE)) == []


def test_my_achievements_are_not_those_that_were_revoked(api, user):
    award_achievement(user, "kpi_10")
    revoke_achievement(user, "kpi_10")

    assert keys(api.get(MINE)) == []


@pytest.mark.parametrize("change", [{"is_secret": True}, {"status": "retired"}])
def test_holders_see_achievements_that_are_hidden_from_others(api, user, change):
    award_achievement(user, "kpi_10")
    Achievement.objects.filter(key="kpi_10").update(**change)

    assert keys(api.get(MINE)) == ["kpi_10"]


def test_a_draft_is_hidden_from_its_holders_too(api, user):
    award_achievement(user, "kpi_10")
    Achievement.objects.filter(key="kpi_10").update(status="draft")

    assert keys(api.get(MINE)) == []


def test_pages_lead_to_each_other(api, user):
    for key in ("level_5", "kpi_10", "streak_7"):
        award_achievement(user, key)

    first = api.get(f"{MINE}?page_size=2")
    second = api.get(first.json()["next"])

    assert [keys(first), keys(second)] == [["streak_7", "kpi_10"], ["level_5"]]
    assert second.json()["next"] is None


def test_a_parameter_that_nobody_knows_is_refused(api):
    assert errors_in(api.get(f"{MINE}?user=other")) == {"/user": "unknown"}


# How many there are, and those of the page.
@pytest.mark.parametrize("made", [1, 40])
def test_a_list_takes_as_many_queries_for_more(
    api, user, no_achievements, made, django_assert_num_queries
):
    for achievement in AchievementFactory.create_batch(made):
        award_achievement(user, achievement.key)

    with django_assert_num_queries(2):
        assert len(keys(api.get(MINE))) == made
