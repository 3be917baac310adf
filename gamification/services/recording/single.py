"""Writes one record of one user: read, decide, write, and announce after commit."""

from __future__ import annotations

from functools import partial

from gamification.conf import conf
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Outcome
from gamification.domain.state import Record
from gamification.domain.totals import MissingDaysError, TotalOutOfRangeError
from gamification.exceptions import OutOfRangeError
from gamification.services.commits import on_commit
from gamification.services.dispatch import announce_records, is_heard
from gamification.services.recording.batch import Terms, book_records, check_new
from gamification.services.unit_of_work import Attempt, attempts
from gamification.services.validation import key_conflict
from gamification.storage import Snapshot, StateQuery, Store
from gamification.storage.nearby import load_nearby
from gamification.storage.streaks import load_ledgers


def write_record(record: Record, terms: Terms, store: Store) -> Outcome:
    """Write ``record`` in one transaction, or raise the error that refuses it.

    It does what ``write_batch`` does for a batch of one, without the bookkeeping of a
    batch.
    """
    query = _query(record)
    for attempt in attempts(store, query.user_ids, optimistic=True):
        with attempt:
            snapshot = attempt.read(query)
            first = _replayed(record, snapshot)
            outcome = first or _written(record, terms, snapshot, attempt)
    if terms.celebrate and is_heard():
        announce = partial(announce_records, [outcome])
        on_commit(announce, store.alias)
    return outcome


def _written(
    record: Record, terms: Terms, snapshot: Snapshot, attempt: Attempt
) -> Outcome:
    """Return the outcome of a new record, which has been written."""
    check_new(record, terms, snapshot)
    changeset = _booked(record, terms, snapshot, attempt.store)
    [outcome] = attempt.write([changeset]).outcomes_of(changeset)
    return outcome


def _query(record: Record) -> StateQuery:
    user_id, activity, units, occurred_at, key, *_, attributes = record
    return StateQuery(
        (user_id,),
        conf.default_calendar,
        keys=() if key is None else ((user_id, key),),
        activities=(activity,),
        earliest=occurred_at,
        latest=occurred_at,
        said=attributes or {},
        units=units,
    )


def _replayed(record: Record, snapshot: Snapshot) -> Outcome | None:
    """Return the first outcome if the key was used before."""
    key = record.user_id, record.key or ""
    entry = snapshot.replays.get(key)
    if entry is None:
        return None
    if entry.fingerprint != record.fingerprint:
        raise key_conflict(record.key)
    return snapshot.replayed(entry)


def _booked(
    record: Record, terms: Terms, snapshot: Snapshot, store: Store
) -> UserChangeset:
    """Return the changeset of a new record, or raise ``OutOfRangeError``."""
    try:
        return _book(record, terms, snapshot, store)
    except TotalOutOfRangeError:
        raise OutOfRangeError from None


def _book(
    record: Record, terms: Terms, snapshot: Snapshot, store: Store
) -> UserChangeset:
    """Return the changeset of a new record; read what the user's state lacks."""
    catalogue, state = snapshot.catalogue, snapshot.states[record.user_id]
    book = partial(book_records, (record,), state, conf.rules(catalogue), terms)
    try:
        changeset = book()
    except MissingDaysError:
        touched = {state.calendar.date_of(record.occurred_at): 0}
        load_nearby([(state, touched)], catalogue, store)
        changeset = book()
    if changeset.needs_ledger:
        load_ledgers([state], catalogue, store)
        changeset = book()
    return changeset
