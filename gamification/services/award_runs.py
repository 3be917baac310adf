"""Awarding an achievement in hindsight, in the steps of a run."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import QuerySet

from gamification.models import Achievement, Run, RunKind
from gamification.services.hindsight import active_achievement, award_in_hindsight
from gamification.services.previewing import preview_award
from gamification.services.requests import MAX_NOTE, UserRef, check_text, write_alias
from gamification.services.runs import STEPPERS, Step, begin_run

#: Users who have their turn in one step: about a second of work.
USERS_IN_A_STEP: Final = 500


def begin_award_run(
    achievement: str, *, actor: UserRef | None, note: str = "", celebrate: bool = False
) -> Run:
    """Begin to give the achievement to everybody who earned it before; return the run.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError``,
    ``InvalidTextError``, ``UnknownUserError``, ``StorageError``.
    """
    check_text("note", note, longest=MAX_NOTE)
    row = active_achievement(achievement)
    parameters = {"achievement": row.key, "note": note, "celebrate": celebrate}
    total = preview_award(row, sample=0).users
    return begin_run(RunKind.HINDSIGHT, parameters=parameters, total=total, actor=actor)


def unfinished_award_runs(achievement: Achievement) -> QuerySet[Run]:
    """Return the runs that still award the achievement, the latest first."""
    runs = Run.objects.using(write_alias()).filter(
        kind=RunKind.HINDSIGHT, finished_at=None
    )
    return runs.filter(parameters__achievement=achievement.key)


def _award(run: Run, actor_id: Any) -> Step:
    """Award the achievement to the next users, in order of their keys."""
    progress = award_in_hindsight(
        **run.parameters, actor=actor_id, after=run.cursor, limit=USERS_IN_A_STEP
    )
    cursor = None if progress.after is None else str(progress.after)
    return Step(progress.awarded, progress.xp, cursor)


STEPPERS[RunKind.HINDSIGHT] = _award
