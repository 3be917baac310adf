"""Writes a batch of records: read, decide, write, and announce after commit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Outcome
from gamification.domain.streak_events import StreakEvent, streak_events
from gamification.exceptions import GamificationError, StorageError
from gamification.services.commits import on_commit
from gamification.services.dispatch import (
    announce_records,
    are_streaks_heard,
    is_heard,
    send_streak_events,
)
from gamification.services.recording.batch import (
    Batch,
    BatchDecision,
    Result,
    book,
    decide_batch,
    touched_by,
)
from gamification.services.unit_of_work import (
    ConcurrentUpdateError,
    KeyTakenError,
    attempts,
    owns_transaction,
    wrap_database_errors,
)
from gamification.storage import Snapshot, StateQuery, Store, Written
from gamification.storage.nearby import load_nearby
from gamification.storage.streaks import load_ledgers

#: The result of each record, by place.
Results = dict[int, Result]


class Encoded(NamedTuple):
    """A decision, ready to be written."""

    decision: BatchDecision
    #: The changesets in the form that the store takes; None if there are none.
    rows: Any
    #: Events of streaks, by user; empty if no receiver is connected.
    events: Mapping[Any, Sequence[StreakEvent]]
    catalogue: Catalogue
    #: Users without a row; the decision about them follows under the locks.
    undecided: Collection[Any] = ()


def write_batch(
    batch: Batch,
    store: Store,
    *,
    strict: bool,
    expects_replays: bool = True,
    has_ids: bool = False,
) -> Results:
    """Write ``batch`` in one transaction; return the result of each record.

    It announces outcomes in the order in which they were booked. ``strict`` raises the
    error of the first refused record and writes nothing. Without ``expects_replays``,
    it looks up keys only after the database has reported one as taken, or if a record
    with a key would be refused. With ``has_ids``, outcomes always carry the ids of
    their rows; otherwise they do only for a single user, or if a signal has receivers.
    """
    is_single = len(batch.user_ids) == 1
    is_announced = batch.terms.celebrate and is_heard()
    has_ids |= is_announced or is_single
    looks_up_keys = expects_replays or is_single or not store.is_optimistic
    batch = batch._replace(looks_up_keys=looks_up_keys)
    write = _write_one if is_single else _write_many
    try:
        results = write(batch, store, strict=strict, has_ids=has_ids)
    except KeyTakenError:
        batch = batch._replace(looks_up_keys=True)
        results = write(batch, store, strict=strict, has_ids=has_ids)
    if is_announced:
        outcomes = [each for each in results.values() if isinstance(each, Outcome)]
        on_commit(partial(announce_records, outcomes), store.alias)
    return results


def _write_one(batch: Batch, store: Store, *, strict: bool, has_ids: bool) -> Results:
    query = batch.query(conf.default_calendar)
    for attempt in attempts(store, batch.user_ids, optimistic=True):
        with attempt:
            snapshot = attempt.read(query)
            done = _decide(batch, snapshot, store, strict=strict, has_ids=has_ids)
            written = attempt.write_encoded(done.rows)
            if done.events:
                _announce(done, store)
    return done.decision.results_of(written)


def _write_many(batch: Batch, store: Store, *, strict: bool, has_ids: bool) -> Results:
    query = batch.query(conf.default_calendar)
    early = _decide_optimistically(batch, query, store, strict=strict, has_ids=has_ids)
    for attempt in attempts(store, batch.user_ids):
        with attempt:
            attempt.lock()
            # The next attempt, if any, decides about all users under the locks.
            first, early = early, None
            # Jobs that follow an edit wait for locks, not for a decision without them.
            if first and not store.is_current(first.catalogue):
                first = None
            decision, written, rest = BatchDecision(), Written(), batch.user_ids
            if first:
                decision = first.decision
                if first.rows is not None:
                    written = store.write(first.rows)
                    _announce(first, store, written.conflicts)
                rest = [*{*first.undecided, *written.conflicts}]
                decision.leave_out(rest)
            if rest:
                late, snapshot = batch.only(rest), store.read(query.only(rest))
                later = _decide(late, snapshot, store, strict=strict, has_ids=has_ids)
                written = written.followed_by(attempt.write_encoded(later.rows))
                _announce(later, store)
                decision = decision.followed_by(later.decision)
    return decision.results_of(written)


def _decide(
    batch: Batch, snapshot: Snapshot, store: Store, *, strict: bool, has_ids: bool
) -> Encoded:
    """Decide about each record, and encode the changes."""
    decision = decide_batch(batch, snapshot, has_ids=has_ids)
    events: dict[Any, Sequence[StreakEvent]] = {}
    changesets = _changesets(batch, snapshot, decision, store)
    if batch.terms.celebrate and are_streaks_heard():
        changesets = _noting(changesets, events)
    rows = store.encode(changesets)
    if decision.may_refuse_replays(batch):
        raise KeyTakenError
    if strict and decision.results:
        decision.raise_first()
    return Encoded(decision, rows, events, snapshot.catalogue)


def _noting(
    changesets: Iterable[UserChangeset], events: dict[Any, Sequence[StreakEvent]]
) -> Iterator[UserChangeset]:
    """Yield the changesets, and note what happens to streaks."""
    for changeset in changesets:
        events[changeset.state.user_id] = [*streak_events(changeset)]
        yield changeset


def _announce(done: Encoded, store: Store, conflicts: Collection[Any] = ()) -> None:
    """Send the signals about streaks, except those of users who were not written."""
    for user_id in [pk for pk in done.events if pk not in conflicts]:
        send_streak_events(done.events[user_id], store.alias)


def _changesets(
    batch: Batch, snapshot: Snapshot, decision: BatchDecision, store: Store
) -> Iterator[UserChangeset]:
    """Yield the changes of each user; read what the states of some users lack."""
    rules, states = conf.rules(snapshot.catalogue), snapshot.states
    # Nobody needs a state once it has made a changeset.
    yield from book(batch, decision, map(states.pop, decision.new), rules)
    if late := [*decision.late.values()]:
        touched = [(state, touched_by(batch, decision, state)) for state in late]
        load_nearby(touched, snapshot.catalogue, store)
        yield from book(batch, decision, late, rules)
    if undated := [*decision.undated.values()]:
        load_ledgers(undated, snapshot.catalogue, store)
        yield from book(batch, decision, undated, rules)


def _decide_optimistically(
    batch: Batch, query: StateQuery, store: Store, *, strict: bool, has_ids: bool
) -> Encoded | None:
    """Decide before any user is locked; None if the decision needs the locks.

    It needs them in a transaction of the caller, which holds them until it ends.
    """
    if not store.is_optimistic or not owns_transaction(store.alias):
        return None
    try:
        with wrap_database_errors(store.alias):
            snapshot = store.read(query)
            undecided = {*batch.user_ids} - snapshot.states.keys()
            known = batch.only([*snapshot.states])
            early = _decide(known, snapshot, store, strict=strict, has_ids=has_ids)
    except ConcurrentUpdateError:
        return None
    except StorageError:
        raise
    except GamificationError:
        return None
    return early._replace(undecided=undecided)
