from __future__ import annotations

from threading import Event, Semaphore

import pytest
from django.db import transaction

from gamification.models import Achievement, Activity, LedgerEntry
from gamification.services import award_achievement, record_activity
from tests.factories import AchievementFactory, UserFactory
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
    Activity.objects.filter(key="walk").update(xp_reward=xp)


def test_every_record_after_a_committed_edit_has_the_new_reward(store):
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


def test_a_reward_keeps_its_amount_when_staff_edit_it(user, store):
    medal = AchievementFactory(xp_reward=50)
    award_achievement(user, medal.key)

    elsewhere(lambda: Achievement.objects.update(xp_reward=999))
    record_activity(user, "walk")

    assert total_of(user) == 60


def test_an_achievement_made_meanwhile_is_unlocked_by_the_next_record(user, store):
    record_activity(user, "walk")

    medal = elsewhere(lambda: AchievementFactory(criterion="active_days"))

    [unlock] = record_activity(user, "walk").unlocks
    assert unlock.achievement == medal.key


def test_an_edit_that_is_rolled_back_never_counted(user, store):
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
