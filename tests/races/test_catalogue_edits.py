from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from threading import Event, Semaphore

import pytest
from django.db import OperationalError, connection, transaction

from gamification.exceptions import InvalidDefinitionError, StaleEditError
from gamification.models import Achievement, LedgerEntry, StreakDefinition
from gamification.services import (
    award_achievement,
    record_activity,
)
from gamification.services.catalogue.editing import definition_tag
from gamification.staff import (
    create_achievement,
    create_boost,
    create_streak,
    edit_achievement,
    edit_activity,
    edit_boost,
    edit_streak,
)
from tests.factories import AchievementFactory, BoostFactory, UserFactory
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    PATIENCE,
    at_once,
    before_next_write,
    elsewhere,
    total_of,
)

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]


def edit_reward(xp):
    edit_activity("walk", actor=None, expected=None, xp_reward=xp)


def test_every_record_after_a_committed_edit_has_the_new_reward():
    users, is_edited, recorded = UserFactory.create_batch(4), Event(), Semaphore(0)

    def record(user):
        earned = []
        while len(earned) < 10 or sum(late for late, _ in earned) < 3:
            late = is_edited.is_set()
            earned.append((late, record_activity(user, "walk").credited))
            recorded.release()
        return earned

    def edit():
        try:
            for _ in range(20):
                assert recorded.acquire(timeout=PATIENCE)
            edit_reward(30)
        finally:
            is_edited.set()
        return []

    earned = at_once([edit, *(lambda user=user: record(user) for user in users)])

    assert {xp for each in earned for _, xp in each} == {10, 30}
    assert {xp for each in earned for late, xp in each if late} == {30}


@ONLY_POSTGRESQL
def test_an_edit_between_read_and_write_counts_from_the_next_record(user):
    with before_next_write(lambda: edit_reward(30)):
        first = record_activity(user, "walk")
    second = record_activity(user, "walk")

    assert (first.credited, second.credited) == (10, 30)


YEAR = {
    "factor": Decimal(2),
    "starts_at": datetime(2100, 1, 1, tzinfo=UTC),
    "ends_at": datetime(2101, 1, 1, tzinfo=UTC),
}


@ONLY_POSTGRESQL
@pytest.mark.parametrize(
    "choose",
    [
        partial(create_streak, key="new", name="New"),
        partial(edit_streak, "old", expected=None),
        partial(create_boost, key="new", name="New", **YEAR),
        partial(edit_boost, "old", expected=None),
    ],
    ids=lambda choose: choose.func.__name__,
)
def test_a_deletion_waits_for_an_edit_that_chooses_the_activity(activity, choose):
    StreakDefinition.objects.create(key="old", name="Old")
    BoostFactory(key="old", **YEAR)

    def delete():
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        activity.delete()

    with transaction.atomic():
        choose(actor=None, activities=["walk"])
        with pytest.raises(OperationalError, match="gamification_activity"):
            elsewhere(delete)


def test_a_reward_keeps_its_amount_when_staff_edit_it(user):
    medal = AchievementFactory(xp_reward=50)
    award_achievement(user, medal.key)

    elsewhere(lambda: Achievement.objects.update(xp_reward=999))
    record_activity(user, "walk")

    assert total_of(user) == 60


def test_an_achievement_made_meanwhile_is_unlocked_by_the_next_record(user):
    record_activity(user, "walk")

    medal = elsewhere(lambda: AchievementFactory(criterion="active_days"))

    [unlock] = record_activity(user, "walk").unlocks
    assert unlock.achievement == medal.key


def test_an_edit_that_is_rolled_back_never_counted(user):
    record_activity(user, "walk")
    with transaction.atomic():
        edit_reward(30)
        inside = record_activity(user, "walk").credited
        transaction.set_rollback(True)

    assert record_activity(user, "walk").credited == 10
    assert inside == 30


@ONLY_POSTGRESQL
def test_an_uncommitted_edit_is_seen_by_nobody_else(user, activity):
    with transaction.atomic():
        edit_reward(30)
        record_activity(UserFactory(), "walk")

        outcome = elsewhere(lambda: record_activity(user, "walk"))

    assert outcome.credited == 10
    assert LedgerEntry.objects.filter(amount=30).count() == 1


def made_or_refused(verb, *args, **fields):
    """Return what the verb makes, or what is wrong with it."""
    try:
        return verb(*args, actor=None, **fields)
    except InvalidDefinitionError as error:
        return error.errors
    except StaleEditError as error:
        return error.code


def test_a_key_that_many_choose_is_taken_once():
    fields = {"key": "medal", "category": "mastery", "criterion": "manual"}
    names = [f"Medal {n}" for n in range(8)]

    made = at_once(
        [
            partial(made_or_refused, create_achievement, name=name, **fields)
            for name in names
        ]
    )

    [medal] = [each for each in made if isinstance(each, Achievement)]
    refusals = [each["key"][0][0] for each in made if each != medal]
    assert refusals == ["unique"] * 7
    assert Achievement.objects.get() == medal


def test_one_of_many_edits_of_the_same_state_is_made():
    medal = AchievementFactory(key="medal", xp_reward=0)
    edit = partial(
        made_or_refused, edit_achievement, "medal", expected=definition_tag(medal)
    )

    made = at_once([partial(edit, xp_reward=n) for n in range(1, 9)])

    [edited] = [each for each in made if isinstance(each, Achievement)]
    assert [each for each in made if each != edited] == ["stale_edit"] * 7
    assert Achievement.objects.get().xp_reward == edited.xp_reward


def test_edits_of_different_fields_at_once_are_all_made():
    AchievementFactory(key="medal", xp_reward=0)
    edits = [{"xp_reward": 7}, {"name": "Gold"}, {"icon": "x"}, {"position": 3}]

    at_once(
        [
            partial(edit_achievement, "medal", actor=None, expected=None, **edit)
            for edit in edits
        ]
    )

    medal = Achievement.objects.get()
    assert (medal.xp_reward, medal.name, medal.icon, medal.position) == (
        7,
        "Gold",
        "x",
        3,
    )


def test_an_edit_keeps_nobody_from_recording(user):
    AchievementFactory(key="medal", criterion="active_days", xp_reward=5)
    edit = partial(edit_achievement, "medal", actor=None, expected=None)

    at_once(
        [
            *(partial(record_activity, user, "walk") for _ in range(8)),
            *(partial(edit, threshold=n) for n in range(1, 5)),
        ]
    )

    assert total_of(user) in {80, 85}
