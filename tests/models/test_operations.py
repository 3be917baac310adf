from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from gamification.models import Run

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("run", "fraction"),
    [
        (Run(), 0.0),
        (Run(total=4, done=3), 0.75),
        (Run(total=4, done=5), 1.0),
        (Run(finished_at=datetime(2026, 3, 2, tzinfo=UTC)), 1.0),
    ],
)
def test_a_run_says_how_far_it_is(run, fraction):
    assert run.fraction == fraction


def test_a_run_is_called_by_what_it_does_and_when_it_began():
    run = Run(kind="hindsight", created_at=datetime(2026, 3, 2, 9, 5, tzinfo=UTC))

    assert str(run) == "award in hindsight · 2026-03-02 09:05"


def test_a_run_cannot_be_less_than_begun():
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        Run.objects.create(kind="hindsight", done=-1)

    assert "gamification_run_progress" in str(caught.value)


def test_staff_who_go_leave_their_runs(staff):
    run = Run.objects.create(kind="rerate", actor=staff)

    staff.delete()

    assert Run.objects.get().pk == run.pk
