from __future__ import annotations

import time

import pytest
from django.db.models import Sum

from gamification.models import Job, LedgerEntry, UserAchievement
from gamification.services import (
    record_activity,
)
from gamification.services.catalogue import backfill_jobs
from gamification.staff import (
    begin_backfill,
    run_next_step,
)
from tests.factories import AchievementFactory, UserFactory
from tests.races import COMMITTED, PATIENCE, at_once

pytestmark = [COMMITTED, pytest.mark.usefixtures("no_achievements")]


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
