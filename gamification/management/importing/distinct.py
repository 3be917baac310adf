"""Counts more different values than memory should hold."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Self


class DistinctCounter:
    """Counts different texts, which it keeps in a temporary file."""

    def __enter__(self) -> Self:
        # A database without a name is a file that goes with the connection, and
        # exists only once the values no longer fit into a small cache.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("CREATE TABLE seen (text PRIMARY KEY) WITHOUT ROWID")
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._database.close()

    def add(self, texts: Iterable[str]) -> None:
        """Count those of the texts that were not counted before."""
        rows = ((text,) for text in texts)
        self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?)", rows)

    @property
    def count(self) -> int:
        """How many different texts there were."""
        [(count,)] = self._database.execute("SELECT count(*) FROM seen")
        return int(count)
