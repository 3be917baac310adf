"""Writes a batch of records: read, decide, write, and announce after commit."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any, NamedTuple

from django.db import transaction

from gamification.conf import conf
from gamification.domain.outcomes import Outcome
from gamification.exceptions import GamificationError, StorageError
from gamification.services.dispatch import (
    announce_records,
    announce_streaks,
    is_heard,
)
from gamification.services.recording.batch import (
    Batch,
    BatchDecision,
    Result,
    decide_batch,
)
from gamification.services.unit_of_work import (
    ConcurrentUpdateError,
    KeyTakenError,
    attempts,
    owns_transaction,
    wrap_database_errors,
)
from gamification.storage import Snapshot, StateQuery, Store, Written
from gamification.storage.streaks import load_days, load_ledgers

#: The result of each record, by place.
Results = dict[int, Result]


class EarlyDecision(NamedTuple):
    """A decision made before any user was locked, ready to be written."""

    decision: BatchDecision
    #: None if there is nothing to write.
    encoded: Any
    #: Users without a row; the decision about them follows under the locks.
    undecided: Collection[Any]


def write_batch(
    batch: Batch,
    store: Store,
    *,
    strict: bool,
    expects_replays: bool = True,
    has_ids: bool = False,
) -> Results:
    """Write ``batch`` in one transaction; return the result of each record.

    ``strict`` raises the error of the first refused record and writes nothing. Without
    ``expects_replays``, it looks up keys only after the database has reported one as
    taken. With ``has_ids``, outcomes always carry the ids of their rows; otherwise they
    do only for a single user, or if a signal has receivers.
    """
    is_single = len(batch.user_ids) == 1
    is_announced = batch.celebrate and is_heard()
    has_ids |= is_announced or is_single
    looks_up_keys = expects_replays or is_single or not store.is_optimistic
    write = _write_one if is_single else _write_many
    try:
        query = batch.query(conf.default_calendar, keys=looks_up_keys)
        results = write(batch, query, store, strict=strict, has_ids=has_ids)
    except KeyTakenError:
        query = batch.query(conf.default_calendar, keys=True)
        results = write(batch, query, store, strict=strict, has_ids=has_ids)
    if is_announced:
        in_order = (results[place] for place in sorted(results))
        outcomes = [each for each in in_order if isinstance(each, Outcome)]
        transaction.on_commit(partial(announce_records, outcomes), using=store.alias)
    return results


def _write_one(
    batch: Batch, query: StateQuery, store: Store, *, strict: bool, has_ids: bool
) -> Results:
    for attempt in attempts(store, batch.user_ids, optimistic=True):
        with attempt:
            decision = _decide(batch, attempt.read(query), store, strict=strict)
            written = attempt.write([*decision.changesets.values()])
    return decision.results_of(written if has_ids else None)


def _write_many(
    batch: Batch, query: StateQuery, store: Store, *, strict: bool, has_ids: bool
) -> Results:
    early = _decide_optimistically(batch, query, store, strict=strict)
    for attempt in attempts(store, batch.user_ids):
        with attempt:
            attempt.lock()
            # The next attempt, if any, decides about all users under the locks.
            first, early = early, None
            decision, written, rest = BatchDecision(), Written(), batch.user_ids
            if first:
                decision = first.decision
                if first.encoded is not None:
                    written = store.write(first.encoded)
                    conflicts = written.conflicts
                    announce_streaks(
                        (
                            changeset
                            for user_id, changeset in decision.changesets.items()
                            if user_id not in conflicts
                        ),
                        store.alias,
                    )
                rest = [*{*first.undecided, *written.conflicts}]
                decision.leave_out(rest)
            if rest:
                late = batch.only(rest)
                snapshot = store.read(query.only(rest))
                later = _decide(late, snapshot, store, strict=strict)
                written += attempt.write([*later.changesets.values()])
                decision = decision.followed_by(later)
    return decision.results_of(written if has_ids else None)


def _decide(
    batch: Batch, snapshot: Snapshot, store: Store, *, strict: bool
) -> BatchDecision:
    """Decide, and decide again about users of whom ``snapshot`` lacked something."""
    rules = conf.rules(snapshot.catalogue)
    decision = decide_batch(batch, snapshot, rules)
    if late := decision.late:
        load_days(
            [snapshot.states[user_id] for user_id in late], snapshot.catalogue, store
        )
        again = decide_batch(batch.only(late), snapshot, rules)
        decision = decision.followed_by(again)
    if undated := decision.undated:
        states = [snapshot.states[user_id] for user_id in undated]
        load_ledgers(states, snapshot.catalogue, store)
        again = decide_batch(batch.only(undated), snapshot, rules)
        decision = decision.followed_by(again)
    if strict:
        decision.raise_first()
    return decision


def _decide_optimistically(
    batch: Batch, query: StateQuery, store: Store, *, strict: bool
) -> EarlyDecision | None:
    """Decide before any user is locked; None if the decision needs the locks.

    It does inside a transaction of the caller, which holds the locks until it ends.
    """
    if not store.is_optimistic or not owns_transaction(store.alias):
        return None
    try:
        with wrap_database_errors(store.alias):
            snapshot = store.read(query)
            known = batch.only(snapshot.states)
            decision = _decide(known, snapshot, store, strict=strict)
    except ConcurrentUpdateError:
        return None
    except StorageError:
        raise
    except GamificationError:
        return None
    changesets = [*decision.changesets.values()]
    encoded = store.encode(changesets) if changesets else None
    undecided = {*batch.user_ids} - snapshot.states.keys()
    return EarlyDecision(decision, encoded, undecided)
