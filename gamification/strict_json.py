"""Reads JSON strictly, so that it has only one meaning.

Python's own reader keeps the last value if an object uses a name twice, and accepts
NaN, Infinity and numbers that no other reader accepts. Here, all of these are errors.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, Final, Never

#: The most digits of a whole number.
MAX_DIGITS: Final = 100
#: The longest name that a place shows, and the most places that an error has.
MAX_NAME: Final = 255
MAX_PLACES: Final = 100


class InvalidJSONError(ValueError):
    """The text is not JSON, or has more than one meaning."""

    def __init__(self, reason: str, *places: str) -> None:
        super().__init__(f"{reason}: {', '.join(places)}" if places else reason)
        #: The mistake, such as "Expecting value".
        self.reason = reason
        #: Its places, such as "line 3, column 7" or "items[2].name", if known.
        self.places = places


class _RepeatingObject(dict[str, Any]):
    """An object in which names are used twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        counts = Counter(name for name, _value in pairs)
        self.repeated = [name for name, count in counts.items() if count > 1]


def parse_json(data: str | bytes) -> Any:
    """Return the value of a JSON text, which is UTF-8 without a byte order mark.

    Raises ``InvalidJSONError``, with every place where a name is used twice.
    """
    text, repeating = _decode(data), list[_RepeatingObject]()
    try:
        value = json.loads(
            text,
            object_pairs_hook=partial(_object, repeating),
            parse_int=_whole,
            parse_float=_decimal,
            parse_constant=_constant,
        )
        if repeating:
            places = islice(_repeated_names(value, ""), MAX_PLACES)
            raise InvalidJSONError("The name is used twice", *places)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InvalidJSONError(error.msg, place) from error
    except RecursionError as error:
        raise InvalidJSONError("It is nested too deeply") from error
    return value


def place_in(place: str, name: str) -> str:
    """Return the place of a member of the object at ``place``."""
    # A name may be anything, and people read it.
    shown = name if name.isascii() and name.isidentifier() else json.dumps(name)
    shown = shown if len(shown) <= MAX_NAME else f"{shown[:MAX_NAME]}…"
    return f"{place}.{shown}" if place else shown


def _decode(data: str | bytes) -> str:
    try:
        text = (data.encode() if isinstance(data, str) else data).decode()
    except UnicodeError as error:
        raise InvalidJSONError("It is not UTF-8") from error
    if text.startswith("\ufeff"):
        raise InvalidJSONError("It begins with a byte order mark")
    return text


def _object(
    repeating: list[_RepeatingObject], pairs: list[tuple[str, Any]]
) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) == len(pairs):
        return values
    repeating.append(_RepeatingObject(pairs))
    return repeating[-1]


def _repeated_names(value: object, place: str) -> Iterator[str]:
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _repeated_names(inner, f"{place}[{index}]")
    elif isinstance(value, dict):
        for name in getattr(value, "repeated", ()):
            yield place_in(place, name)
        for name, inner in value.items():
            yield from _repeated_names(inner, place_in(place, name))


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise InvalidJSONError(f"{digits[:20]}… has more than {MAX_DIGITS} digits")
    return int(digits)


def _decimal(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise InvalidJSONError(f"{text[:20]} is too large a number")
    return number


def _constant(name: str) -> Never:
    raise InvalidJSONError(f"{name} is not a number in JSON")
