"""Errors of rows, and how they are reported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gamification.exceptions import GamificationError, InvalidRequestError
from gamification.management.progress_bar import ProgressBar

#: The most errors that are written to a terminal.
MAX_SHOWN: Final = 100


class BadRowError(InvalidRequestError):
    """The row cannot be used."""

    code = "bad_row"


class BadHeaderError(InvalidRequestError):
    """The header cannot be used."""

    code = "bad_header"


class ErrorReporter:
    """Writes a line for each bad row, and only the first ones to a terminal."""

    def __init__(self, progress: ProgressBar, write: Callable[[str], object]) -> None:
        self._progress = progress
        self._write = write
        self._shown = 0
        self._hidden = 0

    def report(self, line: int, error: GamificationError) -> None:
        """Write what is wrong with the row in ``line``."""
        if self._progress.is_terminal and self._shown == MAX_SHOWN:
            self._hidden += 1
            return
        self._shown += 1
        with self._progress.paused():
            self._write(f"line {line}: {error}")

    def close(self) -> None:
        """Write how many errors were left out."""
        if self._hidden:
            with self._progress.paused():
                self._write(f"{self._hidden} more errors: redirect them with 2> FILE")


def quoted(text: str, longest: int = 60) -> str:
    """Return ``text`` in quotes, escaped and shortened, for a terminal to show."""
    return repr(text if len(text) <= longest else f"{text[:longest]}…")
