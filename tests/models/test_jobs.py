from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from gamification.models import Job, JobUser
from tests.inspection import violates

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("job", "fraction"),
    [
        (Job(), 0.0),
        (Job(total=4, done=3), 0.75),
        (Job(total=4, done=5), 1.0),
        (Job(finished_at=datetime(2026, 3, 2, tzinfo=UTC)), 1.0),
    ],
)
def test_a_job_has_its_fraction(job, fraction):
    assert job.fraction == fraction


def test_a_job_is_named_by_its_work_and_its_beginning():
    job = Job(kind="backfill", created_at=datetime(2026, 3, 2, 9, 5, tzinfo=UTC))

    assert str(job) == "backfill an achievement · 2026-03-02 09:05"


def test_a_job_cannot_be_less_than_begun():
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Job.objects.create(kind="backfill", done=-1)

    assert "gamification_job_progress" in str(caught.value)


def test_staff_who_go_leave_their_jobs(staff):
    job = Job.objects.create(kind="recalculation", actor=staff)

    staff.delete()

    assert Job.objects.get().pk == job.pk


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, "ready"),
        ({"error": "It failed."}, "stopped"),
        ({"stepping_until": datetime(2999, 1, 1, tzinfo=UTC)}, "busy"),
        ({"stepping_until": datetime(2000, 1, 1, tzinfo=UTC)}, "ready"),
        ({"paused_at": datetime(2026, 3, 2, tzinfo=UTC)}, "paused"),
        ({"finished_at": datetime(2026, 3, 2, tzinfo=UTC)}, "finished"),
        (
            {"finished_at": datetime(2026, 3, 2, tzinfo=UTC), "is_abandoned": True},
            "abandoned",
        ),
    ],
)
def test_a_job_has_its_state(fields, state):
    assert Job(**fields).state == state


def test_an_abandoned_job_is_over(db):
    job = Job(kind="backfill", is_abandoned=True)

    assert violates("gamification_job_abandoned", job.save)


def test_a_job_is_taken_back_once(db):
    job = Job.objects.create(kind="award")
    Job.objects.create(kind="undo", undoes=job)

    again = Job(kind="undo", undoes=job)

    assert violates("gamification_job_undone", again.save)


def test_a_user_is_on_the_list_of_a_job_once(user):
    job = Job.objects.create(kind="award")
    row = JobUser.objects.create(job=job, user=user)

    again = JobUser(job=job, user=user)

    assert violates("gamification_jobuser_once", again.save)
    assert str(row) == f"{user} · waiting"


def test_a_key_begins_a_job_once(db):
    Job.objects.create(kind="award", key="7:medals")

    again = Job(kind="award", key="7:medals")

    assert violates("gamification_job_key", again.save)
