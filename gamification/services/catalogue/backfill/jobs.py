"""Backfills an achievement in the steps of a job."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet

from gamification.models import Achievement, Job, JobKind
from gamification.services.catalogue.backfill.awarding import (
    active_achievement,
    backfill_achievement,
)
from gamification.services.catalogue.backfill.preview import qualifying_users
from gamification.services.jobs import Step, begin_job
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, check_notes

#: Users to process in one step, which takes about a second.
USERS_IN_A_STEP: Final = 500


@naming_errors
def begin_backfill(
    achievement: str,
    *,
    actor: UserRef | None,
    note: str = "",
    internal_note: str = "",
    celebrate: bool = False,
) -> Job:
    """Begin a job that awards the achievement to all who qualify; return the job.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError``,
    ``InvalidTextError``, ``UnknownUserError``, ``StorageError``.
    """
    check_notes(note, internal_note)
    row = active_achievement(achievement)
    parameters = {
        "achievement": row.key,
        "note": note,
        "internal_note": internal_note,
        "celebrate": celebrate,
    }
    total = qualifying_users(row).count()
    return begin_job(JobKind.BACKFILL, parameters=parameters, total=total, actor=actor)


def unfinished_backfills(achievement: Achievement) -> QuerySet[Job]:
    """Return the unfinished jobs that award the achievement, latest first."""
    jobs = Job.objects.filter(kind=JobKind.BACKFILL, finished_at=None)
    return jobs.filter(parameters__achievement=achievement.key)


def backfill_step(job: Job, actor_id: Any) -> Step:
    """Award the achievement to the next users, in order of their keys."""
    progress = backfill_achievement(
        **job.parameters,
        actor=actor_id,
        after=job.cursor,
        limit=USERS_IN_A_STEP,
        job_id=job.pk,
    )
    cursor = None if progress.after is None else str(progress.after)
    return Step(progress.awarded, progress.xp, cursor)
