"""Comparisons of attributes as lines of text, for a form without scripts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

_PARTS: Final = 3
_YES: Final = frozenset({"yes", "true"})
_NO: Final = frozenset({"no", "false"})


def write_where(where: Iterable[Sequence[Any]]) -> str:
    """Return comparisons as lines, such as “genre in fantasy, horror”."""
    return "\n".join(
        f"{attribute} {operator} {_text(value)}" for attribute, operator, value in where
    )


def read_where(text: str, declared: Iterable[Mapping[str, str]]) -> list[list[Any]]:
    """Return the comparisons in the lines of ``text``.

    ``declared`` has the types of attributes, by key, of each activity. Raises
    ``ValueError`` with a message for people; whether the values fit is for others.
    """
    types = {key: kind for each in declared for key, kind in each.items()}
    return [_line(line, types) for line in text.splitlines() if line.strip()]


def _line(line: str, types: Mapping[str, str]) -> list[Any]:
    parts = line.split(None, _PARTS - 1)
    if len(parts) < _PARTS:
        message = _("“%(line)s” is not an attribute, an operator and a value.")
        raise ValueError(message % {"line": line.strip()})
    attribute, operator, text = parts
    kind = types.get(attribute, "")
    if operator == "in":
        values = [each.strip() for each in text.split(",") if each.strip()]
        return [attribute, operator, [_value(each, kind) for each in values]]
    return [attribute, operator, _value(text.strip(), kind)]


def _value(text: str, kind: str) -> Any:
    """Return a value of the attribute's type, or the text if it has no such value."""
    if kind == "boolean" and text.lower() in _YES | _NO:
        return text.lower() in _YES
    if kind == "integer" and text.removeprefix("-").isdecimal():
        return int(text)
    return text


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
