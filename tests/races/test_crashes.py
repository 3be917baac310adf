from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from gamification.models import Celebration, Job, LedgerEntry, UserAchievement
from gamification.services import (
    ActivityRecord,
    record_activities,
)
from gamification.staff import Act, begin_list
from tests.factories import AchievementFactory, UserFactory
from tests.races import COMMITTED, keys_of, total_of
from tests.races.crashes import VERBS, kill_at_every_statement

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]


#: Pairs of users: hardly more than there are statements.
FEW = pytest.mark.parametrize("pairs", [45], indirect=True)
MANY = pytest.mark.parametrize("pairs", [75], indirect=True)


@pytest.fixture
def pairs(db, request):
    AchievementFactory(key="medal", criterion="active_days", xp_reward=50)
    users = UserFactory.build_batch(2 * request.param)
    users = get_user_model().objects.bulk_create(users)
    return [*zip(users[::2], users[1::2], strict=True)]


def state_of(user):
    """Return the user's keys, or fail if what belongs to them is not complete."""
    keys = keys_of(user)
    notices = Celebration.objects.filter(user=user).order_by("dedupe_key")
    names = ["achievement:medal", "level:2"] if keys else []
    assert [*notices.values_list("dedupe_key", flat=True)] == names
    assert UserAchievement.objects.filter(user=user).count() == bool(keys)
    assert not keys or total_of(user) == 50 + 10 * len(keys)
    return tuple(keys)


def states_of(pairs):
    return [(state_of(user), state_of(friend)) for user, friend in pairs]


def totals_of(pairs):
    return [(total_of(user), total_of(friend)) for user, friend in pairs]


def gifts_of(pairs):
    gifts = LedgerEntry.objects.filter(kind="adjustment")
    return [tuple(gifts.filter(user=each).count() for each in pair) for pair in pairs]


@FEW
def test_a_killed_record_is_absent_or_complete_and_a_retry_completes_it(pairs):
    killed = pairs[: kill_at_every_statement("record", pairs)]
    states = states_of(killed)

    for pair in killed:
        VERBS["record"](*pair)

    assert set(states) <= {((), ()), (("first",), ())}
    assert set(states_of(killed)) == {(("first",), ())}


@MANY
def test_killed_batches_are_absent_or_complete_and_a_retry_completes_them(pairs):
    killed = pairs[: kill_at_every_statement("batches", pairs)]
    states = states_of(killed)

    for pair in killed:
        VERBS["batches"](*pair)

    assert set(states) == {((), ()), (("first",), ("first",))}
    assert set(states_of(killed)) == {(("first", "second"), ("first", "second"))}


@FEW
def test_a_killed_reversal_is_whole_for_each_user_and_a_retry_completes_it(pairs):
    record_activities(
        ActivityRecord(who, "walk", source=f"of:{pair[0].pk}")
        for pair in pairs
        for who in pair
    )
    killed = pairs[: kill_at_every_statement("reverse", pairs)]
    totals = totals_of(killed)

    for user, friend in killed:
        VERBS["reverse"](user.pk, friend.pk)

    assert {sum(pair) for pair in totals} == {120, 110}
    assert set(totals_of(killed)) == {(50, 50)}


@FEW
def test_a_killed_step_of_a_job_is_absent_or_complete_and_a_retry_does_it_once(pairs):
    for user, friend in pairs:
        gift = Act(kind="adjustment", amount=10, note=f"of:{user.pk}")
        begin_list(gift, [user, friend], actor=None)
    killed = pairs[: kill_at_every_statement("step", pairs)]
    gifts = gifts_of(killed)
    # Nobody waits for the minute after which the step of a dead process is taken over.
    Job.objects.update(stepping_until=None)

    for user, friend in killed:
        VERBS["step"](user.pk, friend.pk)

    assert set(gifts) <= {(0, 0), (1, 1)}
    assert set(gifts_of(killed)) == {(1, 1)}
    notes = [f"of:{user.pk}" for user, _ in killed]
    jobs = Job.objects.filter(parameters__note__in=notes)
    assert {*jobs.values_list("done", "xp", "skipped")} == {(2, 20, 0)}
