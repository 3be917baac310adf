from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from gamification.models import Job

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
