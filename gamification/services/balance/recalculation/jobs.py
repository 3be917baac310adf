"""Recalculates past XP in the steps of a job."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from gamification.exceptions import StaleEditError
from gamification.models import Job, JobKind
from gamification.services.balance.recalculation.preview import preview_recalculation
from gamification.services.balance.recalculation.recalculating import (
    RecalculationProgress,
    recalculate_xp,
)
from gamification.services.balance.recalculation.scope import RecalculationScope
from gamification.services.jobs import Step, begin_job
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, check_notes

#: Users to check together, and the most such batches in one step, which ends sooner if
#: many users need corrections: about a second of work.
USERS_AT_ONCE: Final = 200
LOOKS: Final = 50


@naming_errors
def begin_recalculation(
    scope: RecalculationScope,
    *,
    actor: UserRef | None,
    note: str = "",
    internal_note: str = "",
    expected: str | None = None,
    key: str | None = None,
) -> Job:
    """Begin a job that corrects the past records of all users; return the job.

    ``expected`` is the tag of the preview: if staff have edited an activity since, the
    job does not begin. It also stops if they edit one while it runs. The ``key`` is as
    in ``begin_list``.

    Raises ``UnknownActivityError``, ``StaleEditError``, ``InvalidTextError``,
    ``InvalidKeyError``, ``IdempotencyConflictError``, ``UnknownUserError``,
    ``StorageError``.
    """
    check_notes(note, internal_note)
    preview = preview_recalculation(scope)
    if expected not in {None, preview.tag}:
        raise StaleEditError
    parameters = {
        "activities": [*scope.activities],
        "since": scope.since.isoformat(),
        "until": scope.until.isoformat(),
        "note": note,
        "internal_note": internal_note,
        "expected": preview.tag,
    }
    total = preview.users + preview.skipped.value
    return begin_job(
        JobKind.RECALCULATION,
        parameters=parameters,
        total=total,
        actor=actor,
        key=key,
        request=parameters,
    )


def scope_of(job: Job) -> RecalculationScope:
    """Return the scope that ``job`` recalculates."""
    asked = job.parameters
    since, until = map(date.fromisoformat, (asked["since"], asked["until"]))
    return RecalculationScope(asked["activities"], since, until)


def recalculation_step(job: Job, actor_id: Any) -> Step:
    """Correct the past of the next users, in order of their keys."""
    asked, scope = job.parameters, scope_of(job)
    total = RecalculationProgress(after=job.cursor)
    for _ in range(LOOKS):
        total += recalculate_xp(
            scope,
            actor=actor_id,
            note=asked["note"],
            internal_note=asked.get("internal_note", ""),
            expected=asked["expected"],
            after=total.after,
            limit=USERS_AT_ONCE,
            job_id=job.pk,
        )
        if total.after is None or total.seen >= USERS_AT_ONCE:
            break
    cursor = None if total.after is None else str(total.after)
    return Step(total.seen, total.xp, cursor, total.skipped)
