"""Reads a stream line by line, in memory that does not grow with its lines."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from gamification.management.importing.errors import BadRowError

#: The longest line, in bytes, with its line break.
MAX_LINE: Final = 64 * 1024


class TextLine(NamedTuple):
    """A line with its number, from 1; only the beginning of one that is too long."""

    number: int
    data: bytes
    is_too_long: bool

    @property
    def is_ended(self) -> bool:
        """Whether a line break ends it; without one the file may have been cut off."""
        return self.data.endswith(b"\n")

    @property
    def text(self) -> str:
        """The line without its line break; raises ``BadRowError``."""
        if self.is_too_long:
            raise BadRowError(f"The line is longer than {MAX_LINE:,} bytes.")
        try:
            return self.data.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise BadRowError("The line is not UTF-8.") from error


class LineReader:
    """Yields the lines of a stream, and counts the bytes that were read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.position = 0

    def __iter__(self) -> Iterator[TextLine]:
        number = 0
        while data := self._read():
            number += 1
            is_too_long = self._skip_rest(data)
            if number == 1:
                data = data.removeprefix(BOM_UTF8)
            yield TextLine(number, data, is_too_long)

    def _read(self) -> bytes:
        data = self._stream.readline(MAX_LINE)
        self.position += len(data)
        return data

    def _skip_rest(self, data: bytes) -> bool:
        """Read to the end of the line that begins with ``data``; say if more came."""
        start = self.position
        while len(data) == MAX_LINE and not data.endswith(b"\n"):
            data = self._read()
        return self.position > start
