"""Tells what is wrong with rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gamification.exceptions import GamificationError
from gamification.management.progress_bar import Meter

#: Bad rows that are told to a terminal.
MOST: Final = 100


class Complaints:
    """Writes a line for each bad row; to a terminal, so many as can be read."""

    def __init__(self, meter: Meter, write: Callable[[str], object]) -> None:
        self._meter = meter
        self._write = write
        self._told = 0
        self._untold = 0

    def __call__(self, line: int, error: GamificationError) -> None:
        """Tell that the row in ``line`` is bad."""
        if self._meter.is_terminal and self._told == MOST:
            self._untold += 1
            return
        self._told += 1
        with self._meter.aside():
            self._write(f"line {line}: {error}")

    def close(self) -> None:
        """Tell of how many bad rows nothing was told."""
        if self._untold:
            with self._meter.aside():
                self._write(f"and {self._untold} more: 2> FILE writes all to a file")
