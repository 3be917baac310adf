"""Takes back what users recorded in a period: of one user, or of everybody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet

from gamification.domain.outcomes import EntryKind
from gamification.exceptions import InvalidSpanError
from gamification.models import (
    Activity,
    Job,
    JobKind,
    LedgerEntry,
    UserGamification,
)
from gamification.services.balance.report import MAX_DAYS
from gamification.services.catalogue.lookup import get_definition
from gamification.services.jobs import Step, begin_job, find_first_job
from gamification.services.many.acts import (
    USERS_AT_ONCE,
    Act,
    act_of,
    apply_act,
    total_of,
)
from gamification.services.many.lists import list_step
from gamification.services.many.preview import ActPreview, play_act
from gamification.services.unit_of_work import naming_errors
from gamification.services.user_batches import next_users
from gamification.services.validation import (
    UserRef,
    actor_id_of,
    check_notes,
    user_id_of,
)

#: Users to look at together, and the most such batches in one step.
LOOKED_AT_ONCE: Final = 1_000
LOOKS: Final = 20


@naming_errors
def preview_take_back(act: Act, *, user: UserRef | None = None) -> ActPreview:
    """Return what taking back a period would do now; changes nothing.

    For more than 1,000 users, it plays a sample. Raises the errors of
    ``begin_take_back``.
    """
    _check(act)
    return play_act(act, _users(act, user))


@naming_errors
def begin_take_back(
    act: Act,
    *,
    user: UserRef | None = None,
    actor: UserRef | None,
    key: str | None = None,
    request: object = None,
) -> Job:
    """Begin a job that reverses the records of a period; return the job.

    They are the records of ``user``, or of everybody if it is None, on the users' own
    dates from ``act.since`` to ``act.until``, of ``act.activity``, or of all activities
    if it is empty. Each is reversed as by ``reverse_entry``. Adjustments and awards by
    staff stay. The ``key`` and the ``request`` are as in ``begin_list``.

    Raises ``UnknownActivityError``, ``InvalidSpanError``, ``InvalidTextError``,
    ``InvalidKeyError``, ``IdempotencyConflictError``, ``UnknownUserError``,
    ``StorageError``.
    """
    _check(act)
    parameters = act.parameters()
    if user is not None:
        parameters["user"] = str(user_id_of(user))
    request = request or [JobKind.REVERSAL, parameters]
    if first := find_first_job(request, actor=actor, key=key):
        return first
    user_ids = _users(act, user)
    return begin_job(
        JobKind.REVERSAL,
        parameters=parameters,
        total=len(user_ids),
        actor=actor,
        # The page of the job says why nothing could be taken back from a single user.
        user_ids=user_ids if user is not None else (),
        key=key,
        request=request,
    )


def take_back_step(job: Job, actor_id: Any) -> Step:
    """Take back the period from the next users, in order of their keys."""
    if "user" in job.parameters:
        return list_step(job, actor_id)
    act = act_of(job)
    batch, after = _next_batch(act, job.cursor)
    results = apply_act(job, batch, actor_id) if batch else []
    xp, skipped = total_of(results)
    cursor = None if after is None else str(after)
    return Step(len(results) - skipped, xp, cursor)


def _check(act: Act) -> None:
    """Raise the error of an invalid note, or of dates that are no period."""
    check_notes(act.note, act.internal_note)
    if not act.since or not act.until:
        raise InvalidSpanError("Both dates are needed.")
    if not 1 <= (act.until - act.since).days + 1 <= MAX_DAYS:
        raise InvalidSpanError(f"The dates do not span 1 to {MAX_DAYS} days.")


def _users(act: Act, user: UserRef | None) -> list[Any]:
    """Return the users whom the act concerns, or raise the error of unknown ones."""
    if act.activity:
        get_definition(Activity, act.activity)
    if user is not None:
        return [actor_id_of(user)]
    records = _records(act).order_by("user_id").values_list("user_id", flat=True)
    return list(records.distinct())


def _records(act: Act) -> QuerySet[LedgerEntry]:
    """Return the records of the period that were not reversed before."""
    ledger = LedgerEntry.objects.all()
    records = ledger.filter(
        kind=EntryKind.ACTIVITY, local_date__range=(act.since, act.until)
    )
    if act.activity:
        records = records.filter(activity__key=act.activity)
    reversal = ledger.filter(user=OuterRef("user"), reverses=OuterRef("pk"))
    return records.filter(~Exists(reversal))


def _next_batch(act: Act, after: Any) -> tuple[list[Any], Any]:
    """Return users who have such records, and the user after whom to go on."""
    profiles, found = UserGamification.objects.all(), list[Any]()
    for _ in range(LOOKS):
        user_ids, after = next_users(profiles, after=after, limit=LOOKED_AT_ONCE)
        found += _with_records(act, user_ids)
        if len(found) > USERS_AT_ONCE:
            return found[:USERS_AT_ONCE], found[USERS_AT_ONCE - 1]
        if after is None or len(found) == USERS_AT_ONCE:
            break
    return found, after


def _with_records(act: Act, user_ids: Sequence[Any]) -> list[Any]:
    """Return those of ``user_ids``, who are neighbours, who have such records."""
    if not user_ids:
        return []
    records = _records(act).filter(user__gte=user_ids[0], user__lte=user_ids[-1])
    rows = records.order_by("user_id").values_list("user_id", flat=True)
    return list(rows.distinct())
