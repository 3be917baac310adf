"""A job builds the tallies of a filter while users record."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import transaction

from gamification.maintenance import reconcile
from gamification.models import CountFilter
from gamification.services import job_steps, record_activities, record_activity
from gamification.services.catalogue.filters import jobs as filter_jobs
from gamification.services.catalogue.filters.syncing import sync_filters
from gamification.services.recording.records import ActivityRecord
from gamification.staff import run_next_step
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import filter_counts
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once, elsewhere

pytestmark = [COMMITTED, pytest.mark.usefixtures("no_achievements")]

FANTASY = {"genre": "fantasy"}


def record_some(user):
    for _ in range(5):
        record_activity(user, "read", attributes=FANTASY)
        record_activity(user, "read", attributes={"genre": "horror"})


def record_batches(users):
    for _ in range(3):
        record_activities(
            [ActivityRecord(user, "read", attributes=FANTASY) for user in users]
        )


def build(job):
    while not run_next_step(job.pk, actor=None).finished_at:
        pass


def count_fantasy(read):
    """Begin the job that counts what a new achievement needs."""
    AchievementFactory(
        criterion="activity_count",
        activity=read,
        threshold=1_000,
        counting={"where": [["genre", "is", "fantasy"]]},
    )
    return sync_filters()


def test_tallies_are_right_whoever_records_while_they_are_built(monkeypatch):
    monkeypatch.setattr(filter_jobs, "USERS_AT_ONCE", 2)
    read = ActivityFactory(key="read", attributes={"genre": "string"})
    users = UserFactory.create_batch(8)
    for user in users[:6]:
        record_some(user)
    job = count_fantasy(read)

    at_once(
        [
            *(partial(record_some, user) for user in users),
            partial(record_batches, users),
            partial(build, job),
        ]
    )

    assert CountFilter.objects.get().is_built
    assert filter_counts() == {"": 94}
    assert [*reconcile()] == []


@ONLY_POSTGRESQL
def test_a_build_waits_for_newcomers_in_transactions_that_began_before(monkeypatch):
    monkeypatch.setattr(job_steps, "PATIENCE", 0.1)
    read = ActivityFactory(key="read", attributes={"genre": "string"})
    known, newcomer = UserFactory.create_batch(2)
    record_activity(known, "read", attributes=FANTASY)

    def begin():
        job = count_fantasy(read)
        for _ in range(2):
            stepped = run_next_step(job.pk, actor=None)
        return stepped

    with transaction.atomic():
        record_activity(newcomer, "read", attributes=FANTASY)
        job = elsewhere(begin)
    assert (job.done, job.finished_at, job.error) == (0, None, "")
    build(job)

    assert filter_counts() == {"": 2}
    assert [*reconcile()] == []
