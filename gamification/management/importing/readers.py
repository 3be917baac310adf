"""Reads rows of CSV or JSON Lines from a stream.

Each line is one row, so that a quote which is never closed, or a line of any length,
spoils that row alone. A file that begins with ``{`` is JSON Lines; any other is CSV and
begins with a header. Columns and fields that have no meaning here are ignored.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, BinaryIO, Final, Never, Self

from gamification.exceptions import GamificationError, InvalidRequestError
from gamification.management.importing.stream import BadRowError, Line, LineReader
from gamification.staff import (
    check_quantity,
    check_text,
)

REQUIRED: Final = ("user", "activity", "occurred_at")
OPTIONAL: Final = ("quantity", "key", "source")

#: Texts that can be the whole of an instant: nothing of the offset is cut off.
_WHOLE_INSTANT: Final = re.compile(r".+(Z|[+-]\d\d:?\d\d)", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


class BadHeaderError(InvalidRequestError):
    """The header cannot be used."""

    code = "bad_header"


@dataclass(frozen=True, slots=True)
class Row:
    """Who did what, when, how much of it, as the file has it."""

    user: str
    activity: str
    #: In UTC.
    occurred_at: datetime
    quantity: int = 1
    key: str | None = None
    source: str = ""

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the row that ``values`` make; raise ``InvalidRequestError``."""
        user, activity, occurred_at = (_required(values, name) for name in REQUIRED)
        quantity = values.get("quantity")
        return cls(
            user,
            activity,
            _instant(occurred_at),
            1 if quantity is None else check_quantity(quantity),
            _text(values, "key"),
            _text(values, "source") or "",
        )


#: The number of a line with its row, or with what is wrong with it.
NumberedRow = tuple[int, Row | GamificationError]

#: Returns the values of a line by name, None for those that are empty.
Parser = Callable[[Line], Mapping[str, Any]]


class RowReader:
    """The rows of a file; raises ``BadHeaderError`` before the first is read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._source = LineReader(stream)
        self._lines: Iterator[Line] = (
            line for line in self._source if line.is_too_long or line.data.strip()
        )
        #: Columns of the header that have no meaning here.
        self.ignored: list[str] = []
        self._parse: Parser = parse_json
        first = next(self._lines, None)
        if first and first.data.lstrip().startswith(b"{"):
            self._lines = chain([first], self._lines)
        elif first:
            self._parse = table = CsvParser(first)
            self.ignored = table.ignored

    @property
    def position(self) -> int:
        """The number of bytes that were read."""
        return self._source.position

    def __iter__(self) -> Iterator[NumberedRow]:
        for line in self._lines:
            try:
                yield line.number, Row.parse(self._parse(line))
            except InvalidRequestError as error:
                yield line.number, error


class CsvParser:
    """Gives the cells of a line the names of the header."""

    def __init__(self, header: Line) -> None:
        try:
            self._names = _cells(header)
        except BadRowError as error:
            raise BadHeaderError(f"The header cannot be read: {error}") from error
        self._check_names()
        self.ignored = sorted({*self._names} - {*REQUIRED, *OPTIONAL})

    def __call__(self, line: Line) -> dict[str, Any]:
        cells = _cells(line)
        if len(cells) != len(self._names):
            expected = f"the header has {len(self._names)} columns"
            raise BadRowError(f"The line has {len(cells)} cells, {expected}.")
        if not line.is_ended and not self._is_whole(cells[-1]):
            message = "The file ends in this line, which may be cut: no line break."
            raise BadRowError(message)
        values = dict(zip(self._names, (cell or None for cell in cells), strict=True))
        if (quantity := values.get("quantity")) and _DIGITS.fullmatch(quantity):
            return values | {"quantity": int(quantity)}
        return values

    def _check_names(self) -> None:
        for name in REQUIRED + OPTIONAL:
            if self._names.count(name) > 1:
                raise BadHeaderError(f"The header has the column {name!r} twice.")
            if name in REQUIRED and name not in self._names:
                found = shown(",".join(self._names), 200)
                raise BadHeaderError(f"The header has no column {name!r}: {found}.")

    def _is_whole(self, last: str) -> bool:
        """Say whether nothing can be missing at the end of a line's last cell."""
        name = self._names[-1]
        if name == "occurred_at":
            return _WHOLE_INSTANT.fullmatch(last) is not None
        return name in self.ignored


def _cells(line: Line) -> list[str]:
    try:
        return next(csv.reader([line.text], strict=True))
    except csv.Error as error:
        raise BadRowError(f"The line is not CSV: {error}.") from error


def parse_json(line: Line) -> dict[str, Any]:
    """Return the fields of a JSON object; raise ``BadRowError``."""
    try:
        values = _JSON.decode(line.text)
    except json.JSONDecodeError as error:
        where = f"{error.msg} at column {error.colno}"
        raise BadRowError(f"The line is not JSON: {where}.") from error
    except (ValueError, RecursionError) as error:
        raise BadRowError("The line is nested or numbered beyond measure.") from error
    if not isinstance(values, dict):
        raise BadRowError("The line is not a JSON object.")
    return values


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise BadRowError("The line has a field twice.")
    return values


def _constant(name: str) -> Never:
    raise BadRowError(f"The line is not JSON: {name} is no number.")


_JSON: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    return None if value is None else check_text(name, value)


def _required(values: Mapping[str, Any], name: str) -> str:
    text = _text(values, name)
    if not text:
        raise BadRowError(f"The {name} is missing.")
    return text


def _instant(text: str) -> datetime:
    """Return an aware ISO 8601 instant in UTC; raise ``BadRowError``."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.utcoffset() is None:
            raise BadRowError(f"occurred_at has no UTC offset: {shown(text)}.")
        return instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"occurred_at is not an ISO 8601 instant: {shown(text)}."
        raise BadRowError(message) from error


def shown(text: str, longest: int = 60) -> str:
    """Return ``text`` so that a terminal can show it: in quotes, escaped, not long."""
    return repr(text if len(text) <= longest else f"{text[:longest]}…")
