"""Who waits on SQLite asks again soon, and sooner the longer it has waited."""

from __future__ import annotations

import sqlite3
from itertools import accumulate, chain, repeat

import pytest
from django.db import OperationalError, connection, connections, transaction

from gamification.exceptions import StorageError
from gamification.models import LedgerEntry
from gamification.services import record_activity, turns
from gamification.services.unit_of_work import write_transaction
from tests.conftest import IS_POSTGRESQL
from tests.inspection import COMMITTED

on_sqlite = pytest.mark.skipif(IS_POSTGRESQL, reason="It is about SQLite.")


def error_of(code):
    cause = sqlite3.OperationalError("no")
    cause.sqlite_errorcode = code
    error = OperationalError("no")
    error.__cause__ = cause
    return error


@pytest.fixture
def pauses(monkeypatch):
    """Let time pass between tries; return the longest pause before each of them."""
    made = []
    moments = chain([0.0, 0.1], accumulate(repeat(1.0)))
    monkeypatch.setattr(turns.time, "monotonic", lambda: next(moments))
    monkeypatch.setattr(turns.time, "sleep", made.append)
    monkeypatch.setattr(turns.random, "uniform", lambda low, high: high)
    return made


def failing(times, code=sqlite3.SQLITE_BUSY):
    errors = [error_of(code)] * times

    def begin():
        if errors:
            raise errors.pop()
        return "begun"

    return begin


def test_it_asks_again_until_nobody_else_writes(pauses):
    assert turns._insist(failing(3), 30) == "begun"

    assert len(pauses) == 3
    assert turns.PAUSE > pauses[0] > pauses[1] == pauses[2] == turns.SHORTEST


def test_it_gives_up_after_the_timeout(pauses):
    with pytest.raises(OperationalError):
        turns._insist(failing(9), 4)

    assert len(pauses) == 4


def test_other_errors_are_no_reason_to_wait(pauses):
    with pytest.raises(OperationalError):
        turns._insist(failing(1, sqlite3.SQLITE_CORRUPT), 30)

    assert pauses == []


@pytest.fixture
def other():
    """Another connection to the file, which has the lock."""
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield other
    other.close()


@pytest.fixture
def ends_after(other, monkeypatch):
    """Let the other writer end after this many pauses."""

    def end_after(times):
        left = [None] * times

        def sleep(pause):
            left.pop()
            if not left:
                other.execute("ROLLBACK")

        monkeypatch.setattr(turns.time, "sleep", sleep)

    return end_after


@on_sqlite
@COMMITTED
@pytest.mark.parametrize("mode", [None, "IMMEDIATE"])
@pytest.mark.usefixtures("activity")
def test_a_record_waits_for_another_writer(user, ends_after, monkeypatch, mode):
    connection.ensure_connection()
    monkeypatch.setattr(connections["default"], "transaction_mode", mode)
    ends_after(3)

    record_activity(user, "walk")

    assert LedgerEntry.objects.filter(kind="activity").count() == 1
    [timeout] = connection.connection.execute("PRAGMA busy_timeout").fetchone()
    assert timeout == 30_000


@on_sqlite
@COMMITTED
@pytest.mark.usefixtures("activity")
def test_a_record_gives_up_after_the_timeout_of_the_connection(user, other):
    connection.connection.execute("PRAGMA busy_timeout = 1")

    with pytest.raises(StorageError):
        record_activity(user, "walk")

    connection.close()


@on_sqlite
@COMMITTED
def test_a_transaction_of_staff_waits_too(ends_after):
    ends_after(2)

    with write_transaction("default"):
        assert connection.in_atomic_block


@pytest.mark.django_db
def test_within_a_transaction_nothing_changes():
    with transaction.atomic(), turns.taking_turns("default"):
        assert connection.execute_wrappers[1:] == []
