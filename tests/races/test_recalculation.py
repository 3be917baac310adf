from __future__ import annotations

from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.utils import timezone

from gamification.exceptions import StaleEditError
from gamification.models import Activity, LedgerEntry
from gamification.services import (
    ActivityRecord,
    record_activities,
    record_activity,
    reverse_entry,
)
from gamification.services.balance.recalculation import recalculating as recalculation
from gamification.staff import (
    RecalculationScope,
    RewardEdit,
    preview_recalculation,
    recalculate_xp,
    tune_rewards,
)
from tests.factories import ActivityFactory, UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once, before_statement, total_of

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]


@pytest.fixture
def users(db, monkeypatch):
    """Twelve users who walked for 10 XP, which is worth 15 now; three at a time."""
    monkeypatch.setattr(recalculation, "USERS_AT_ONCE", 3)
    get_user_model().objects.bulk_create(UserFactory.build_batch(12))
    users = [*get_user_model().objects.order_by("pk")]
    record_activities(ActivityRecord(user, "walk") for user in users)
    Activity.objects.filter(key="walk").update(xp_reward=15)
    return users


def past():
    today = timezone.now().date()
    return RecalculationScope(["walk"], today - timezone.timedelta(days=2), today)


def corrections():
    return LedgerEntry.objects.filter(kind="correction")


def in_the_middle(work):
    """Do ``work`` elsewhere when the first users are about to be locked."""
    return before_statement(1, work, if_=lambda: connection.in_atomic_block)


def test_recalculations_by_many_correct_each_record_once(users):
    done = at_once([partial(recalculate_xp, past())] * 4)

    assert sum(each.corrected for each in done) == corrections().count() == 12
    assert {total_of(user) for user in users} == {15}


def test_a_record_at_the_same_time_is_paid_once(users):
    records = [partial(record_activity, user, "walk") for user in users[::3]]

    at_once([partial(recalculate_xp, past()), *records])

    assert {total_of(user) for user in users[::3]} == {30}
    assert recalculate_xp(past()).corrected == 0


@ONLY_POSTGRESQL
def test_a_record_reversed_in_the_middle_gets_no_correction(users):
    entry = LedgerEntry.objects.get(user=users[0])

    with in_the_middle(partial(reverse_entry, users[0], entry_id=entry.pk)):
        done = recalculate_xp(past())

    assert (done.corrected, total_of(users[0])) == (11, 0)


@ONLY_POSTGRESQL
def test_a_user_who_is_deleted_in_the_middle_is_skipped(users):
    with in_the_middle(get_user_model().objects.get(pk=users[0].pk).delete):
        assert recalculate_xp(past()).corrected == 11


@ONLY_POSTGRESQL
def test_an_edit_in_the_middle_stops_it_before_anybody_gets_it(users):
    tag = preview_recalculation(past()).tag
    walk = Activity.objects.filter(key="walk")

    edit = in_the_middle(partial(walk.update, xp_reward=90))
    with pytest.raises(StaleEditError), edit:
        recalculate_xp(past(), expected=tag)

    assert not corrections().exists()


def test_tuning_in_another_order_waits():
    for key in ("swim", "job"):
        ActivityFactory(key=key)
    edits = [RewardEdit(key, None, {"xp_reward": 5}) for key in ("walk", "swim", "job")]
    orders = (edits, edits[::-1])

    tunings = [partial(tune_rewards, activities=o, actor=None) for o in orders]
    at_once(tunings * 3)

    keys = Activity.objects.filter(xp_reward=5).values_list("key", flat=True)
    assert {*keys} == {"walk", "swim", "job"}
