"""Counts more values than memory should hold."""

from __future__ import annotations

import sqlite3
from typing import Self


class DiskCounter:
    """Counts how often each text was added, in a temporary file."""

    def __enter__(self) -> Self:
        # SQLite keeps a database without a name in a small cache, spills it to a
        # temporary file when it grows, and deletes that with the connection.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(
            "CREATE TABLE counts (text PRIMARY KEY, count INTEGER) WITHOUT ROWID"
        )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._database.close()

    def add(self, text: str) -> int:
        """Count ``text``; return how often it has been added by now."""
        self._database.execute(
            "INSERT INTO counts VALUES (?, 1) "
            "ON CONFLICT (text) DO UPDATE SET count = count + 1",
            [text],
        )
        found = self._database.execute(
            "SELECT count FROM counts WHERE text = ?", [text]
        )
        return int(found.fetchone()[0])

    @property
    def distinct(self) -> int:
        """How many different texts were added."""
        [(count,)] = self._database.execute("SELECT count(*) FROM counts")
        return int(count)
