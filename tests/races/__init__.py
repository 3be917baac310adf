"""Tests of the promises for simultaneous writers and failing machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import count
from threading import Barrier
from typing import Any, TypeVar

import pytest
from django.db import connection

from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    Outcome,
)
from gamification.storage.postgresql.store import PostgreSQLStore
from tests.conftest import IS_POSTGRESQL
from tests.inspection import COMMITTED as COMMITTED

T = TypeVar("T")

ONLY_POSTGRESQL = pytest.mark.skipif(
    not IS_POSTGRESQL, reason="It is about what PostgreSQL does."
)

#: The seconds for which threads wait for each other before a test fails.
PATIENCE = 60


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """Do all works at the same moment, each in its own thread and connection."""
    start = Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        try:
            connection.ensure_connection()
            start.wait(PATIENCE)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
        return [future.result() for future in futures]


def elsewhere(work: Callable[[], T]) -> T:
    """Do ``work`` in another connection, which commits it independently."""
    return at_once([work])[0]


def do_before(work: Callable[[], object]) -> None:
    """Do ``work`` elsewhere, or fail if it has to wait for what this thread holds."""

    def impatient() -> object:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{PATIENCE}s'")
        return work()

    elsewhere(impatient)


def before_next_write(work: Callable[[], object]) -> AbstractContextManager[None]:
    """Do ``work`` elsewhere between the read and the write of the next change.

    The users of a batch and of a backfill are locked then.
    """
    return _before_next("write", work)


def before_next_lock(work: Callable[[], object]) -> AbstractContextManager[None]:
    """Do ``work`` elsewhere before the next change locks a user."""
    return _before_next("lock", work)


@contextmanager
def _before_next(step: str, work: Callable[[], object]) -> Iterator[None]:
    take, works = getattr(PostgreSQLStore, step), [work]

    def take_late(*args: Any) -> Any:
        if works and args[1]:
            do_before(works.pop())
        return take(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PostgreSQLStore, step, take_late)
        yield
    assert not works


def anywhere() -> bool:
    return True


def without_lock() -> bool:
    return not connection.in_atomic_block


@contextmanager
def before_statement(
    number: int, work: Callable[[], object], *, if_: Callable[[], bool] = without_lock
) -> Iterator[list[Any]]:
    """Do ``work`` elsewhere before the statement with this number.

    What is yielded is empty once the work was done.
    """
    works, numbers = [work], count(1)

    def intrude(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if if_() and next(numbers) == number:
            elsewhere(works.pop())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(intrude):
        yield works


def are_one_outcome(outcomes: Sequence[Outcome]) -> bool:
    """Say whether one of the outcomes is the first, and all others its replays."""
    first, *others = sorted(outcomes, key=lambda outcome: outcome.replayed)
    return not first.replayed and others == [replace(first, replayed=True)] * len(
        others
    )


def total_of(user: Any) -> int:
    return UserGamification.objects.get(user=user).total_xp


def keys_of(user: Any) -> list[str]:
    """Return the keys in the user's ledger, in alphabetical order."""
    entries = LedgerEntry.objects.filter(user=user, key__isnull=False)
    return sorted(entries.values_list("key", flat=True))
