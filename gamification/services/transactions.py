"""How every verb writes: read, decide, write at once, announce after commit.

One user on a store that can tell an outdated standing needs no lock, and what many
users did is decided before they are locked, then again for those who were outrun.
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
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.recording import Fold
from gamification.domain.rules import Catalogue
from gamification.domain.standing import Standing
from gamification.exceptions import GamificationError, StorageError
from gamification.storage import Query, Snapshot, Store, Written, store_for

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

    folds: Sequence[Fold]
    answer: Callable[[Written], T]
    announce: Callable[[T], None] | None


@dataclass(frozen=True, slots=True)
class Change(Generic[T]):
    """A request to change some users: what to read for it, and how to decide."""

    alias: str
    user_ids: Sequence[Any]
    plan: Callable[[Catalogue], Query]
    decide: Callable[[Snapshot, Store], Decision[T]]
    #: How to decide about some of the users, whatever was decided about them before;
    #: the answer is about all. None if all must be decided together.
    decide_some: Callable[[Collection[Any], Snapshot, Store], Decision[T]] | None = None


class OutrunError(StorageError):
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
        except (OutrunError, Error):
            with suppress(OutrunError), translating(change.alias):
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
            with translating(alias), transaction.atomic(using=alias):
                if is_owner:
                    store.begin()
                store.lock(user_ids)
                return work(store)
        except OutrunError:
            if not tries:
                raise StorageError from None
        # Those who collided should not collide again at the same moment.
        time.sleep(random.uniform(0, 0.002 * (TRIES - tries)))  # noqa: S311


def _attempt(change: Change[T], store: Store, newcomers: Sequence[Any] = ()) -> T:
    snapshot = store.read(change.plan)
    unseen = [user_id for user_id in newcomers if user_id not in snapshot.standings]
    for user_id in unseen:
        snapshot.standings[user_id] = Standing(user_id, conf.default_calendar)
    try:
        decision = change.decide(snapshot, store)
    except GamificationError as error:
        # A user without a row may not exist, which would be the better answer.
        if unseen:
            raise OutrunError from error
        raise
    if unseen and not decision.folds:
        raise OutrunError
    return _answer(change, decision, _write(decision.folds, store))


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
        with translating(change.alias):
            snapshot = store.read(change.plan)
            seen = snapshot.standings.keys()
            decision = decide_some(seen, snapshot, store)
    except OutrunError:
        return None
    except StorageError:
        raise
    except GamificationError:
        return None
    unseen = set(change.user_ids) - seen
    write = store.prepare(decision.folds) if decision.folds else Written

    def finish(store: Store) -> T:
        written = write()
        late = unseen.union(written.outrun)
        if not late:
            return _answer(change, decision, written)
        newer = store.read(lambda catalogue: change.plan(catalogue).only(late))
        again = decide_some(late, newer, store)
        return _answer(change, again, written + _write(again.folds, store))

    return finish


def _write(folds: Sequence[Fold], store: Store) -> Written:
    written = store.prepare(folds)() if folds else Written()
    if written.outrun:
        raise OutrunError
    return written


def _answer(change: Change[T], decision: Decision[T], written: Written) -> T:
    answer = decision.answer(written)
    if decision.announce:
        transaction.on_commit(partial(decision.announce, answer), using=change.alias)
    return answer


@contextmanager
def translating(alias: str) -> Iterator[None]:
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
            raise OutrunError from error
        connections[alias].close_if_unusable_or_obsolete()
        raise StorageError from error


def fold_once(
    fold_all: Callable[[], list[Fold]], snapshot: Snapshot, store: Store
) -> list[Fold]:
    """Return the folds, made again where they would celebrate something twice."""
    folds = fold_all()
    planned = [
        (fold.standing.user_id, notice.dedupe_key)
        for fold in folds
        for notice in fold.celebrations
    ]
    existing = store.celebrated(planned) if planned else {}
    for user_id, dedupe_key in existing:
        snapshot.standings[user_id].celebrated |= {dedupe_key}
    return fold_all() if existing else folds


def numbered(folds: Iterable[Fold], written: Written) -> list[Outcome]:
    """Return the outcomes of ``folds``, with the ids that the database gave."""
    return [outcome for fold in folds for outcome in written.number(fold)]


def restored(entries: Collection[Entry], store: Store) -> list[Outcome]:
    """Return the first outcomes of requests whose keys ``entries`` have."""
    shown = [
        (entry.user_id, dedupe_key)
        for entry in entries
        for _, dedupe_key, _ in (entry.outcome or {}).get("celebrations", ())
    ]
    ids = store.celebrated(shown) if shown else {}
    return [Outcome.restore(entry, ids) for entry in entries]
