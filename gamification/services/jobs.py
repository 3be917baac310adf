"""Jobs: work on many users in steps, with a row that stores how far it has come."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from gamification.exceptions import UnknownJobError
from gamification.models import Job, JobKind, JobUser, LedgerEntry, write_alias
from gamification.services.commits import on_commit
from gamification.services.unit_of_work import naming_errors, wrap_database_errors
from gamification.services.validation import (
    MAX_ID,
    UserRef,
    actor_id_of,
    actor_key_of,
    check_key,
    digest,
    key_conflict,
    unknown_user,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a step."""

    #: Users who were processed, and the XP that they got.
    done: int = 0
    xp: int = 0
    #: The place where the next step begins, as a JSON value; None when all is done.
    cursor: Any = None
    #: Users among them who were skipped.
    skipped: int = 0


def begin_job(
    kind: JobKind,
    *,
    parameters: Mapping[str, Any],
    total: int,
    actor: UserRef | None,
    user_ids: Collection[Any] = (),
    undoes: Job | None = None,
    key: str | None = None,
    request: object = None,
) -> Job:
    """Create a job of ``actor`` for about ``total`` users, and return it.

    The ``parameters`` depend on the kind. ``user_ids`` are its list of users, if it has
    one, and ``undoes`` is the job that it takes back. This starts no work:
    ``run_next_step`` does it. If the actor has used the ``key`` before, it returns the
    job that began then, if it was for the same ``request``.

    Raises ``InvalidKeyError``, ``IdempotencyConflictError``, ``StorageError``, and
    ``UnknownUserError``, also if a user of the list does not exist any more.
    """
    actor_id, alias = actor_id_of(actor), write_alias()
    if key is not None:
        parameters = {**parameters, "request": digest(request)}
    job = Job(
        kind=kind,
        parameters={**parameters},
        total=total,
        actor_id=actor_id,
        undoes=undoes,
        key=_stored_key(actor_id, key),
    )
    with wrap_database_errors(alias):
        try:
            with transaction.atomic(using=alias):
                job.save(using=alias)
                rows = (JobUser(job=job, user_id=user_id) for user_id in user_ids)
                JobUser.objects.bulk_create(rows, batch_size=5_000)
        except IntegrityError:
            if first := find_first_job(request, actor=actor, key=key):
                return first
            _check_users(user_ids)
            raise
    log = partial(logger.info, "Job %s: %s begun by user %s.", job.pk, kind, actor_id)
    on_commit(log, alias)
    return job


def _check_users(user_ids: Collection[Any]) -> None:
    """Raise ``UnknownUserError`` unless all of the users exist."""
    users = get_user_model()._base_manager.using(write_alias())
    known = {*users.filter(pk__in=user_ids).values_list("pk", flat=True)}
    if gone := [user_id for user_id in user_ids if user_id not in known]:
        raise unknown_user(gone[0])


def find_first_job(
    request: object, *, actor: UserRef | None, key: str | None
) -> Job | None:
    """Return the job that the actor began with the ``key``, if there is one.

    ``request`` has the JSON values that were sent. Pass them unchanged: what they name,
    such as users, may have changed since. Raises ``InvalidKeyError``, ``StorageError``,
    and ``IdempotencyConflictError`` if the key stands for another request.
    """
    stored = _stored_key(actor_key_of(actor), key)
    if stored is None:
        return None
    with wrap_database_errors(write_alias()):
        rows = Job.objects.select_related("actor", "undoes")
        first = rows.filter(key=stored).first()
    if first is None:
        return None
    if first.parameters["request"] != digest(request):
        raise key_conflict(key)
    first.is_replay = True
    return first


def _stored_key(actor_id: Any, key: str | None) -> str | None:
    return None if check_key(key) is None else f"{actor_id}:{key}"


@naming_errors
def find_job(job_id: int) -> Job:
    """Return the job with this id and its actor, or raise ``UnknownJobError``."""
    job = job_rows(job_id).select_related("actor", "undoes").first()
    if job is None:
        raise UnknownJobError(f"No job has the number {job_id}.", job=job_id)
    return job


def job_rows(job_id: int) -> QuerySet[Job]:
    """Return a queryset of the job with this id."""
    rows = Job.objects.all()
    return rows.filter(pk=job_id) if 0 < job_id <= MAX_ID else rows.none()


def jobs_undone_for(entries: QuerySet[LedgerEntry]) -> dict[Any, dict[int, int]]:
    """Return, for each user of ``entries``, what ``undone_jobs`` returns of them."""
    undone, found = undone_jobs(), dict[Any, dict[int, int]]()
    rows = entries.filter(job__in=[*undone]).order_by()
    for user_id, undo_id in rows.values_list("user_id", "job_id").distinct():
        found.setdefault(user_id, {})[undo_id] = undone[undo_id]
    return found


def undone_jobs() -> dict[int, int]:
    """Return the jobs that were taken back, by the job that did it."""
    undos = Job.objects.filter(undoes__isnull=False)
    return {job.pk: job.undoes_id or 0 for job in undos.only("undoes")}
