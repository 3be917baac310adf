from __future__ import annotations

import pytest

from gamification.exceptions import (
    InvalidDefinitionError,
    StaleEditError,
    UnknownAchievementError,
    UnknownActivityError,
    UnknownUserError,
)
from gamification.models import Achievement, Activity
from gamification.services import (
    record_activity,
)
from gamification.services.catalogue.editing import definition_tag
from gamification.staff import (
    RewardEdit,
    tune_rewards,
)
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", xp_reward=50)


def tuned(item, **numbers):
    return RewardEdit(item.key, definition_tag(item), numbers)


def test_several_numbers_are_changed_at_once(activity, medal, staff):
    edited = tune_rewards(
        activities=[tuned(activity, xp_reward=15, daily_limit=3, cooldown=60)],
        achievements=[tuned(medal, xp_reward=70)],
        actor=staff,
    )

    walk, gold = Activity.objects.get(key="walk"), Achievement.objects.get()
    assert (walk.xp_reward, walk.daily_limit, walk.cooldown) == (15, 3, 60)
    assert gold.xp_reward == 70
    assert edited == [walk, gold]


def test_a_limit_is_taken_away(staff):
    swim = ActivityFactory(key="swim", daily_limit=3)

    tune_rewards(activities=[tuned(swim, daily_limit=None)], actor=staff)

    swim.refresh_from_db()
    assert swim.daily_limit is None


def test_it_applies_from_now_on(user, activity, staff):
    record_activity(user, "walk")
    tune_rewards(activities=[tuned(activity, xp_reward=15)], actor=staff)

    assert record_activity(user, "walk").total_xp == 25


def test_all_that_others_changed_meanwhile_is_told_and_nothing_saved(
    activity, medal, staff
):
    swim = ActivityFactory(key="swim")
    edits = {
        "activities": [tuned(activity, xp_reward=15), tuned(swim, xp_reward=5)],
        "achievements": [tuned(medal, xp_reward=70)],
    }
    Activity.objects.filter(key="walk").update(xp_reward=20)
    Achievement.objects.update(name="Gold")
    before = everything()

    with pytest.raises(StaleEditError) as refusal:
        tune_rewards(**edits, actor=staff)

    assert str(refusal.value) == "Somebody else changed walk, medal meanwhile."
    items = refusal.value.context["items"]
    assert [(item.key, item.xp_reward) for item in items] == [
        ("walk", 20),
        ("medal", 50),
    ]
    assert everything() == before


def test_without_a_tag_whatever_is_there_is_edited(activity, staff):
    Activity.objects.filter(key="walk").update(xp_reward=20)

    tune_rewards(activities=[RewardEdit("walk", None, {"xp_reward": 15})], actor=staff)

    assert Activity.objects.get(key="walk").xp_reward == 15


@pytest.mark.parametrize(
    ("edits", "error"),
    [
        (
            {"activities": [RewardEdit("walk", None, {"xp_reward": -1})]},
            InvalidDefinitionError,
        ),
        ({"activities": [RewardEdit("swim", "tag")]}, UnknownActivityError),
        ({"achievements": [RewardEdit("swim", "tag")]}, UnknownAchievementError),
        ({"achievements": [RewardEdit("medal", None, {"luck": 1})]}, TypeError),
        ({"actor": 987_654_321}, UnknownUserError),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_saved(activity, medal, edits, error):
    first = RewardEdit("medal", None, {"xp_reward": 70})
    edits = {"actor": None, "achievements": [first]} | edits
    before = everything()

    with pytest.raises(error):
        tune_rewards(**edits)

    assert everything() == before
