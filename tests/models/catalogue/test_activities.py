from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone, translation

from gamification.models import Achievement, Activity, Level
from gamification.services import (
    award_achievement,
    record_activity,
    revoke_achievement,
)
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import violates

pytestmark = pytest.mark.django_db

ITEMS = pytest.mark.parametrize("factory", [ActivityFactory, AchievementFactory])


@pytest.mark.parametrize("reward", [-1, 1_000_001])
@pytest.mark.parametrize(
    ("factory", "name"),
    [
        (ActivityFactory, "gamification_activity_reward"),
        (AchievementFactory, "gamification_achievement_reward"),
    ],
)
def test_a_reward_is_bounded(factory, name, reward):
    assert violates(name, lambda: factory(xp_reward=reward))


@ITEMS
@pytest.mark.parametrize("reward", [0, 1_000_000])
def test_a_reward_may_reach_its_bounds(factory, reward):
    item = factory(xp_reward=reward)

    assert item.full_clean() is None


@pytest.mark.parametrize("limit", [0, -1])
def test_a_daily_limit_is_positive(limit):
    assert violates(
        "gamification_activity_daily_limit", lambda: ActivityFactory(daily_limit=limit)
    )


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_cooldown_is_positive(seconds):
    assert violates(
        "gamification_activity_cooldown", lambda: ActivityFactory(cooldown=seconds)
    )


@pytest.mark.parametrize("threshold", [0, -1, 2**53 + 1])
def test_a_threshold_is_bounded(threshold):
    assert violates(
        "gamification_achievement_threshold",
        lambda: AchievementFactory(threshold=threshold),
    )


def test_a_criterion_that_counts_an_activity_names_it():
    assert violates(
        "gamification_achievement_activity",
        lambda: AchievementFactory(criterion="activity_count"),
    )


@pytest.mark.parametrize("criterion", ["level", "manual", "no such criterion"])
def test_only_what_counts_an_activity_names_one(activity, criterion):
    assert violates(
        "gamification_achievement_activity",
        lambda: AchievementFactory(criterion=criterion, activity=activity),
    )


def test_a_form_says_that_an_activity_is_missing():
    item = AchievementFactory.build(criterion="activity_count")

    with pytest.raises(ValidationError) as refusal:
        item.full_clean()

    assert refusal.value.messages == [
        "Choose an activity if the criterion counts one, otherwise none."
    ]


@ITEMS
@pytest.mark.parametrize("reward", [-1, 1_000_001])
def test_a_form_says_that_a_reward_is_out_of_bounds(factory, reward):
    with pytest.raises(ValidationError) as refusal:
        factory.build(xp_reward=reward).full_clean()

    assert "xp_reward" in refusal.value.message_dict


@ITEMS
def test_a_key_is_unique(factory):
    factory(key="one")

    with pytest.raises(IntegrityError), transaction.atomic():
        factory(key="one")


def fresh(item):
    return type(item).objects.get(pk=item.pk)


@ITEMS
@pytest.mark.parametrize("reload", [fresh, lambda item: item], ids=["read", "made"])
def test_a_key_cannot_be_changed(factory, reload):
    item = reload(factory(key="before"))
    item.key = "after"

    with pytest.raises(ValueError, match=r"^The key 'before' cannot be changed\.$"):
        item.save()

    assert fresh(item).key == "before"


@ITEMS
@pytest.mark.parametrize("reload", [fresh, lambda item: item], ids=["read", "made"])
def test_a_form_says_that_a_key_cannot_be_changed(factory, reload):
    item = reload(factory(key="before"))
    item.key = "after"

    with pytest.raises(ValidationError) as refusal:
        item.full_clean()

    assert refusal.value.message_dict["key"] == ["The key cannot be changed."]


@ITEMS
def test_a_key_that_was_not_read_cannot_be_changed_either(factory):
    pk = factory(key="before").pk
    item = factory._meta.model.objects.only("name").get(pk=pk)
    item.key = "after"

    with pytest.raises(ValueError, match=r"^The key 'before' cannot be changed\.$"):
        item.save()


