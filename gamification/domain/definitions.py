"""The catalogue as plain values, to write as text and to compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from gamification.domain.streak_rules import DAILY

#: The format of a catalogue file.
FORMAT: Final = 1

#: The section that is one table: its items have no keys, and it is replaced as a whole.
LEVELS: Final = "levels"
#: The sections that a file may lack, such as one from before they were part of it.
OPTIONAL: Final = frozenset({LEVELS, "streaks"})

#: The kinds of items, in the order in which they are created, and their sections.
SECTIONS: Final = {
    "activity": "activities",
    "streak": "streaks",
    "achievement": "achievements",
    "level": LEVELS,
}

Value = str | int | bool | None | Mapping[str, Any] | Sequence[str | int]
#: The values of an item by field, without the key.
DefinitionValues = Mapping[str, Value]
#: Items by kind and by key; that of a level is its number.
Definitions = Mapping[str, Mapping[str, DefinitionValues]]

#: Characters that a text or a terminal hides, or that mislead the reader.
_INVISIBLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


class Effect(StrEnum):
    """The effect that applying a file has on an item."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    #: The level is beyond the end of the file's table.
    REMOVED = "removed"
    #: The item is not in the file, and stays as it is.
    ABSENT = "absent"


class FieldChange(NamedTuple):
    """The change of a field; a value is None if the item is added, or removed."""

    name: str
    before: Value
    after: Value

    @property
    def values(self) -> tuple[str, str]:
        """Both values, as a file shows them."""
        return _json(self.before), _json(self.after)

    def __str__(self) -> str:
        return f"{self.name} {' → '.join(self.values)}"


class ItemDifference(NamedTuple):
    """An item of the catalogue, and the effect of the file on it."""

    kind: str
    key: str
    effect: Effect
    #: The fields that change; all fields if the item is added or removed.
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Differences:
    """The effect of a file on each item: activities first, then by key."""

    items: tuple[ItemDifference, ...]
    #: Once the file is applied: the job that gives users new levels, if one is needed.
    job_id: int | None = None

    @property
    def edits(self) -> tuple[ItemDifference, ...]:
        """The items that are added, changed or removed, in that order."""
        return tuple(item for item in self.items if item.fields)

    @property
    def is_empty(self) -> bool:
        """Whether the file and the catalogue are equal."""
        return len(self.having(Effect.UNCHANGED)) == len(self.items)

    @property
    def tag(self) -> str:
        """A digest of the edits, to check whether they are still the same."""
        text = json.dumps(self.edits)
        return blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def changes_levels(self) -> bool:
        """Whether the file changes the table of levels."""
        return any(item.kind == "level" for item in self.edits)

    def having(self, effect: Effect) -> tuple[ItemDifference, ...]:
        """Return the items with this effect."""
        return tuple(item for item in self.items if item.effect is effect)

    def lines(self) -> Iterator[str]:
        """Yield the differences as readable text, one line for each changed field."""
        for kind, key, effect, fields in self.items:
            name = _escaped(f"{kind} {key}")
            if effect is Effect.ADDED:
                yield f"+ {name}"
            elif effect is Effect.REMOVED:
                yield f"- {name}"
            elif effect is Effect.ABSENT:
                yield f"? {name}: absent"
            else:
                yield from (f"~ {name}: {change}" for change in fields)
        yield f"= {len(self.having(Effect.UNCHANGED))} unchanged"


def compare(stored: Definitions, given: Definitions) -> Differences:
    """Return the changes that bring everything in ``given`` into ``stored``.

    Levels that are ``given`` replace all others; without any, all stay as they are.
    """
    return Differences(
        tuple(
            _difference(kind, key, stored[kind].get(key), given[kind].get(key))
            for kind in SECTIONS
            if kind != "level" or given[kind]
            for key in _in_order(_keys(kind, stored[kind], given[kind]), kind)
        )
    )


def _keys(kind: str, stored: Iterable[str], given: Iterable[str]) -> set[str]:
    """Return the keys to compare; every site has the daily streak, given or not."""
    known = {*stored} - {DAILY} if kind == "streak" else {*stored}
    return known | {*given}


def _in_order(keys: Iterable[str], kind: str) -> list[str]:
    # The keys of levels are numbers.
    return sorted(keys, key=lambda key: (len(key) if kind == "level" else 0, key))


def _difference(
    kind: str, key: str, before: DefinitionValues | None, after: DefinitionValues | None
) -> ItemDifference:
    if after is None and kind == "level" and before:
        fields = tuple(FieldChange(name, before[name], None) for name in before)
        return ItemDifference(kind, key, Effect.REMOVED, fields)
    if after is None:
        return ItemDifference(kind, key, Effect.ABSENT)
    if before is None:
        fields = tuple(FieldChange(name, None, after[name]) for name in after)
        return ItemDifference(kind, key, Effect.ADDED, fields)
    fields = tuple(
        FieldChange(name, before[name], after[name])
        for name in after
        if before[name] != after[name]
    )
    effect = Effect.CHANGED if fields else Effect.UNCHANGED
    return ItemDifference(kind, key, effect, fields)


def render(definitions: Definitions) -> str:
    """Return ``definitions`` as JSON: equal definitions have equal texts.

    Where there are no levels or no streaks, there is no such section.
    """
    document: dict[str, object] = {"format": FORMAT}
    for kind, section in SECTIONS.items():
        items = definitions[kind]
        if section in OPTIONAL and not items:
            continue
        document[section] = [
            {"key": key, **items[key]} if section != LEVELS else items[key]
            for key in _in_order(items, kind)
        ]
    return f"{_json(document, indent=2)}\n"


def _json(value: object, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "\n".join(map(_escaped, text.split("\n")))


def _escaped(text: str) -> str:
    """Return ``text`` with invisible characters escaped, as in JSON."""
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
