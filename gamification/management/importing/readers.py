"""Reads rows of CSV or JSON Lines from a stream.

Each line is one row, so that a quote that is never closed, or a line of any length,
spoils no other row. A file that begins with ``{`` is JSON Lines; any other file is CSV
and begins with a header. Columns and fields with other names are ignored.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from typing import Any, BinaryIO, Final, Generic, Self, TypeVar

from gamification.exceptions import GamificationError, InvalidRequestError
from gamification.management.importing.attributes import PREFIX, parse_attributes
from gamification.management.importing.errors import (
    BadHeaderError,
    BadRowError,
    quoted,
)
from gamification.management.importing.stream import LineReader, TextLine
from gamification.staff import check_quantity, check_text
from gamification.strict_json import InvalidJSONError, parse_json
from gamification.suggestions import did_you_mean

Row = TypeVar("Row")

REQUIRED: Final = ("user", "activity", "occurred_at")
OPTIONAL: Final = ("quantity", "key", "source", "attributes")

#: Texts that end with a complete offset.
_COMPLETE_INSTANT: Final = re.compile(r".+(Z|[+-]\d\d:?\d\d)", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row of the file: a user, what they did, when, and how much of it."""

    user: str
    activity: str
    #: In UTC.
    occurred_at: datetime
    quantity: int = 1
    key: str | None = None
    source: str = ""
    attributes: Mapping[str, Any] | None = None
    #: The cells of attributes that have columns of their own.
    cells: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the row with these values; raise ``InvalidRequestError``."""
        user, activity, occurred_at = (required_text(values, name) for name in REQUIRED)
        quantity = values.get("quantity")
        attributes = parse_attributes(values.get("attributes"))
        cells = values.get(PREFIX) or {}
        if twice := sorted((attributes or {}).keys() & cells.keys()):
            raise BadRowError(f"The attribute {quoted(twice[0])} is given twice.")
        return cls(
            user,
            activity,
            _instant(occurred_at),
            1 if quantity is None else check_quantity(quantity),
            text_of(values, "key"),
            text_of(values, "source") or "",
            attributes,
            cells,
        )


#: The number of a line with its row, or with the error that it has.
NumberedRow = tuple[int, ImportRow | GamificationError]

#: Returns the values of a line by name; None for a cell that is empty.
LineParser = Callable[[TextLine], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Columns(Generic[Row]):
    """The columns of a file, and how the values of a line become a row."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    #: Columns that CSV has as digits.
    numbers: tuple[str, ...]
    parse: Callable[[Mapping[str, Any]], Row]
    #: How the names of further columns of CSV begin; the row has their cells under
    #: this name.
    prefix: str | None = None

    @property
    def known(self) -> tuple[str, ...]:
        return self.required + self.optional

    def prefixed(self, names: Iterable[str]) -> dict[str, str]:
        """Return the further columns, each with its name without the prefix."""
        prefix = self.prefix
        if prefix is None:
            return {}
        return {n: n.removeprefix(prefix) for n in names if n.startswith(prefix)}


#: The columns of a history.
HISTORY: Final = Columns(REQUIRED, OPTIONAL, ("quantity",), ImportRow.parse, PREFIX)


class RowReader(Generic[Row]):
    """Yields the rows of a file; raises ``BadHeaderError`` before the first."""

    def __init__(self, stream: BinaryIO, columns: Columns[Row]) -> None:
        self._columns = columns
        self._source = LineReader(stream)
        self._lines: Iterator[TextLine] = (
            line for line in self._source if line.is_too_long or line.data.strip()
        )
        #: Columns of the header that are ignored.
        self.ignored: list[str] = []
        self._parse: LineParser = parse_object
        first = next(self._lines, None)
        if first and first.data.lstrip().startswith(b"{"):
            self._lines = chain([first], self._lines)
        elif first:
            self._parse = parser = CsvParser(first, columns)
            self.ignored = parser.ignored

    @property
    def position(self) -> int:
        """The number of bytes that were read."""
        return self._source.position

    def __iter__(self) -> Iterator[tuple[int, Row | GamificationError]]:
        for line in self._lines:
            try:
                yield line.number, self._columns.parse(self._parse(line))
            except InvalidRequestError as error:
                yield line.number, error


