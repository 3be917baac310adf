"""The way in which every verb writes: it tries again after a conflict.

    for attempt in attempts(store, user_ids):
        with attempt:
            snapshot = attempt.read(query)
            changesets = ...
            written = attempt.write(changesets)
    return ...

An attempt is optimistic or locked. An optimistic attempt locks nobody: its write
detects whether a user has changed since the read. A locked attempt is a transaction
that locks the users, in order, before it reads. A conflict ends the attempt, not the
loop, so the block assigns its results, and the verb returns them after the loop.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import wraps
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar

from django.db import Error, connections, transaction

from gamification.domain.changeset import UserChangeset
from gamification.exceptions import GamificationError, StorageError
from gamification.models import write_alias
from gamification.services.database_errors import storage_error
from gamification.services.dispatch import announce_streaks
from gamification.services.turns import taking_turns
from gamification.storage import Snapshot, StateQuery, Store, Written, store_for

P = ParamSpec("P")
R = TypeVar("R")

#: How often a verb tries to write if it owns the transaction.
TRIES: Final = 12

#: The constraint that the second use of a key violates.
KEY_CONSTRAINT: Final = "gamification_ledgerentry_key"

#: SQLSTATE of serialization failures, of deadlocks, and of references to rows that
#: somebody has deleted in the meantime, as the next try finds out.
_TRY_AGAIN: Final = frozenset({"40001", "40P01", "23503"})

#: SQLSTATE of a prepared statement that the site has dropped; the next try sends it as
#: it is.
_DROPPED: Final = "26000"


class ConcurrentUpdateError(StorageError):
    """Somebody else wrote between the read and the write; it is safe to try again."""


class KeyTakenError(Exception):
    """A key was not looked up, and was used before, or may have been."""


class Attempt:
    """One attempt at a change: a context that suppresses only conflicts."""

    def __init__(
        self, store: Store, user_ids: Sequence[Any], *, is_owner: bool, locks: bool
    ) -> None:
        self.store = store
        self.is_done = False
        #: Whether the server had dropped a prepared statement.
        self.was_dropped = False
        self._user_ids = user_ids
        self._is_owner = is_owner
        self._has_newcomers = False
        self._locks = locks
        self._transaction: AbstractContextManager[None] | None = None
        if locks or not is_owner:
            # In a transaction of the caller it is a savepoint: after an error,
            # PostgreSQL would otherwise undo what the caller has written before.
            self._transaction = transaction.atomic(using=store.alias)

    def __enter__(self) -> Self:
        if self._transaction:
            alias = self.store.alias
            with wrap_database_errors(alias), taking_turns(alias):
                self._transaction.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._transaction:
            try:
                self._transaction.__exit__(kind, error, traceback)
            except Error as commit_error:
                error = commit_error
        if error is None:
            self.is_done = True
            return False
        failure = _translated(error, self.store.alias, is_owner=self._is_owner)
        self.was_dropped = _state_of(error) == _DROPPED
        # A user without a row may not exist; only a locked attempt finds out.
        is_early = self._has_newcomers and isinstance(error, GamificationError)
        if is_early or isinstance(failure, ConcurrentUpdateError):
            return True
        raise failure from _cause_of(failure, error)

    def lock(self) -> None:
        """Lock the users if this attempt is locked; verbs call it before they read."""
        if self._locks:
            if self._is_owner:
                self.store.begin()
            self.store.lock(self._user_ids)

    def read(self, query: StateQuery) -> Snapshot:
        """Lock the users if this attempt is locked; return the answer to ``query``."""
        self.lock()
        snapshot = self.store.read(query)
        if not self._locks:
            self._has_newcomers = snapshot.welcome(query)
        return snapshot

    def write(self, changesets: Sequence[UserChangeset]) -> Written:
        """Write all changesets; raise ``ConcurrentUpdateError`` for a conflict."""
        written = self.write_encoded(self.store.encode(changesets))
        announce_streaks(changesets, self.store.alias)
        return written

    def write_encoded(self, encoded: Any) -> Written:
        """Write changesets that the store has encoded; None stands for no changes."""
        if encoded is None:
            if self._has_newcomers:
                raise ConcurrentUpdateError
            return Written()
        written = self.store.write(encoded)
        if written.conflicts:
            raise ConcurrentUpdateError
        return written


def attempts(
    store: Store, user_ids: Sequence[Any] = (), *, optimistic: bool = False
) -> Iterator[Attempt]:
    """Yield attempts until one succeeds: if wanted, an optimistic one, then locked.

    Inside a transaction of the caller there is one locked attempt, or a second one if a
    prepared statement was dropped, and the caller gets the database's own errors.
    Raises ``StorageError`` if every attempt ended with a conflict.
    """
    is_owner = _owns_transaction(store.connection)
    if optimistic and store.is_optimistic:
        attempt = Attempt(store, user_ids, is_owner=is_owner, locks=False)
        yield attempt
        if attempt.is_done:
            return
    for tried in range(1, 1 + TRIES):
        attempt = Attempt(store, user_ids, is_owner=is_owner, locks=True)
        yield attempt
        if attempt.is_done:
            return
        if not (is_owner or attempt.was_dropped):
            break
        # A random wait keeps transactions that collided from colliding again.
        time.sleep(random.uniform(0, 0.002 * tried))  # noqa: S311
    raise StorageError


def owns_transaction(alias: str) -> bool:
    """Say whether the verb, not its caller, would own a transaction on ``alias``."""
    return _owns_transaction(connections[alias])


def _owns_transaction(connection: Any) -> bool:
    # Asking a closed connection for its mode would open it.
    is_open = connection.connection is not None
    autocommit = (
        connection.autocommit if is_open else connection.settings_dict["AUTOCOMMIT"]
    )
    return bool(autocommit) and not connection.in_atomic_block


@contextmanager
def write_transaction(alias: str) -> Iterator[None]:
    """Begin a transaction that may read first, and waits for other writers.

    SQLite does not wait where a transaction that has read begins to write: it fails at
    once. Therefore the first statement takes the lock for writing. On PostgreSQL, who
    has waited for a lock sees what others have committed meanwhile, whatever the site's
    isolation level.
    """
    is_owner = owns_transaction(alias)
    with ExitStack() as stack:
        with taking_turns(alias):
            stack.enter_context(transaction.atomic(using=alias))
        if alias == write_alias():
            store = store_for(alias)
            if is_owner:
                store.begin()
            store.lock(())
        yield


@contextmanager
def wrap_database_errors(alias: str) -> Iterator[None]:
    """Turn errors of the database into our own if we own the transaction."""
    is_owner = owns_transaction(alias)
    try:
        yield
    except Error as error:
        failure = _translated(error, alias, is_owner=is_owner)
        raise failure from _cause_of(failure, error)


def naming_errors(verb: Callable[P, R]) -> Callable[P, R]:
    """Make a verb raise ``StorageError`` also where it reads without an attempt."""

    @wraps(verb)
    def named(*args: P.args, **kwargs: P.kwargs) -> R:
        with wrap_database_errors(write_alias()):
            return verb(*args, **kwargs)

    return named


def _cause_of(failure: BaseException, error: BaseException) -> BaseException | None:
    """Return the cause of ``failure``, which stands for ``error`` or is the same."""
    return error.__cause__ if failure is error else error


def _state_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error of the database."""
    state: str | None = getattr(error.__cause__, "sqlstate", None)
    return state


def _translated(
    error: BaseException, alias: str, *, is_owner: bool
) -> BaseException | KeyTakenError:
    """Return our error that replaces ``error``, or ``error`` itself."""
    if not isinstance(error, Error):
        return error
    if KEY_CONSTRAINT in str(error):
        return KeyTakenError()
    state = _state_of(error)
    if state == _DROPPED:
        return ConcurrentUpdateError()
    if not is_owner:
        return error
    if state in _TRY_AGAIN:
        return ConcurrentUpdateError()
    connections[alias].close_if_unusable_or_obsolete()
    return storage_error(error)
