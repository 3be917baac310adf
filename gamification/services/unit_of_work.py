"""How every verb writes: read, decide, write at once, announce after commit.

One user on a store that can tell an outdated state needs no lock, and what many
users did is decided before they are locked, then again for those who were conflicts.
Everything else locks the users first. What the database asks to be tried again
(serialization failures, deadlocks) is tried again, if the transaction is the verb's.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import Any, Final, Generic, TypeVar

from django.db import Error, connections, transaction

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.state import UserState
from gamification.exceptions import GamificationError, StorageError
from gamification.storage import Snapshot, StateQuery, Store, Written, store_for

T = TypeVar("T")

#: How often the database's wish to try again is granted.
TRIES: Final = 12

#: The constraint that a second use of a key violates.
KEY_CONSTRAINT: Final = "gamification_ledgerentry_key"

#: SQLSTATE of serialization failures, of deadlocks, and of references to what went
#: away meanwhile, which the next try finds missing.
_TRY_AGAIN: Final = frozenset({"40001", "40P01", "23503"})


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """What to write, what to answer, and what to tell others once it is committed."""

    changesets: Sequence[UserChangeset]
    answer: Callable[[Written], T]
    announce: Callable[[T], None] | None


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A request to change some users: what to read for it, and how to decide."""

    alias: str
    user_ids: Sequence[Any]
    plan: Callable[[Catalogue], StateQuery]
    decide: Callable[[Snapshot, Store], Decision[T]]
    #: How to decide about some of the users, whatever was decided about them before;
    #: the answer is about all. None if all must be decided together.
    decide_some: Callable[[Collection[Any], Snapshot, Store], Decision[T]] | None = None


class ConcurrentUpdateError(StorageError):
    """Somebody else wrote between read and write; it is safe to try again."""


class KeyTakenError(Exception):
    """A key that was not looked up was used before."""


def perform(change: Change[T]) -> T:
    """Make the change, whole or not at all, and return its answer.

    Raises what deciding raises, and the errors of ``in_transaction``.
    """
    store = store_for(change.alias)
    if store.optimistic and len(change.user_ids) == 1:
        try:
            return _attempt(change, store, newcomers=change.user_ids)
        except (ConcurrentUpdateError, Error):
            with suppress(ConcurrentUpdateError), wrap_database_errors(change.alias):
                raise
        ahead = None
    else:
        ahead = _work_ahead(change, store)
    # Whoever must try again decides under the locks.
    works: Iterator[Callable[[Store], T]]
    works = chain([ahead] if ahead else [], repeat(partial(_attempt, change)))
    return in_transaction(
        change.alias, change.user_ids, lambda store: next(works)(store)
    )


def in_transaction(
    alias: str, user_ids: Sequence[Any], work: Callable[[Store], T]
) -> T:
    """Lock the users, in order, do ``work``, and return its answer.

    Raises ``StorageError`` when the database failed. Inside a transaction of the
    caller, errors of the database are left as they are.
    """
    store, is_owner = store_for(alias), not connections[alias].in_atomic_block
    tries = TRIES if is_owner else 1
    while True:
        tries -= 1
        try:
            with wrap_database_errors(alias), transaction.atomic(using=alias):
                if is_owner:
                    store.begin()
                store.lock(user_ids)
                return work(store)
        except ConcurrentUpdateError:
            if not tries:
                raise StorageError from None
        # Those who collided should not collide again at the same moment.
        time.sleep(random.uniform(0, 0.002 * (TRIES - tries)))  # noqa: S311


def _attempt(change: Change[T], store: Store, newcomers: Sequence[Any] = ()) -> T:
    snapshot = store.read(change.plan)
    unseen = [user_id for user_id in newcomers if user_id not in snapshot.states]
    for user_id in unseen:
        snapshot.states[user_id] = UserState(user_id, conf.default_calendar)
    try:
        decision = change.decide(snapshot, store)
    except GamificationError as error:
        # A user without a row may not exist, which would be the better answer.
        if unseen:
            raise ConcurrentUpdateError from error
        raise
    if unseen and not decision.changesets:
        raise ConcurrentUpdateError
    return _answer(change, decision, _write(decision.changesets, store))


def _work_ahead(change: Change[T], store: Store) -> Callable[[Store], T] | None:
    """Decide before anybody is locked; return what is left to do then.

    None if that must be decided under the locks, or they are held until a caller's
    transaction ends.
    """
    is_owner = not connections[change.alias].in_atomic_block
    decide_some = change.decide_some if is_owner and store.optimistic else None
    if decide_some is None:
        return None
    try:
        with wrap_database_errors(change.alias):
            snapshot = store.read(change.plan)
            seen = snapshot.states.keys()
            decision = decide_some(seen, snapshot, store)
    except ConcurrentUpdateError:
        return None
    except StorageError:
        raise
    except GamificationError:
        return None
    unseen = set(change.user_ids) - seen
    write = store.prepare(decision.changesets) if decision.changesets else Written

    def finish(store: Store) -> T:
        written = write()
        late = unseen.union(written.conflicts)
        if not late:
            return _answer(change, decision, written)
        newer = store.read(lambda catalogue: change.plan(catalogue).only(late))
        again = decide_some(late, newer, store)
        return _answer(change, again, written + _write(again.changesets, store))

    return finish


def _write(changesets: Sequence[UserChangeset], store: Store) -> Written:
    written = store.prepare(changesets)() if changesets else Written()
    if written.conflicts:
        raise ConcurrentUpdateError
    return written


def _answer(change: Change[T], decision: Decision[T], written: Written) -> T:
    answer = decision.answer(written)
    if decision.announce:
        transaction.on_commit(partial(decision.announce, answer), using=change.alias)
    return answer


@contextmanager
def wrap_database_errors(alias: str) -> Iterator[None]:
    """Turn errors of the database into our own, if the transaction is ours."""
    is_owner = not connections[alias].in_atomic_block
    try:
        yield
    except Error as error:
        if KEY_CONSTRAINT in str(error):
            raise KeyTakenError from error
        if not is_owner:
            raise
        if getattr(error.__cause__, "sqlstate", None) in _TRY_AGAIN:
            raise ConcurrentUpdateError from error
        connections[alias].close_if_unusable_or_obsolete()
        raise StorageError from error


def decide_once(
    decide_all: Callable[[], list[UserChangeset]], snapshot: Snapshot, store: Store
) -> list[UserChangeset]:
    """Return the changesets, made again where they would celebrate something twice."""
    changesets = decide_all()
    planned = [
        (changeset.state.user_id, notice.dedupe_key)
        for changeset in changesets
        for notice in changeset.celebrations
    ]
    existing = store.celebrated(planned) if planned else {}
    for user_id, dedupe_key in existing:
        snapshot.states[user_id].celebrated |= {dedupe_key}
    return decide_all() if existing else changesets


def numbered(changesets: Iterable[UserChangeset], written: Written) -> list[Outcome]:
    """Return the outcomes of ``changesets``, with the ids that the database gave."""
    return [
        outcome for changeset in changesets for outcome in written.number(changeset)
    ]


def restored(entries: Collection[Entry], store: Store) -> list[Outcome]:
    """Return the first outcomes of requests whose keys ``entries`` have."""
    shown = [
        (entry.user_id, dedupe_key)
        for entry in entries
        for _, dedupe_key, _ in (entry.outcome or {}).get("celebrations", ())
    ]
    ids = store.celebrated(shown) if shown else {}
    return [Outcome.restore(entry, ids) for entry in entries]
