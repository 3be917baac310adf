from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from gamification.exceptions import StorageError
from gamification.management.commands import gamification_job
from gamification.management.progress_bar import ProgressBar
from gamification.models import Achievement, Job, UserAchievement
from gamification.services import (
    record_activity,
)
from gamification.services.catalogue.backfill import jobs as backfill_jobs
from gamification.services.job_steps import LEASE
from gamification.staff import begin_backfill, run_next_step
from tests.factories import AchievementFactory, UserFactory
from tests.management.imports import CommandResult

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


def finish(*numbers):
    result = CommandResult()
    call_command(
        "gamification_job", *numbers, stdout=result.stdout, stderr=result.stderr
    )
    return result.stdout.getvalue().splitlines()


@pytest.fixture
def begin(activity, staff, monkeypatch):
    """Begin jobs, each of which awards an achievement to three users, two by two."""
    monkeypatch.setattr(backfill_jobs, "USERS_IN_A_STEP", 2)
    for user in UserFactory.create_batch(3):
        record_activity(user, "walk")

    def begin():
        achievement = AchievementFactory(
            criterion="activity_count", activity=activity, xp_reward=5
        )
        return begin_backfill(achievement.key, actor=staff)

    return begin


def test_all_jobs_are_finished(begin):
    first, second = begin(), begin()

    lines = finish()

    assert lines == [
        f"job {first.pk}: users: 3, XP: 15",
        f"job {second.pk}: users: 3, XP: 15",
    ]
    assert UserAchievement.objects.count() == 6


def test_a_job_is_finished_by_its_number(begin):
    _, second = begin(), begin()

    assert finish(second.pk) == [f"job {second.pk}: users: 3, XP: 15"]
    assert UserAchievement.objects.count() == 3


def test_without_unfinished_jobs_nothing_is_written(begin):
    begin()
    finish()

    assert finish() == []


def test_a_job_that_fails_is_reported_and_stops_no_other(begin):
    wrong, right = begin(), begin()
    Achievement.objects.filter(key=wrong.parameters["achievement"]).update(
        status="retired"
    )
    result = CommandResult()

    with pytest.raises(CommandError, match=r"^Jobs that could not be finished: 1\.$"):
        call_command("gamification_job", stdout=result.stdout, stderr=result.stderr)

    assert result.stdout.getvalue().splitlines() == [
        f"job {wrong.pk}: users: 0, XP: 0",
        f"job {right.pk}: users: 3, XP: 15",
    ]
    assert result.stderr.getvalue() == (
        f"job {wrong.pk}: {wrong.parameters['achievement']!r} is retired: only an "
        "active achievement can be awarded.\n"
    )


def test_it_waits_for_a_job_that_another_process_runs(begin, monkeypatch):
    job, waits = begin(), []
    busy = Job.objects.filter(pk=job.pk)
    busy.update(stepping_until=timezone.now() + LEASE)

    def sleep(seconds):
        waits.append(seconds)
        busy.update(stepping_until=None)

    monkeypatch.setattr(gamification_job.time, "sleep", sleep)

    assert finish() == [f"job {job.pk}: users: 3, XP: 15"]
    assert waits == [1.0]


def test_an_unknown_job_is_an_error(db):
    with pytest.raises(CommandError, match=r"^job 7: No job has the number 7\.$"):
        finish(7)


def test_a_database_that_fails_is_an_error(begin, monkeypatch):
    begin()

    def fail(*args, **options):
        raise StorageError

    monkeypatch.setattr(gamification_job, "run_next_step", fail)

    with pytest.raises(CommandError, match="The database did not confirm the change"):
        finish()


def test_a_missing_table_is_an_error(db, monkeypatch):
    def fail(**lookups):
        raise OperationalError("no such table")

    monkeypatch.setattr(gamification_job.Job.objects, "filter", fail)

    with pytest.raises(CommandError, match=r"^no such table$"):
        finish()


def test_it_shows_how_far_it_is(begin, monkeypatch):
    shown = []
    monkeypatch.setattr(ProgressBar, "move_to", lambda bar, done: shown.append(done))
    begin()

    finish()

    assert shown == [2]


def test_a_paused_job_is_passed_over_until_it_is_resumed(begin):
    job = begin()

    paused = finish("--pause", job.pk)
    nothing = finish()
    resumed = finish("--resume", job.pk)

    assert (paused, nothing) == ([], [])
    assert resumed == [f"job {job.pk}: users: 3, XP: 15"]


def test_a_job_is_abandoned_and_taken_back(begin):
    job = begin()
    run_next_step(job.pk, actor=None)

    abandoned = finish("--abandon", job.pk)
    undone = finish("--undo", job.pk)

    undo = Job.objects.get(kind="undo")
    assert abandoned == []
    assert undone == [f"job {undo.pk}: users: 2, XP: -10"]
    assert not UserAchievement.objects.exists()


def test_a_control_needs_a_job_and_one_that_it_fits(begin):
    job = begin()

    with pytest.raises(CommandError, match="--undo needs the number of a job"):
        finish("--undo")
    with pytest.raises(CommandError, match=f"job {job.pk}: The job is not over"):
        finish("--undo", job.pk)
