"""Tables of levels as text, one level to a line, as staff write and paste them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.utils.translation import gettext as _

from gamification.exceptions import InvalidDefinitionsError
from gamification.staff import LevelRule, read_levels

#: The separator of the columns; spreadsheets paste tabs.
_BETWEEN: Final = re.compile(r"\s*[|\t]\s*")
_XP: Final = re.compile(r"[0-9]{1,16}", re.ASCII)
_PLACE: Final = re.compile(r"levels\[([0-9]+)\]\.?(\w*)")


class InvalidTableError(ValueError):
    """The text is no table of levels; ``messages`` say why."""

    def __init__(self, messages: Iterable[str]) -> None:
        super().__init__()
        self.messages = [*messages]


def format_table(levels: Iterable[LevelRule]) -> str:
    """Return the levels as text, which ``parse_table`` reads."""
    return "\n".join(map(_line, levels))


def _line(level: LevelRule) -> str:
    translations = [f"{code}: {name}" for code, name in level.translations.items()]
    columns = [str(level.threshold), level.name, level.icon, *translations]
    while not columns[-1]:
        columns.pop()
    return " | ".join(columns)


def parse_table(text: str) -> tuple[LevelRule, ...]:
    """Return the levels that ``text`` describes; empty lines do not count.

    Raises ``InvalidTableError`` with a message for each mistake.
    """
    lines = [
        (number, line.strip())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip()
    ]
    if problems := [*_unreadable(lines)]:
        raise InvalidTableError(problems)
    try:
        return read_levels([_item(line) for _number, line in lines])
    except InvalidDefinitionsError as error:
        numbers = [number for number, _line in lines]
        raise InvalidTableError(
            _in_words(place, message, numbers) for place, message in error.errors
        ) from error


def _unreadable(lines: Iterable[tuple[int, str]]) -> Iterator[str]:
    for number, line in lines:
        xp, *rest = _BETWEEN.split(line)
        if not _XP.fullmatch(xp):
            message = _("Line %(line)s: begin with the XP, a whole number.")
            yield message % {"line": number}
        if any(":" not in column for column in rest[2:] if column):
            message = _(
                "Line %(line)s: write translations as “de: Name”, after the icon."
            )
            yield message % {"line": number}


def _item(line: str) -> dict[str, Any]:
    xp, *rest = _BETWEEN.split(line)
    name, icon, *translations = [*rest, "", ""]
    pairs = [column.partition(":") for column in translations if column]
    return {
        "threshold": int(xp),
        "name": name,
        "icon": icon,
        "translations": {code.strip(): text.strip() for code, _, text in pairs},
    }


def _in_words(place: str, message: str, numbers: list[int]) -> str:
    found = _PLACE.match(place)
    if not found:
        return message
    values = {"line": numbers[int(found[1])], "message": message}
    return _("Line %(line)s: %(message)s") % values
