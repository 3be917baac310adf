"""Pauses, resumes and abandons jobs."""

from __future__ import annotations

import logging
from typing import Any

from django.utils import timezone

from gamification.exceptions import JobStateError
from gamification.models import Job, write_alias
from gamification.services.jobs import find_job, job_rows
from gamification.services.unit_of_work import attempts
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import store_for

logger = logging.getLogger(__name__)


def pause_job(job_id: int, *, actor: UserRef | None) -> Job:
    """Keep a job from running further steps until it is resumed; return the job.

    A step that is running ends normally. Raises ``UnknownJobError``, ``JobStateError``
    for a job that is over, ``UnknownUserError``, ``StorageError``.
    """
    return _change(job_id, actor, "paused", paused_at=timezone.now())


def resume_job(job_id: int, *, actor: UserRef | None) -> Job:
    """Let a paused job run further steps; return the job.

    Raises the errors of ``pause_job``.
    """
    return _change(job_id, actor, "resumed", paused_at=None)


def abandon_job(job_id: int, *, actor: UserRef | None) -> Job:
    """End a job for good before all users are processed; return the job.

    Its changes so far remain; ``begin_undo`` takes them back. A step that is running is
    undone. Raises the errors of ``pause_job``.
    """
    ends = {"finished_at": timezone.now(), "stepping_until": None}
    return _change(job_id, actor, "abandoned", is_abandoned=True, **ends)


def _change(job_id: int, actor: UserRef | None, what: str, **values: Any) -> Job:
    actor_id = actor_id_of(actor)
    for attempt in attempts(store_for(write_alias())):
        with attempt:
            attempt.lock()
            is_changed = job_rows(job_id).filter(finished_at=None).update(**values)
    job = find_job(job_id)
    if not is_changed:
        raise JobStateError("The job is over.", job=job_id)
    logger.info("Job %s: %s by user %s.", job_id, what, actor_id)
    return job