class CsvParser:
    """Gives the cells of a line the names in the header."""

    def __init__(self, header: TextLine, columns: Columns[Any]) -> None:
        self._columns = columns
        try:
            self._names = _cells(header)
        except BadRowError as error:
            raise BadHeaderError(f"The header cannot be read: {error}") from error
        self._prefixed = columns.prefixed(self._names)
        self._check_names()
        self.ignored = sorted({*self._names} - {*columns.known} - self._prefixed.keys())

    def __call__(self, line: TextLine) -> dict[str, Any]:
        cells = _cells(line)
        if len(cells) != len(self._names):
            expected = f"Expected {len(self._names)} cells, as in the header"
            raise BadRowError(f"{expected}, but found {len(cells)}.")
        if not line.is_ended and not self._is_complete(cells[-1]):
            message = "The last line has no line break, so it may have been cut off."
            raise BadRowError(message)
        values: dict[str, Any]
        values = dict(zip(self._names, (cell or None for cell in cells), strict=True))
        if self._prefixed:
            known = ((short, values[n]) for n, short in self._prefixed.items())
            values[str(self._columns.prefix)] = {n: cell for n, cell in known if cell}
        numbers = {name: values.get(name) or "" for name in self._columns.numbers}
        return values | {
            name: int(digits)
            for name, digits in numbers.items()
            if _DIGITS.fullmatch(digits)
        }

    def _check_names(self) -> None:
        for name in (*self._columns.known, *self._prefixed):
            if self._names.count(name) > 1:
                raise BadHeaderError(f"The header has the column {name!r} twice.")
            if name in self._columns.required and name not in self._names:
                found = quoted(",".join(self._names), 200)
                raise BadHeaderError(f"The header has no column {name!r}: {found}.")

    def _is_complete(self, last: str) -> bool:
        """Say whether nothing can be missing from the end of a line's last cell."""
        name = self._names[-1]
        if name == "occurred_at":
            return _COMPLETE_INSTANT.fullmatch(last) is not None
        return name in self.ignored


def ignored_columns(names: list[str], known: tuple[str, ...]) -> str:
    """Return a message about columns that are ignored, some perhaps misspelt."""
    hints = (f"{quoted(name)}.{did_you_mean(name, known)}" for name in names)
    return f"Ignored columns: {' '.join(hints)}"


def parse_object(line: TextLine) -> dict[str, Any]:
    """Return the fields of a JSON object; raise ``BadRowError``."""
    try:
        values = parse_json(line.text)
    except InvalidJSONError as error:
        places = ", ".join(error.places).removeprefix("line 1, ")
        reason = f"{error.reason} at {places}" if places else error.reason
        raise BadRowError(f"The line cannot be read as JSON. {reason}.") from error
    if not isinstance(values, dict):
        raise BadRowError("The line is not a JSON object.")
    return values


def _cells(line: TextLine) -> list[str]:
    try:
        return next(csv.reader([line.text], strict=True))
    except csv.Error as error:
        raise BadRowError(f"The line is not CSV: {error}.") from error


def text_of(values: Mapping[str, Any], name: str) -> str | None:
    """Return a value, which is None or a text; raise ``InvalidRequestError``."""
    value = values.get(name)
    return None if value is None else check_text(name, value)


def required_text(values: Mapping[str, Any], name: str) -> str:
    """Return a text that is not empty; raise ``InvalidRequestError``."""
    text = text_of(values, name)
    if not text:
        raise BadRowError(f"The {name} is missing.")
    return text


def _instant(text: str) -> datetime:
    """Return an aware ISO 8601 instant in UTC; raise ``BadRowError``."""
    try:
        instant = datetime.fromisoformat(text)
        if instant.utcoffset() is None:
            raise BadRowError(f"occurred_at has no UTC offset: {quoted(text)}.")
        return instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = f"occurred_at is not an ISO 8601 date and time: {quoted(text)}."
        raise BadRowError(message) from error
