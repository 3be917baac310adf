"""Runs the next step of a job; every step is complete in itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from django.db.models import Q
from django.utils import timezone

from gamification.exceptions import GamificationError
from gamification.models import Job, JobKind, write_alias
from gamification.services.balance.recalculation.jobs import recalculation_step
from gamification.services.catalogue.backfill.jobs import backfill_step
from gamification.services.catalogue.filters.jobs import filter_step
from gamification.services.jobs import Step, find_job, job_rows
from gamification.services.levels.editing import level_step
from gamification.services.many.lists import list_step
from gamification.services.many.periods import take_back_step
from gamification.services.many.undo import undo_step
from gamification.services.streaks.repairs.jobs import repair_step
from gamification.services.unit_of_work import attempts
from gamification.services.validation import UserRef, actor_id_of
from gamification.storage import store_for

logger = logging.getLogger(__name__)

#: How long a step that never ends keeps others from beginning one.
LEASE: Final = timedelta(minutes=1)

#: Jobs that begin with an edit of the catalogue, and must find all that writers did who
#: did not know it.
_FOLLOW_EDITS: Final = frozenset({JobKind.FILTERS, JobKind.LEVELS})

#: How long a step waits for transactions that began before its job, in seconds.
PATIENCE: Final = 1.0

#: Runs the next step of a job for an actor, inside a transaction.
StepFunction: TypeAlias = Callable[[Job, Any], Step]

STEP_FUNCTIONS: Final[Mapping[str, StepFunction]] = {
    JobKind.BACKFILL: backfill_step,
    JobKind.RECALCULATION: recalculation_step,
    JobKind.AWARD: list_step,
    JobKind.REVOCATION: list_step,
    JobKind.ADJUSTMENT: list_step,
    JobKind.REVERSAL: take_back_step,
    JobKind.LEVELS: level_step,
    JobKind.REPAIR: repair_step,
    JobKind.FILTERS: filter_step,
    JobKind.UNDO: undo_step,
}


class LeaseLostError(Exception):
    """Somebody else has done the step meanwhile, or ended the job."""


def run_next_step(job_id: int, *, actor: UserRef | None) -> Job:
    """Run the next step of a job; return the job after it.

    The database keeps all of a step, with the place where the next one begins, or
    nothing. The verb does nothing if the job is over or paused, or if somebody else is
    running a step: ``stepping_until`` is then set. If a step fails, the job keeps its
    ``error`` until the next try. The actor of the entries is the ``actor`` who runs the
    step or, without one, the user who began the job.

    Raises ``UnknownJobError``, ``UnknownUserError``, ``StorageError``.
    """
    actor_id, alias = actor_id_of(actor), write_alias()
    store = store_for(alias)
    for attempt in attempts(store):
        with attempt:
            attempt.lock()
            lease = _take_lease(job_id)
            job = find_job(job_id)
    if lease is None:
        return job
    try:
        for attempt in attempts(store):
            with attempt:
                attempt.lock()
                _step(job, actor_id or job.actor_id)
    except GamificationError as error:
        for attempt in attempts(store):
            with attempt:
                attempt.lock()
                leased = job_rows(job_id).filter(stepping_until=lease)
                leased.update(error=str(error), stepping_until=None)
    except LeaseLostError:
        message = "Job %s: a step was undone; somebody else has done it or ended it."
        logger.warning(message, job_id)
    return find_job(job_id)


def _take_lease(job_id: int) -> datetime | None:
    """Reserve the next step; None if no step may begin now."""
    now = timezone.now()
    free = Q(stepping_until=None) | Q(stepping_until__lte=now)
    waiting = job_rows(job_id).filter(free, finished_at=None, paused_at=None)
    lease = now + LEASE
    return lease if waiting.update(stepping_until=lease, error="") else None


def _step(job: Job, actor_id: Any) -> None:
    step = _next_step(job, actor_id)
    is_over = step.cursor is None
    # Of those who do the same step after the lease ran out, who is done first keeps it.
    # If the one who took over last had to, no slow step would ever end.
    start = Q(cursor=job.cursor) if job.cursor is not None else Q(cursor__isnull=True)
    is_kept = (
        job_rows(job.pk)
        .filter(start, done=job.done, skipped=job.skipped, finished_at=None)
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


def _next_step(job: Job, actor_id: Any) -> Step:
    """Run the next step; before the first, the cursor may say for whom it waits.

    A transaction that began before an edit of the catalogue may write by the old rules.
    What it wrote, such as a new user, cannot be seen until it has ended.
    """
    kind, cursor = job.undoes.kind if job.undoes else job.kind, job.cursor
    is_waiting = isinstance(cursor, list)
    may_wait = kind in _FOLLOW_EDITS and (is_waiting or cursor is None)
    if may_wait and (writers := _wait_for(cursor)):
        return Step(cursor=writers)
    if is_waiting:
        job = copy(job)
        job.cursor = None
    return STEP_FUNCTIONS[job.kind](job, actor_id)


def _wait_for(writers: Sequence[str] | None) -> list[str]:
    """Wait a moment for ``writers``, or else all of now; return those who write still.

    Those who begin meanwhile know the catalogue.
    """
    store, ends = store_for(write_alias()), time.monotonic() + PATIENCE
    left = store.writers() if writers is None else [*writers]
    while left and time.monotonic() < ends:
        time.sleep(PATIENCE / 100)
        left = [each for each in store.writers() if each in left]
    return left