@ITEMS
def test_everything_else_can_be_changed(factory):
    item = fresh(factory(key="before"))
    item.name, item.xp_reward = "Another name", 7

    item.full_clean()
    item.save()

    assert (fresh(item).name, fresh(item).xp_reward) == ("Another name", 7)


@ITEMS
def test_a_new_item_may_have_any_key_until_it_is_saved(factory):
    item = factory.build(key="before")
    item.key = "after"

    item.full_clean()
    item.save()

    assert fresh(item).key == "after"


@ITEMS
def test_an_item_reads_as_its_name(factory):
    assert str(factory(name="Walk")) == "Walk"


def test_an_achievement_that_somebody_holds_cannot_be_deleted(user):
    medal = AchievementFactory(key="medal", xp_reward=0)
    award_achievement(user, "medal")

    with pytest.raises(ProtectedError):
        medal.delete()

    assert Achievement.objects.filter(pk=medal.pk).exists()


def test_an_achievement_that_was_revoked_cannot_be_deleted_either(user):
    AchievementFactory(key="medal", xp_reward=0)
    award_achievement(user, "medal")
    revoke_achievement(user, "medal")

    with pytest.raises(ProtectedError):
        Achievement.objects.filter(key="medal").delete()

    assert Achievement.objects.filter(key="medal").exists()


def test_an_activity_with_history_cannot_be_deleted(user, activity):
    record_activity(user, "walk")

    with pytest.raises(ProtectedError):
        activity.delete()


def test_an_activity_that_an_achievement_counts_cannot_be_deleted(activity):
    AchievementFactory(criterion="activity_count", activity=activity)

    with pytest.raises(ProtectedError):
        activity.delete()


@ITEMS
def test_an_achievement_that_nobody_has_can_be_deleted(factory):
    item = factory()

    item.delete()

    assert not factory._meta.model.objects.filter(key=item.key).exists()


def test_activities_come_by_key():
    ActivityFactory(key="a_first")

    assert Activity.objects.first().key == "a_first"


@pytest.mark.parametrize("number", [0, 501])
def test_the_number_of_a_level_is_bounded(number):
    assert violates(
        "gamification_level_number",
        lambda: Level.objects.create(number=number, threshold=0),
    )


@pytest.mark.parametrize("threshold", [-1, 2**53 + 1])
def test_the_threshold_of_a_level_is_bounded(threshold):
    assert violates(
        "gamification_level_threshold",
        lambda: Level.objects.create(number=1, threshold=threshold),
    )


def test_a_level_is_called_by_its_number_and_name():
    level = Level(number=5, name="Explorer", translations={"de": "Entdecker"})

    with translation.override("de-at"):
        german = str(level)

    assert (str(level), german) == ("Level 5 · Explorer", "Level 5 · Entdecker")
    assert str(Level(number=6)) == "Level 6"


@pytest.mark.parametrize("fields", [{"series": "medals"}, {"step": 1}])
def test_a_series_and_a_step_go_together(fields):
    assert violates(
        "gamification_achievement_series", lambda: AchievementFactory(**fields)
    )


def test_a_series_has_each_step_once():
    AchievementFactory(series="medals", step=1)

    assert violates(
        "gamification_achievement_step",
        lambda: AchievementFactory(series="medals", step=1),
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"max_times": None},
        {"max_times": 2},
        {"repeat_every": 5},
        {"repeat_period": "day"},
        {"max_times": 2, "repeat_every": 5, "repeat_period": "day"},
    ],
)
def test_what_is_earned_again_says_how(fields):
    assert violates(
        "gamification_achievement_repeats", lambda: AchievementFactory(**fields)
    )


def test_a_season_ends_after_it_starts():
    now = timezone.now()

    assert violates(
        "gamification_achievement_season",
        lambda: AchievementFactory(starts_at=now, ends_at=now),
    )
