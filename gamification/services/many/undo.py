"""Takes back a whole job, so that every total is as it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.outcomes import Entry, Reason
from gamification.domain.state import UserState
from gamification.domain.totals import TotalOutOfRangeError
from gamification.domain.undoing import UndoChangeset, undo_job
from gamification.exceptions import JobStateError
from gamification.models import (
    Celebration,
    Job,
    JobKind,
    LedgerEntry,
    UserGamification,
    write_alias,
)
from gamification.models.users import in_order
from gamification.services.corrections.awards import rewards_of
from gamification.services.corrections.changes import load_ledger
from gamification.services.dispatch import announce_on_commit
from gamification.services.jobs import Step, begin_job, find_job, undone_jobs
from gamification.services.levels.editing import put_back_levels
from gamification.services.levels.relevel import relevel_users
from gamification.services.many.acts import query_for, xp_of
from gamification.services.streaks.repairs.jobs import repairs_by, undo_repairs_step
from gamification.services.unit_of_work import (
    attempts,
    naming_errors,
    write_transaction,
)
from gamification.services.user_batches import next_users
from gamification.services.validation import UserRef, actor_id_of, check_notes
from gamification.storage import Snapshot, Store, store_for
from gamification.storage.streaks import load_days, load_ledgers

#: Users whom one transaction locks, with their ledgers in memory.
USERS_AT_ONCE: Final = 100


@naming_errors
def begin_undo(
    job_id: int, *, actor: UserRef | None, note: str = "", internal_note: str = ""
) -> Job:
    """Begin a job that takes back all that a job did; return the new job.

    Each user's totals, level, unlocks and days become what they would be without the
    job: new entries make up for its entries, and celebrations that nobody has seen are
    withdrawn. Levels begin at once where they did before. Awards and reversals that
    others have made meanwhile remain, and so do achievements that users unlocked while
    dates were repaired. The job must be finished or abandoned, and can be taken back
    once. Users read the ``note``, only staff read the ``internal_note``.

    Raises ``UnknownJobError``, ``JobStateError``, ``LevelsPinnedError``,
    ``InvalidTextError``, ``UnknownUserError``, ``StorageError``.
    """
    check_notes(note, internal_note)
    job, actor_id = find_job(job_id), actor_id_of(actor)
    _check_undoable(job)
    parameters = {"job": job_id, "note": note, "internal_note": internal_note}
    try:
        with write_transaction(write_alias()):
            if job.kind == JobKind.LEVELS:
                total = put_back_levels(job, actor_id)
            else:
                is_repair = job.kind == JobKind.REPAIR
                made = repairs_by(job_id) if is_repair else entries_of(job_id)
                total = made.order_by().values("user").distinct().count()
            return begin_job(
                JobKind.UNDO,
                parameters=parameters,
                total=total,
                actor=actor,
                undoes=job,
            )
    except IntegrityError as error:
        raise _undone() from error


def _check_undoable(job: Job) -> None:
    if job.kind == JobKind.UNDO:
        message = "A job that took another one back cannot be taken back itself."
        raise JobStateError(message, job=job.pk)
    if job.kind == JobKind.FILTERS:
        message = "The job has only counted, so there is nothing to take back."
        raise JobStateError(message, job=job.pk)
    if job.finished_at is None:
        message = "The job is not over: abandon it first, or let it finish."
        raise JobStateError(message, job=job.pk)
    if undo_of(job):
        raise _undone()


def _undone() -> JobStateError:
    return JobStateError("The job has been taken back already.")


def undo_of(job: Job) -> Job | None:
    """Return the job that takes ``job`` back, if any was begun and not abandoned."""
    undos = Job.objects.filter(undoes=job, is_abandoned=False)
    return undos.first()


def entries_of(job_id: int) -> QuerySet[LedgerEntry]:
    """Return the ledger entries that a job wrote."""
    return LedgerEntry.objects.filter(job=job_id)


def undo_step(job: Job, actor_id: Any) -> Step:
    """Take the other job back from the next users, in order of their keys."""
    target = job.parameters["job"]
    if job.undoes and job.undoes.kind == JobKind.LEVELS:
        return _undo_levels(job, job.undoes, actor_id)
    if job.undoes and job.undoes.kind == JobKind.REPAIR:
        return undo_repairs_step(job.undoes)
    users = entries_of(target).order_by("user_id").values_list("user_id", flat=True)
    if job.cursor is not None:
        users = users.filter(user__gt=job.cursor)
    user_ids = list(users.distinct()[: USERS_AT_ONCE + 1])
    batch = user_ids[:USERS_AT_ONCE]
    changesets = _undo(job, target, batch, actor_id)
    cursor = str(batch[-1]) if len(user_ids) > len(batch) else None
    return Step(len(batch), sum(map(xp_of, changesets)), cursor)


def _undo_levels(job: Job, target: Job, actor_id: Any) -> Step:
    """Take back what the next users unlocked, and give them their former levels."""
    after, profiles = job.cursor, UserGamification.objects.all()
    user_ids, last = next_users(profiles, after=after, limit=USERS_AT_ONCE)
    entries = entries_of(target.pk).filter(user__in=user_ids)
    gained = list(entries.order_by("user_id").values_list("user_id", flat=True))
    changesets = _undo(job, target.pk, in_order({*gained}), actor_id) if gained else []
    rest = relevel_users(
        after=after,
        limit=USERS_AT_ONCE,
        job_id=job.pk,
        undone=target.parameters["levels"],
    )
    xp = sum(map(xp_of, changesets)) + rest.xp
    cursor = None if last is None else str(last)
    return Step(len(changesets) + rest.moved, xp, cursor)


def _undo(
    job: Job, target: int, user_ids: Sequence[Any], actor_id: Any
) -> list[UndoChangeset]:
    """Take the job ``target`` back from these users, in one transaction."""
    store = store_for(write_alias())
    for attempt in attempts(store, user_ids):
        with attempt:
            snapshot = attempt.read(query_for(user_ids))
            ledgers = _ledgers(user_ids, store)
            load_days(snapshot.states.values(), snapshot.catalogue, store)
            if snapshot.catalogue.special:
                load_ledgers(snapshot.states.values(), snapshot.catalogue, store)
            undone = undone_jobs()
            changesets = [
                changeset
                for user_id, ledger in ledgers.items()
                if (
                    changeset := _changeset(
                        job, target, ledger, snapshot, store, undone, actor_id
                    )
                )
            ]
            written = attempt.write(changesets)
            _withdraw(target, [each.state.user_id for each in changesets], ledgers)
    outcomes = [each for made in changesets for each in written.outcomes_of(made)]
    if _was_announced(find_job(target)):
        announce_on_commit(store.alias, outcomes)
    return changesets


def _was_announced(job: Job) -> bool:
    """Say whether signals were sent about what the job did."""
    is_loss = job.kind in {JobKind.REVOCATION, JobKind.REVERSAL}
    return is_loss or bool(job.parameters.get("celebrate"))


def _ledgers(user_ids: Sequence[Any], store: Store) -> dict[Any, list[Entry]]:
    """Return the ledgers of those of the users who have not been deleted meanwhile."""
    ledgers: dict[Any, list[Entry]] = {user_id: [] for user_id in user_ids}
    for entry in store.entries(user_ids):
        ledgers[entry.user_id].append(entry)
    return {user_id: ledger for user_id, ledger in ledgers.items() if ledger}


def _changeset(
    job: Job,
    target: int,
    ledger: Sequence[Entry],
    snapshot: Snapshot,
    store: Store,
    undone: Mapping[int, int],
    actor_id: Any,
) -> UndoChangeset | None:
    """Return what takes the job back from a user; None if nothing of it is left."""
    state, now = snapshot.states[ledger[0].user_id], timezone.now()
    reason = _reason(job, actor_id)
    # An earlier, abandoned job has taken it back from this user already.
    if any(undone.get(entry.job_id or 0) == target for entry in ledger):
        return None
    undoing = undo_job(
        ledger,
        target,
        now=now,
        reason=reason,
        undo_id=job.pk,
        undone=undone,
        activities=snapshot.catalogue.activities.values(),
    )
    if not undoing.entries:
        return None
    changeset = UndoChangeset(state, conf.rules(snapshot.catalogue), now)
    changeset.celebrate = False
    rewards = _revocable(snapshot, state, store)
    try:
        changeset.undo(undoing, ledger, undone, rewards=rewards, reason=reason)
    except TotalOutOfRangeError:
        return None
    if load_ledger(changeset, store):
        return _changeset(job, target, ledger, snapshot, store, undone, actor_id)
    return changeset


def _revocable(snapshot: Snapshot, state: UserState, store: Store) -> Any:
    """Return the rewards of the revocable achievements that the user holds, by id."""
    rules = snapshot.catalogue.achievements.values()
    ids = [rule.id for rule in rules if rule.revocable and rule.id in state.held]
    return rewards_of(state.user_id, ids, store)


def _reason(job: Job, actor_id: Any) -> Reason:
    note, internal_note = job.parameters["note"], job.parameters["internal_note"]
    if not note and not internal_note:
        note = f"Job {job.parameters['job']} was taken back."
    return Reason(actor_id, note, internal_note)


def _withdraw(
    target: int, user_ids: Sequence[Any], ledgers: Mapping[Any, Sequence[Entry]]
) -> None:
    """Delete the job's celebrations that these users have not seen."""
    times: set[datetime] = {
        entry.recorded_at
        for user_id in user_ids
        for entry in ledgers[user_id]
        if entry.job_id == target
    }
    Celebration.objects.filter(
        user__in=user_ids, created_at__in=times, acknowledged_at=None
    ).delete()
