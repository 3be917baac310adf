"""Repairs streaks for everybody in the steps of a job, and takes such a job back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone

from gamification.domain.streak_rules import DAILY
from gamification.models import Job, JobKind, RepairedDate, write_alias
from gamification.models.users import in_order
from gamification.services.jobs import Step, begin_job
from gamification.services.streaks.lookup import find_streak
from gamification.services.streaks.repairs.everybody import (
    USERS_AT_ONCE,
    candidates,
    preview_repairs,
    repair_users,
)
from gamification.services.streaks.repairs.single import check_dates
from gamification.services.streaks.settling import settle
from gamification.services.unit_of_work import attempts
from gamification.services.user_batches import next_users
from gamification.services.validation import MAX_NOTE, UserRef, check_text
from gamification.storage import store_for

#: Users from whom one step takes repairs back.
UNDONE_AT_ONCE: Final = 100


def begin_repairs(
    dates: Iterable[date],
    *,
    actor: UserRef | None,
    note: str,
    streak: str = DAILY,
    key: str | None = None,
) -> Job:
    """Begin a job that does what ``repair_streaks`` does; return the job.

    The ``key`` is as in ``begin_list``. Raises the errors of ``repair_streaks``,
    ``InvalidKeyError``, and ``IdempotencyConflictError``.
    """
    check_text("note", note, longest=MAX_NOTE, required=True)
    wanted = check_dates(dates)
    total = preview_repairs(wanted, streak=streak).users
    days = [day.isoformat() for day in wanted]
    parameters = {"streak": streak, "dates": days, "note": note}
    return begin_job(
        JobKind.REPAIR,
        parameters=parameters,
        total=total,
        actor=actor,
        key=key,
        request=parameters,
    )


def repair_step(job: Job, actor_id: Any) -> Step:
    """Repair the streaks of the next users, in order of their keys."""
    wanted = [date.fromisoformat(day) for day in job.parameters["dates"]]
    streak, note = find_streak(job.parameters["streak"]), job.parameters["note"]
    profiles = candidates(wanted, streak)
    user_ids, last = next_users(profiles, after=job.cursor, limit=USERS_AT_ONCE)
    report = repair_users(user_ids, streak, wanted, actor_id, note, job.pk)
    return Step(report.users, cursor=None if last is None else str(last))


def repairs_by(job_id: int) -> QuerySet[RepairedDate]:
    """Return the dates that a job repaired, and that nobody has taken back."""
    return RepairedDate.objects.filter(job=job_id)


def undo_repairs_step(target: Job) -> Step:
    """Take the repairs of the job ``target`` back from the next users.

    Their streaks become what they would be without the dates; what they unlocked
    meanwhile stays.
    """
    rows, store = repairs_by(target.pk), store_for(write_alias())
    waiting = rows.order_by("user_id").values_list("user_id", flat=True).distinct()
    user_ids = list(waiting[: UNDONE_AT_ONCE + 1])
    batch = user_ids[:UNDONE_AT_ONCE]
    for attempt in attempts(store, batch):
        with attempt:
            attempt.lock()
            mine = rows.filter(user__in=batch)
            # Users who are gone by now have lost their repairs, too.
            present = in_order(mine.values_list("user_id", flat=True).distinct())
            mine.delete()
            for user_id in present:
                settle(user_id, store, timezone.now())
    # Repairs that were taken back are not found again.
    cursor = str(batch[-1]) if user_ids[len(batch) :] else None
    return Step(len(present), cursor=cursor)
