"""Lets writers on SQLite take turns.

SQLite has one writer at a time, and those who wait ask again after pauses that grow to
a tenth of a second. A process that has waited for long then loses to newcomers, which
ask every millisecond. Here, all ask again after a short random pause, which gets
shorter.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from django.db import OperationalError, connections

#: Seconds: the longest first pause, and the wait after which pauses are half as long.
PAUSE: Final = 0.004
_HALVED_AFTER: Final = 0.02
#: Pauses get no shorter than about this.
SHORTEST: Final = 0.0003

#: The part of an error code of SQLite that says what kind it is.
_KIND: Final = 0xFF


def taking_turns(alias: str) -> AbstractContextManager[None]:
    """Return a context in which a transaction begins as soon as it may write.

    On SQLite, it waits as long as the connection's ``timeout`` says. On every other
    database nothing changes.
    """
    connection = connections[alias]
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        return nullcontext()
    return connection.execute_wrapper(_begin)


def _begin(
    execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
) -> Any:
    if not sql.startswith("BEGIN"):
        return execute(sql, params, many, context)
    database = context["connection"].connection
    [patience] = database.execute("PRAGMA busy_timeout").fetchone()
    database.execute("PRAGMA busy_timeout = 0")
    try:
        return _insist(
            lambda: execute("BEGIN IMMEDIATE", params, many, context), patience / 1_000
        )
    finally:
        database.execute(f"PRAGMA busy_timeout = {patience}")


def _insist(begin: Callable[[], Any], patience: float) -> Any:
    """Call ``begin`` until nobody else writes, for ``patience`` seconds."""
    started = time.monotonic()
    while True:
        try:
            return begin()
        except OperationalError as error:
            waited = time.monotonic() - started
            if waited >= patience or not _is_busy(error):
                raise
        longest = max(SHORTEST, PAUSE / (1 + waited / _HALVED_AFTER))
        time.sleep(random.uniform(0, longest))  # noqa: S311


def _is_busy(error: OperationalError) -> bool:
    code = getattr(error.__cause__, "sqlite_errorcode", None) or 0
    return code & _KIND == sqlite3.SQLITE_BUSY
