from __future__ import annotations

import logging

import pytest

from gamification.exceptions import JobStateError, UnknownJobError, UnknownUserError
from gamification.models import Job, JobUser, LedgerEntry
from gamification.services import adjust_xp, job_steps
from gamification.services.jobs import Step, begin_job
from gamification.staff import (
    Act,
    abandon_job,
    begin_list,
    pause_job,
    resume_job,
    run_next_step,
)
from tests.factories import UserFactory
from tests.services.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(monkeypatch, staff):
    """A gift to three users, one in each step."""
    monkeypatch.setattr("gamification.services.many.lists.USERS_AT_ONCE", 1)
    act = Act(kind="adjustment", amount=5, note="A gift.")
    return begin_list(act, UserFactory.create_batch(3), actor=staff)


def test_a_paused_job_runs_no_step_until_it_is_resumed(job, staff):
    run_next_step(job.pk, actor=staff)

    paused = pause_job(job.pk, actor=staff)
    still = run_next_step(job.pk, actor=staff)
    resumed = resume_job(job.pk, actor=staff)
    after = run_next_step(job.pk, actor=staff)

    assert (paused.state, paused.paused_at) == ("paused", NOW)
    assert (still.done, resumed.state, after.done) == (1, "ready", 2)


def test_an_abandoned_job_is_over_with_what_it_has_done(job, staff):
    run_next_step(job.pk, actor=staff)

    abandoned = abandon_job(job.pk, actor=staff)
    after = run_next_step(job.pk, actor=staff)

    assert (abandoned.state, abandoned.finished_at) == ("abandoned", NOW)
    assert (after.done, after.fraction) == (1, pytest.approx(1 / 3))
    assert JobUser.objects.filter(result="waiting").count() == 2


def test_a_step_that_runs_while_the_job_is_abandoned_is_undone(monkeypatch, user):
    def step(job, actor_id):
        adjust_xp(user, amount=5, note="A gift.")
        abandon_job(job.pk, actor=None)
        return Step(1, 5)

    monkeypatch.setitem(job_steps.STEP_FUNCTIONS, "adjustment", step)
    job = begin_job("adjustment", parameters={}, total=1, actor=None)

    run_next_step(job.pk, actor=None)

    assert not LedgerEntry.objects.exists()


def test_a_step_that_runs_while_the_job_is_paused_ends(monkeypatch, user):
    def step(job, actor_id):
        pause_job(job.pk, actor=None)
        return Step(1, 5, "1")

    monkeypatch.setitem(job_steps.STEP_FUNCTIONS, "adjustment", step)
    job = begin_job("adjustment", parameters={}, total=2, actor=None)

    after = run_next_step(job.pk, actor=None)

    assert (after.state, after.done) == ("paused", 1)


@pytest.mark.parametrize("control", [pause_job, resume_job, abandon_job])
def test_a_job_that_is_over_cannot_be_controlled(job, staff, control):
    abandon_job(job.pk, actor=staff)

    with pytest.raises(JobStateError, match="The job is over"):
        control(job.pk, actor=staff)


@pytest.mark.parametrize("control", [pause_job, resume_job, abandon_job])
def test_job_and_actor_must_exist(job, control):
    with pytest.raises(UnknownJobError):
        control(0, actor=None)
    with pytest.raises(UnknownUserError):
        control(job.pk, actor="nobody")

    assert Job.objects.get().state == "ready"


def test_who_controls_a_job_is_logged(job, staff, caplog):
    caplog.set_level(logging.INFO, "gamification")

    pause_job(job.pk, actor=staff)
    resume_job(job.pk, actor=staff)
    abandon_job(job.pk, actor=None)

    assert caplog.messages == [
        f"Job {job.pk}: paused by user {staff.pk}.",
        f"Job {job.pk}: resumed by user {staff.pk}.",
        f"Job {job.pk}: abandoned by user None.",
    ]
