from __future__ import annotations

import pytest

from gamification.services import (
    award_achievement,
    record_activity,
)
from tests.api.assertions import errors_in
from tests.api.clients import API
from tests.factories import AchievementFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

ACHIEVEMENTS = f"{API}achievements/"


@pytest.fixture
def find(api):
    """Return the keys that a search finds."""

    def find(**query):
        response = api.get(ACHIEVEMENTS, query)
        assert response.status_code == 200, response.json()
        found = [row["key"] for row in response.json()["results"]]
        assert response.json()["count"] == len(found)
        return found

    return find


def test_a_category_is_chosen(find):
    AchievementFactory(key="far", category="exploration")
    AchievementFactory(key="long", category="streaks")

    assert find(category="streaks") == ["long"]


def test_unlocked_achievements_are_filtered(find, user):
    AchievementFactory(key="held")
    AchievementFactory(key="other")
    award_achievement(user, "held")

    assert (find(unlocked="true"), find(unlocked="false")) == (["held"], ["other"])


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("walk", ["walker"]),
        ("WALK", ["walker"]),
        ("élan", ["runner"]),
        ("straSSe", ["runner"]),
        ("100%", ["runner"]),
        ("_", []),
        ("%", ["runner"]),
        ("\\", []),
        ("nothing", []),
        (" ", ["walker", "runner"]),
    ],
)
def test_names_and_descriptions_are_searched(find, words, found):
    AchievementFactory(key="walker", name="Walker", description="Slow but sure")
    AchievementFactory(
        key="runner", name="ÉLAN", description="100% of the Straße", position=1
    )

    assert find(search=words) == found


def test_filters_are_combined(find, user):
    AchievementFactory(key="a", name="Walk", category="streaks")
    AchievementFactory(key="b", name="Walk", category="mastery")
    AchievementFactory(key="c", name="Job", category="mastery")
    award_achievement(user, "a")
    award_achievement(user, "c")

    assert find(search="walk", category="mastery", unlocked="false") == ["b"]


def test_the_usual_order_is_that_of_the_catalogue(find):
    AchievementFactory(key="b", position=1)
    AchievementFactory(key="c", position=0)
    AchievementFactory(key="a", position=1)

    assert find() == find(ordering="position") == ["c", "a", "b"]
    assert find(ordering="-position") == ["b", "a", "c"]


def test_names_are_ordered_in_any_case(find):
    AchievementFactory(key="1", name="beta")
    AchievementFactory(key="2", name="Alpha")
    AchievementFactory(key="3", name="Gamma")

    assert find(ordering="name") == ["2", "1", "3"]
    assert find(ordering="-name") == ["3", "1", "2"]


def test_rewards_are_ordered(find):
    AchievementFactory(key="much", xp_reward=100)
    AchievementFactory(key="little", xp_reward=1)

    assert find(ordering="xp_reward") == ["little", "much"]
    assert find(ordering="-xp_reward") == ["much", "little"]


def test_progress_is_ordered(find, user, activity):
    for threshold in (4, 2, 8):
        AchievementFactory(
            key=f"of_{threshold}",
            criterion="activity_count",
            activity=activity,
            threshold=threshold,
        )
    record_activity(user, "walk")

    assert find(ordering="progress") == ["of_8", "of_4", "of_2"]
    assert find(ordering="-progress") == ["of_2", "of_4", "of_8"]


def test_locked_achievements_come_after_unlocked_ones(find, user):
    for key in ("1", "2", "3", "4"):
        AchievementFactory(key=key)
    award_achievement(user, "3")
    award_achievement(user, "2")

    assert find(ordering="unlocked_at") == ["3", "2", "1", "4"]
    assert find(ordering="-unlocked_at") == ["2", "3", "1", "4"]


def test_rarity_is_ordered(find, user, activity):
    for key in ("common", "none", "rare"):
        AchievementFactory(key=key)
    for other in (user, UserFactory()):
        record_activity(other, "walk")
        award_achievement(other, "common")
    award_achievement(user, "rare")

    assert find(ordering="rarity") == ["none", "rare", "common"]
    assert find(ordering="-rarity") == ["common", "rare", "none"]


def test_rarity_among_nobody_is_no_order(find):
    AchievementFactory(key="b")
    AchievementFactory(key="a")

    assert find(ordering="rarity") == find(ordering="-rarity") == ["a", "b"]


def test_equals_stay_in_the_order_of_the_catalogue(find):
    for key in ("b", "a", "c"):
        AchievementFactory(key=key, xp_reward=10)

    assert find(ordering="xp_reward") == ["a", "b", "c"]
    assert find(ordering="-xp_reward") == ["a", "b", "c"]


def test_a_filter_stays_on_the_next_page(api):
    AchievementFactory.create_batch(2, category="streaks")
    AchievementFactory.create_batch(2, category="mastery")

    first = api.get(f"{ACHIEVEMENTS}?category=mastery&page_size=1").json()
    second = api.get(first["next"]).json()

    assert (first["count"], second["results"][0]["category"]) == (2, "mastery")
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("category=hats", {"/category": "invalid_choice"}),
        ("category=", {"/category": "invalid_choice"}),
        ("unlocked=1", {"/unlocked": "invalid_choice"}),
        ("unlocked=True", {"/unlocked": "invalid_choice"}),
        ("ordering=password", {"/ordering": "invalid_choice"}),
        ("ordering=--name", {"/ordering": "invalid_choice"}),
        ("ordering=name,xp_reward", {"/ordering": "invalid_choice"}),
        ("ordering=%00", {"/ordering": "invalid_choice"}),
        ("search=%00", {"/search": "unstorable"}),
        ("search=", {"/search": "blank"}),
        (f"search={'x' * 10_000}", {"/search": "max_length"}),
        ("page=0", {"/page": "min_value"}),
        ("page=-1", {"/page": "min_value"}),
        ("page=last", {"/page": "invalid"}),
        (f"page={10**23}", {"/page": "invalid"}),
        ("page_size=1000000000", {"/page_size": "max_value"}),
        ("name=x", {"/name": "unknown"}),
        ("criterion=manual", {"/criterion": "unknown"}),
        ("is_secret=true", {"/is_secret": "unknown"}),
        ("format=zzz", {"/format": "unknown"}),
    ],
)
def test_a_parameter_that_says_nothing_is_refused(api, query, error):
    assert errors_in(api.get(f"{ACHIEVEMENTS}?{query}")) == error


def test_the_steps_of_a_series_are_found(find):
    AchievementFactory(key="gold", series="medals", step=3)
    AchievementFactory(key="other")

    assert find(series="medals") == ["gold"]


def test_a_step_says_where_it_is(api):
    AchievementFactory(key="gold", series="medals", step=3)

    [row] = api.get(ACHIEVEMENTS).json()["results"]

    assert (row["series"], row["step"]) == ("medals", 3)
