from __future__ import annotations

import random
from collections import Counter
from functools import partial

import pytest
from django.contrib.auth import get_user_model

from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    record_activities,
    record_activity,
)
from tests.conftest import IS_POSTGRESQL
from tests.factories import UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]

#: Batches at once; the portable store takes a hundred statements for each.
BATCHES = 80 if IS_POSTGRESQL else 12


@pytest.fixture
def users(db):
    """Fifty users, of whom every other one has no row yet."""
    get_user_model().objects.bulk_create(UserFactory.build_batch(50))
    users = [*get_user_model().objects.order_by("pk")]
    record_activities(ActivityRecord(user, "walk") for user in users[::2])
    return users


def shuffled(users, seed):
    """Return a batch of records for most of the users, in an order of its own."""
    chance = random.Random(seed)
    chosen = chance.sample(users, 40)
    return [ActivityRecord(user, "walk", key=f"batch-{seed}") for user in chosen]


def totals():
    return dict(UserGamification.objects.values_list("user", "total_xp"))


def test_shuffled_batches_and_single_records_meet_without_errors(users):
    batches = [shuffled(users, seed) for seed in range(BATCHES)]
    singles = random.Random(0).choices(users, k=len(batches) // 2)

    at_once(
        [partial(record_activities, batch) for batch in batches]
        + [partial(record_activity, user, "walk") for user in singles]
    )

    records = [record.user for batch in batches for record in batch]
    count = Counter(user.pk for user in [*users[::2], *records, *singles])
    assert totals() == {pk: 10 * times for pk, times in count.items()}


@ONLY_POSTGRESQL
def test_shuffled_batches_meet_at_every_isolation_level(users, isolation_level):
    batches = [shuffled(users, seed) for seed in range(16)]

    at_once([partial(record_activities, batch) for batch in batches])

    assert LedgerEntry.objects.filter(key__isnull=False).count() == 16 * 40


def test_one_batch_sent_by_many_is_recorded_once(users):
    batch = shuffled(users, 1)[:20]

    reports = at_once([partial(record_activities, batch)] * 8)

    assert sorted(report.recorded for report in reports) == [0] * 7 + [20]
    assert sum(report.replayed for report in reports) == 7 * 20


def test_overlapping_batches_are_recorded_once(users):
    batch = shuffled(users, 1)

    reports = at_once(
        [partial(record_activities, batch[n : n + 20]) for n in range(0, 24, 4)]
    )

    assert sum(report.recorded for report in reports) == 40


def test_a_batch_and_the_same_record_alone_are_recorded_once(users):
    record = ActivityRecord(users[1], "walk", key="once")
    alone = partial(record_activity, users[1], "walk", key="once")
    batch = [ActivityRecord(user, "walk", key="once") for user in users[:10]]

    at_once(
        [partial(record_activities, [record]), alone] * 4
        + [partial(record_activities, batch)] * 4
    )

    assert totals()[users[1].pk] == 10


def test_first_records_of_many_users_by_all_at_once(users):
    newcomers = users[1::2]
    batch = [ActivityRecord(user, "walk") for user in newcomers]

    at_once(
        [
            partial(record_activities, random.Random(seed).sample(batch, len(batch)))
            for seed in range(8)
        ]
    )

    assert {totals()[user.pk] for user in newcomers} == {80}
