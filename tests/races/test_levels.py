"""A job gives users the levels of a new table while others record."""

from __future__ import annotations

import pytest
from django.db import transaction

from gamification.maintenance import reconcile
from gamification.models import UserGamification
from gamification.services import job_steps, record_activities, record_activity
from gamification.services.recording.records import ActivityRecord
from gamification.staff import make_table, run_next_step, save_levels
from tests.factories import UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, before_next_lock, elsewhere

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity", "no_achievements")]


def ease_levels():
    """Let level 2 begin at 25 XP, and give users their levels as far as possible."""
    saved = save_levels(make_table([0, 25], ()), actor=None, expected=None)
    for _ in range(2):
        job = run_next_step(saved.job.pk, actor=None)
    return job


@ONLY_POSTGRESQL
def test_nobody_keeps_a_former_level_after_a_transaction_that_began_before(monkeypatch):
    monkeypatch.setattr(job_steps, "PATIENCE", 0.1)
    user = UserFactory()
    record_activity(user, "walk")

    with transaction.atomic():
        record_activity(user, "walk", quantity=2)
        job = elsewhere(ease_levels)
    assert (job.done, job.finished_at, job.error) == (0, None, "")
    job = run_next_step(job.pk, actor=None)

    assert job.finished_at
    profile = UserGamification.objects.get()
    assert (profile.total_xp, profile.level, profile.highest_level) == (30, 2, 2)
    assert [*reconcile()] == []


@ONLY_POSTGRESQL
def test_a_batch_in_flight_gives_nobody_a_level_of_the_former_table():
    users = UserFactory.create_batch(2)
    records = [ActivityRecord(user, "walk") for user in users for _ in range(3)]
    record_activities(records[::3])

    with before_next_lock(ease_levels):
        record_activities([*records[1::3], *records[2::3]])

    profiles = UserGamification.objects.values_list("total_xp", "level")
    assert [*profiles] == [(30, 2), (30, 2)]
    assert [*reconcile()] == []
