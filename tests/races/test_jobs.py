from __future__ import annotations

import time
from functools import partial

import pytest
from django.db.models import Sum
from psycopg import IsolationLevel

from gamification.models import Job, LedgerEntry, UserAchievement
from gamification.services import (
    record_activity,
)
from gamification.services.catalogue.backfill import jobs as backfill_jobs
from gamification.staff import (
    Act,
    begin_backfill,
    begin_list,
    pause_job,
    resume_job,
    run_next_step,
)
from tests.factories import AchievementFactory, UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, PATIENCE, at_once

pytestmark = [COMMITTED, pytest.mark.usefixtures("no_achievements")]


@ONLY_POSTGRESQL
def test_a_lease_is_taken_again_where_transactions_are_serializable(
    activity, user, set_options
):
    set_options(isolation_level=IsolationLevel.SERIALIZABLE)
    record_activity(user, "walk")
    AchievementFactory(key="medal", criterion="activity_count", activity=activity)
    job = begin_backfill("medal", actor=None)

    steps = at_once([partial(run_next_step, job.pk, actor=None)] * 8)

    assert {step.error for step in steps} == {""}
    assert UserAchievement.objects.count() == 1


@ONLY_POSTGRESQL
@pytest.mark.usefixtures("isolation_level")
def test_those_who_pause_and_resume_a_job_at_once_do_so_one_after_the_other(user):
    gift = Act(kind="adjustment", amount=1, note="A gift.")
    job = begin_list(gift, [user], actor=None)

    def change():
        for _ in range(8):
            pause_job(job.pk, actor=None)
            resume_job(job.pk, actor=None)

    at_once([change] * 6)

    assert Job.objects.get().paused_at is None


def test_a_job_that_several_screens_step_is_done_once(activity, monkeypatch):
    monkeypatch.setattr(backfill_jobs, "USERS_IN_A_STEP", 3)
    for user in UserFactory.create_batch(20):
        record_activity(user, "walk")
    AchievementFactory(
        key="medal", criterion="activity_count", activity=activity, xp_reward=50
    )
    job = begin_backfill("medal", actor=None)
    until = time.monotonic() + PATIENCE

    def screen():
        stepped = run_next_step(job.pk, actor=None)
        while stepped.finished_at is None and time.monotonic() < until:
            stepped = run_next_step(job.pk, actor=None)
        return stepped.error

    assert at_once([screen] * 4) == [""] * 4

    rewards = LedgerEntry.objects.filter(kind="achievement")
    assert UserAchievement.objects.count() == 20
    assert rewards.aggregate(Sum("amount")) == {"amount__sum": 1_000}
    assert list(Job.objects.values_list("done", "xp")) == [(20, 1_000)]
