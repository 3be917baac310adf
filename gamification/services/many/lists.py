"""Awards to a list of users, revocations and adjustments, each in one job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from gamification.exceptions import InvalidActError
from gamification.models import Achievement, Job, JobKind, JobUser
from gamification.models.users import in_order
from gamification.services.catalogue.backfill.awarding import active_achievement
from gamification.services.catalogue.lookup import get_definition
from gamification.services.jobs import Step, begin_job, find_first_job
from gamification.services.many.acts import (
    USERS_AT_ONCE,
    Act,
    UserResult,
    apply_act,
    total_of,
)
from gamification.services.many.names import MAX_NAMES
from gamification.services.many.preview import ActPreview, play_act
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_key_of,
    check_amount,
    check_notes,
    check_text,
    given_id_of,
)

#: Acts on a list of users.
LIST_KINDS: Final = (JobKind.AWARD, JobKind.REVOCATION, JobKind.ADJUSTMENT)


@naming_errors
def preview_list(
    act: Act, users: Iterable[UserRef], *, actor: UserRef | None = None
) -> ActPreview:
    """Return what ``act`` would do now to these users; changes nothing.

    For more than 1,000 users, it plays a sample. Raises the errors of ``begin_list``.
    """
    user_ids = _checked(act, users)
    _check_achievement(act)
    return play_act(act, user_ids, actor_id=actor_key_of(actor))


@naming_errors
def begin_list(
    act: Act,
    users: Iterable[UserRef],
    *,
    actor: UserRef | None,
    key: str | None = None,
    request: object = None,
) -> Job:
    """Begin a job that does ``act`` to each of the users once; return the job.

    The act is an award, a revocation or an adjustment. Users to whom it does not apply,
    such as those who hold the achievement already, are skipped, and the job says why. A
    ``key`` makes it safe to repeat the call: if the same actor has used it before, for
    the same act and users, no other job begins, and the call returns the first one,
    with ``is_replay`` set. Callers who were sent JSON values, such as names of the
    users, pass them as the ``request``, which is then compared instead.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError``,
    ``InvalidAmountError``, ``InvalidTextError`` for an adjustment without a note,
    ``InvalidActError``, ``InvalidKeyError``, ``IdempotencyConflictError``,
    ``UnknownUserError``, ``StorageError``.
    """
    user_ids = _checked(act, users)
    kind, parameters = JobKind(act.kind), act.parameters()
    request = request or [kind, parameters, user_ids]
    if first := find_first_job(request, actor=actor, key=key):
        return first
    _check_achievement(act)
    return begin_job(
        kind,
        parameters=parameters,
        total=len(user_ids),
        actor=actor,
        user_ids=user_ids,
        key=key,
        request=request,
    )


def _checked(act: Act, users: Iterable[UserRef]) -> list[Any]:
    """Return the users' keys in order, or raise the error of an invalid value."""
    if act.kind not in LIST_KINDS:
        message = f"The kind is not one of {', '.join(LIST_KINDS)}."
        raise InvalidActError(message, field="kind")
    is_adjustment = act.kind == JobKind.ADJUSTMENT
    check_notes(act.note, act.internal_note)
    if is_adjustment:
        note = act.note or act.internal_note
        check_text("note", note, longest=MAX_NOTE, required=True)
        check_amount(act.amount)
    elif not act.achievement:
        message = f"The kind {act.kind} needs an achievement."
        raise InvalidActError(message, field="achievement")
    user_ids = in_order(map(given_id_of, users))
    if not 0 < len(user_ids) <= MAX_NAMES:
        message = f"The list has {len(user_ids):,} users, not 1 to {MAX_NAMES:,}."
        raise InvalidActError(message, field="users")
    return user_ids


def _check_achievement(act: Act) -> None:
    """Raise an error unless the achievement exists, and is active for an award."""
    if act.kind == JobKind.AWARD:
        active_achievement(act.achievement)
    elif act.kind == JobKind.REVOCATION:
        get_definition(Achievement, act.achievement)


def list_step(job: Job, actor_id: Any) -> Step:
    """Do the job's act to the next users of its list, in order of their keys."""
    rows = JobUser.objects.filter(job=job)
    waiting = rows.filter(result=JobUser.Result.WAITING).order_by("user_id")
    user_ids = list(waiting.values_list("user_id", flat=True)[: USERS_AT_ONCE + 1])
    batch = user_ids[:USERS_AT_ONCE]
    results = apply_act(job, batch, actor_id)
    _note_results(job, results)
    xp, skipped = total_of(results)
    cursor = str(batch[-1]) if len(user_ids) > len(batch) else None
    return Step(len(batch), xp, cursor, skipped)


def _note_results(job: Job, results: Sequence[UserResult]) -> None:
    rows = JobUser.objects.filter(job=job)
    by_reason: dict[str, list[Any]] = {}
    for each in results:
        by_reason.setdefault(each.reason, []).append(each.user_id)
    for reason, user_ids in by_reason.items():
        result = JobUser.Result.SKIPPED if reason else JobUser.Result.CHANGED
        rows.filter(user__in=user_ids).update(result=result, reason=reason)
