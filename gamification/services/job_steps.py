"""Doing a job's next step: each step stands by itself, and any can be the last."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeAlias

from django.db.models import Q
from django.utils import timezone

from gamification.exceptions import GamificationError
from gamification.models import Job, JobKind, write_alias
from gamification.services.balance.recalculation_jobs import recalculation_step
from gamification.services.catalogue.backfill_jobs import backfill_step
from gamification.services.jobs import Step, find_job, job_rows
from gamification.services.unit_of_work import in_transaction, wrap_database_errors
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import Store

logger = logging.getLogger(__name__)

#: How long a step keeps others from beginning one, should it never end.
LEASE: Final = timedelta(minutes=1)

#: Does the next step of a job, in the name of a user, within a transaction.
StepFunction: TypeAlias = Callable[[Job, Any], Step]

STEP_FUNCTIONS: Final[Mapping[str, StepFunction]] = {
    JobKind.BACKFILL: backfill_step,
    JobKind.RECALCULATION: recalculation_step,
}


class LeaseLostError(Exception):
    """The step took so long that somebody else went on from where it began."""


def run_next_step(job_id: int, *, actor: UserRef | None) -> Job:
    """Do the next step of a job; return the job as it is then.

    A step is kept whole, with where the next one begins, or not at all. Nothing is
    done if the job is over, or if somebody else does a step: ``stepping_until`` is
    set. What keeps the step from being done is the job's ``error`` until another try.
    What is done names who began the job, or else ``actor``.

    Raises ``UnknownJobError``, ``UnknownUserError``, ``StorageError``.
    """
    actor_id, alias = actor_id_of(actor), write_alias()
    with wrap_database_errors(alias):
        lease = _take_lease(job_id)
        job = find_job(job_id)
    if lease is None:
        return job
    step = partial(_step, job, lease, job.actor_id or actor_id)
    try:
        in_transaction(alias, [], step)
    except GamificationError as error:
        with wrap_database_errors(alias):
            leased = job_rows(job_id).filter(stepping_until=lease)
            leased.update(error=str(error), stepping_until=None)
    except LeaseLostError:
        logger.warning("Job %s: a step took longer than %s.", job_id, LEASE)
    return find_job(job_id)


def _take_lease(job_id: int) -> datetime | None:
    """Keep others from stepping; None if the job is over or somebody else steps."""
    now = timezone.now()
    free = Q(stepping_until=None) | Q(stepping_until__lte=now)
    waiting = job_rows(job_id).filter(free, finished_at=None)
    lease = now + LEASE
    return lease if waiting.update(stepping_until=lease, error="") else None


def _step(job: Job, lease: datetime, actor_id: Any, store: Store) -> None:
    step = STEP_FUNCTIONS[job.kind](job, actor_id)
    is_over = step.cursor is None
    # Whoever lost the lease undoes the step, which somebody else did.
    is_kept = (
        job_rows(job.pk)
        .filter(stepping_until=lease)
        .update(
            done=job.done + step.done,
            skipped=job.skipped + step.skipped,
            xp=job.xp + step.xp,
            cursor=step.cursor,
            stepping_until=None,
            finished_at=timezone.now() if is_over else None,
        )
    )
    if not is_kept:
        raise LeaseLostError
