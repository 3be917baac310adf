from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.utils import timezone

from gamification.models import RepairedDate, StreakFreeze
from gamification.services import get_streaks, pause_streak, record_activity
from gamification.staff import grant_freezes, repair_streaks
from tests.races import (
    COMMITTED,
    ONLY_POSTGRESQL,
    at_once,
    before_next_lock,
    before_next_write,
)

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]


@pytest.fixture
def player(user):
    """A user with two freezes, who was active until two days ago."""
    with time_machine.travel(timezone.now() - timedelta(days=9), tick=False):
        grant_freezes(user, 2)
    for days in (4, 3, 2):
        occurred_at = timezone.now() - timedelta(days=days)
        record_activity(user, "walk", occurred_at=occurred_at, historical=True)
    return user


def amounts(user):
    rows = StreakFreeze.objects.filter(user=user).order_by("id")
    return [*rows.values_list("kind", "amount")]


def test_records_that_close_a_gap_use_its_freezes_once(player):
    at_once([partial(record_activity, player, "walk")] * 8)

    assert amounts(player) == [("granted", 2), ("used", -1)]
    assert get_streaks(player)[0].current == 4


@ONLY_POSTGRESQL
def test_so_they_do_at_every_isolation_level(player, isolation_level):
    at_once([partial(record_activity, player, "walk")] * 8)

    assert amounts(player) == [("granted", 2), ("used", -1)]


@ONLY_POSTGRESQL
def test_a_grant_and_a_record_at_once_both_count(player, isolation_level):
    at_once(
        [partial(record_activity, player, "walk"), partial(grant_freezes, player, 1)]
    )

    [status] = get_streaks(player)
    assert (status.current, status.freezes) == (4, 2)
    assert sum(amount for _kind, amount in amounts(player)) == 2


@ONLY_POSTGRESQL
def test_a_grant_between_the_read_and_the_write_of_a_record_counts(player):
    with before_next_write(partial(grant_freezes, player, 2, key="more")):
        record_activity(player, "walk")

    kinds = [kind for kind, _amount in amounts(player)]
    assert kinds == ["granted", "granted", "lost", "lost", "used"]
    assert get_streaks(player)[0].freezes == 2


@ONLY_POSTGRESQL
def test_a_pause_between_the_read_and_the_write_of_a_record_counts(player):
    today = timezone.localdate()

    with before_next_write(partial(pause_streak, player, today, today)):
        record_activity(player, "walk")

    assert get_streaks(player)[0].current == 4


def test_grants_with_one_key_are_one_grant(user):
    grants = at_once([partial(grant_freezes, user, 1, key="once")] * 4)

    assert sorted(grant.replayed for grant in grants) == [False, True, True, True]
    assert amounts(user) == [("granted", 1)]


@ONLY_POSTGRESQL
def test_a_repair_for_everybody_passes_over_who_has_recorded_the_date_meanwhile(user):
    missed = timezone.now() - timedelta(days=2)
    for days in (1, 3):
        at = timezone.now() - timedelta(days=days)
        record_activity(user, "walk", occurred_at=at, historical=True)
    late = partial(record_activity, user, "walk", occurred_at=missed, historical=True)

    with before_next_lock(late):
        report = repair_streaks([missed.date()], actor=None, note="Down.")

    assert report.users == RepairedDate.objects.count() == 0
    assert get_streaks(user)[0].current == 3
