"""Recalculation the past, in the steps of a job."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from gamification.exceptions import StaleEditError
from gamification.models import Job, JobKind
from gamification.services.balance.recalculation import (
    RecalculationProgress,
    recalculate_xp,
)
from gamification.services.balance.recalculation_preview import (
    RecalculationScope,
    preview_recalculation,
)
from gamification.services.jobs import Step, begin_job
from gamification.services.validation import MAX_NOTE, UserRef, check_text

#: Users who are looked at together, and how often that is done in one step, unless
#: many of them are corrected: about a second of work.
USERS_AT_ONCE: Final = 500
LOOKS: Final = 20


def begin_recalculation(
    past: RecalculationScope,
    *,
    actor: UserRef | None,
    note: str = "",
    expected: str | None = None,
) -> Job:
    """Begin to correct the past of everybody; return the job.

    ``expected`` is the tag of the preview: if an activity was edited since then, it
    does not begin, and once one is, it goes no further.

    Raises ``UnknownActivityError``, ``StaleEditError``, ``InvalidTextError``,
    ``UnknownUserError``, ``StorageError``.
    """
    check_text("note", note, longest=MAX_NOTE)
    preview = preview_recalculation(past)
    if expected not in {None, preview.tag}:
        raise StaleEditError
    parameters = {
        "activities": [*past.activities],
        "since": past.since.isoformat(),
        "until": past.until.isoformat(),
        "note": note,
        "expected": preview.tag,
    }
    total = preview.users + preview.skipped
    return begin_job(
        JobKind.RECALCULATION, parameters=parameters, total=total, actor=actor
    )


def scope_of(job: Job) -> RecalculationScope:
    """Return what ``job`` re-rates."""
    asked = job.parameters
    since, until = map(date.fromisoformat, (asked["since"], asked["until"]))
    return RecalculationScope(asked["activities"], since, until)


def recalculation_step(job: Job, actor_id: Any) -> Step:
    """Correct the past of the next users, in order of their keys."""
    asked, past = job.parameters, scope_of(job)
    total = RecalculationProgress(after=job.cursor)
    for _ in range(LOOKS):
        total += recalculate_xp(
            past,
            actor=actor_id,
            note=asked["note"],
            expected=asked["expected"],
            after=total.after,
            limit=USERS_AT_ONCE,
        )
        if total.after is None or total.seen >= USERS_AT_ONCE:
            break
    cursor = None if total.after is None else str(total.after)
    return Step(total.seen, total.xp, cursor, total.skipped)
