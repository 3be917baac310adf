"""Re-rating the past, in the steps of a run."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from gamification.exceptions import StaleEditError
from gamification.models import Run, RunKind
from gamification.services.requests import MAX_NOTE, UserRef, check_text
from gamification.services.rerate_preview import Past, preview_rerate
from gamification.services.rerating import RerateProgress, rerate
from gamification.services.runs import STEPPERS, Step, begin_run

#: Users who are looked at together, and how often that is done in one step, unless
#: many of them are corrected: about a second of work.
USERS_AT_ONCE: Final = 500
LOOKS: Final = 20


def begin_rerate_run(
    past: Past, *, actor: UserRef | None, note: str = "", expected: str | None = None
) -> Run:
    """Begin to correct the past of everybody; return the run.

    ``expected`` is the tag of the preview: if an activity was edited since then, it
    does not begin, and once one is, it goes no further.

    Raises ``UnknownActivityError``, ``StaleEditError``, ``InvalidTextError``,
    ``UnknownUserError``, ``StorageError``.
    """
    check_text("note", note, longest=MAX_NOTE)
    preview = preview_rerate(past)
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
    return begin_run(RunKind.RERATE, parameters=parameters, total=total, actor=actor)


def past_of(run: Run) -> Past:
    """Return what ``run`` re-rates."""
    asked = run.parameters
    since, until = map(date.fromisoformat, (asked["since"], asked["until"]))
    return Past(asked["activities"], since, until)


def _rerate(run: Run, actor_id: Any) -> Step:
    """Correct the past of the next users, in order of their keys."""
    asked, past = run.parameters, past_of(run)
    total = RerateProgress(after=run.cursor)
    for _ in range(LOOKS):
        total += rerate(
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


STEPPERS[RunKind.RERATE] = _rerate
