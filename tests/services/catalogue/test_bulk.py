from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

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
from gamification.services.catalogue.fields.editable import NUMBERS
from gamification.staff import (
    RewardEdit,
    tune_rewards,
)
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import everything
from tests.services.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", xp_reward=50)


def tuned(item, **numbers):
    return RewardEdit(item.key, definition_tag(item), numbers)


def test_several_items_are_edited_at_once(activity, medal, staff):
    edited = tune_rewards(
        activities=[tuned(activity, xp_reward=15, daily_limit=3, cooldown=60)],
        achievements=[tuned(medal, xp_reward=70)],
        actor=staff,
    )

    walk, gold = Activity.objects.get(key="walk"), Achievement.objects.get()
    assert (walk.xp_reward, walk.daily_limit, walk.cooldown) == (15, 3, 60)
    assert gold.xp_reward == 70
    assert edited == [walk, gold]


def test_a_limit_is_removed(staff):
    swim = ActivityFactory(key="swim", daily_limit=3)

    tune_rewards(activities=[tuned(swim, daily_limit=None)], actor=staff)

    swim.refresh_from_db()
    assert swim.daily_limit is None


def test_a_new_reward_applies_from_now_on(user, activity, staff):
    record_activity(user, "walk")
    tune_rewards(activities=[tuned(activity, xp_reward=15)], actor=staff)

    assert record_activity(user, "walk").total_xp == 25


def test_every_item_that_others_changed_is_reported_and_nothing_saved(
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

    assert str(refusal.value) == (
        "Somebody else has changed walk, medal since you looked."
    )
    items = refusal.value.context["items"]
    assert [(item.key, item.xp_reward) for item in items] == [
        ("walk", 20),
        ("medal", 50),
    ]
    assert everything() == before


@pytest.mark.parametrize("count", [10, 300])
def test_any_number_of_edits_takes_at_most_8_statements(staff, count):
    walks = ActivityFactory.create_batch(count, xp_reward=10)
    medals = AchievementFactory.create_batch(count, xp_reward=50)
    edits = {
        "activities": [
            tuned(walk, xp_reward=15, daily_limit=3, cooldown=60) for walk in walks
        ],
        "achievements": [tuned(medal, xp_reward=70) for medal in medals],
    }

    with CaptureQueriesContext(connection) as queries:
        tune_rewards(**edits, actor=staff)

    assert len([sql for sql in queries if "SAVEPOINT" not in sql["sql"]]) <= 8
    assert (
        Activity.objects.filter(xp_reward=15, daily_limit=3, cooldown=60).count()
        == Achievement.objects.filter(xp_reward=70).count()
        == count
    )


def test_an_edit_leaves_the_numbers_that_it_does_not_name(staff):
    ActivityFactory(key="swim", xp_reward=10, daily_limit=3, cooldown=60)
    ActivityFactory(key="run", xp_reward=10, daily_limit=None)
    edits = [
        RewardEdit("swim", None, {"daily_limit": None}),
        RewardEdit("run", None, {"xp_reward": 20}),
    ]

    tune_rewards(activities=edits, actor=staff)

    assert {*Activity.objects.values_list("key", *NUMBERS[Activity])} >= {
        ("swim", 10, None, 60),
        ("run", 20, None, None),
    }


def test_an_edit_that_changes_nothing_writes_nothing(activity, staff, server_clock):
    before = everything()
    server_clock.shift(timedelta(hours=1))

    tune_rewards(activities=[tuned(activity, xp_reward=10)], actor=staff)

    assert everything() == before


def test_edited_items_are_dated(activity, medal, staff, server_clock):
    server_clock.shift(timedelta(hours=1))

    tune_rewards(activities=[tuned(activity, xp_reward=15)], actor=staff)

    activity.refresh_from_db()
    assert activity.updated_at - NOW == timedelta(hours=1)
    assert Achievement.objects.get().updated_at == NOW


def test_the_later_of_two_edits_of_an_item_wins(activity, staff):
    edits = [tuned(activity, xp_reward=15), tuned(activity, xp_reward=20, cooldown=60)]

    tune_rewards(activities=edits, actor=staff)

    activity.refresh_from_db()
    assert (activity.xp_reward, activity.cooldown) == (20, 60)


def test_edits_are_logged(
    activity, medal, staff, caplog, django_capture_on_commit_callbacks
):
    caplog.set_level(logging.INFO, "gamification")

    with django_capture_on_commit_callbacks(execute=True):
        tune_rewards(
            activities=[tuned(activity, xp_reward=15, cooldown=60)],
            achievements=[tuned(medal, xp_reward=50)],
            actor=staff,
        )

    assert caplog.messages == [
        f"Activity walk: xp_reward 10 → 15, cooldown None → 60 by user {staff.pk}."
    ]


def test_an_error_names_the_item_the_field_and_the_reason(activity, staff):
    edits = [tuned(activity, xp_reward=-1, cooldown=True)]

    with pytest.raises(InvalidDefinitionError) as refusal:
        tune_rewards(activities=edits, actor=staff)

    assert str(refusal.value) == (
        "The activity 'walk' cannot be saved. xp_reward: Ensure this value is greater "
        "than or equal to 0. cooldown: This is true or false, not a whole number."
    )


def test_without_a_tag_the_stored_item_is_edited(activity, staff):
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
        ({"achievements": [RewardEdit("medal", None, {"name": "x"})]}, TypeError),
        ({"actor": 987_654_321}, UnknownUserError),
    ],
)
def test_a_bad_edit_is_refused_and_nothing_saved(activity, medal, edits, error):
    first = RewardEdit("medal", None, {"xp_reward": 70})
    edits = {"actor": None, "achievements": [first]} | edits
    before = everything()

    with pytest.raises(error):
        tune_rewards(**edits)

    assert everything() == before
