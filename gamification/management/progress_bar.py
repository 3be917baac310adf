"""The progress bar of a command: the one place that knows tqdm, if installed."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self, TextIO


class ProgressBar:
    """A bar, if ``stream`` is a terminal and tqdm is installed; otherwise nothing."""

    def __init__(self, stream: TextIO, unit: str, total: int | None = None) -> None:
        self._stream = stream
        self.is_terminal = stream.isatty()
        self._bar: Any = None
        if self.is_terminal and find_spec("tqdm"):
            tqdm = import_module("tqdm").tqdm
            self._bar = tqdm(total=total, unit=unit, unit_scale=True, file=stream)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def move_to(self, position: int) -> None:
        """Show that ``position`` is reached."""
        if self._bar is not None:
            self._bar.update(position - self._bar.n)

    def paused(self) -> AbstractContextManager[object]:
        """Hide the bar while something else is written to the terminal."""
        if self._bar is None:
            return nullcontext()
        mode: AbstractContextManager[object] = self._bar.external_write_mode(
            file=self._stream
        )
        return mode
