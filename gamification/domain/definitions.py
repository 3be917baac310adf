"""The catalogue as plain values, to write as text and to compare."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple

#: The format of a catalogue file.
FORMAT: Final = 1

#: The kinds of items, in the order in which they are created, and their sections.
SECTIONS: Final = {"activity": "activities", "achievement": "achievements"}

Value = str | int | bool | None
#: The values of an item by field, without the key.
DefinitionValues = Mapping[str, Value]
#: Items by kind and by key.
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
    #: The item is not in the file, and stays as it is.
    ABSENT = "absent"


class FieldChange(NamedTuple):
    """The change of a field; ``before`` is None if the item is added."""

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
    """An activity or an achievement, and the effect of the file on it."""

    kind: str
    key: str
    effect: Effect
    #: The fields that change; all fields if the item is added.
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Differences:
    """The effect of a file on each item: activities first, then by key."""

    items: tuple[ItemDifference, ...]

    @property
    def edits(self) -> tuple[ItemDifference, ...]:
        """The items that are added or changed, in that order."""
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

    def having(self, effect: Effect) -> tuple[ItemDifference, ...]:
        """Return the items with this effect."""
        return tuple(item for item in self.items if item.effect is effect)

    def lines(self) -> Iterator[str]:
        """Yield the differences as readable text, one line for each changed field."""
        for kind, key, effect, fields in self.items:
            name = _escaped(f"{kind} {key}")
            if effect is Effect.ADDED:
                yield f"+ {name}"
            elif effect is Effect.ABSENT:
                yield f"? {name}: absent"
            else:
                yield from (f"~ {name}: {change}" for change in fields)
        yield f"= {len(self.having(Effect.UNCHANGED))} unchanged"


def compare(stored: Definitions, given: Definitions) -> Differences:
    """Return the changes that bring everything in ``given`` into ``stored``."""
    return Differences(
        tuple(
            _difference(kind, key, stored[kind].get(key), given[kind].get(key))
            for kind in SECTIONS
            for key in sorted(stored[kind].keys() | given[kind].keys())
        )
    )


def _difference(
    kind: str, key: str, before: DefinitionValues | None, after: DefinitionValues | None
) -> ItemDifference:
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
    """Return ``definitions`` as JSON: equal definitions have equal texts."""
    document: dict[str, object] = {"format": FORMAT}
    for kind, section in SECTIONS.items():
        items = sorted(definitions[kind].items())
        document[section] = [{"key": key, **item} for key, item in items]
    return f"{_json(document, indent=2)}\n"


def _json(value: object, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "\n".join(map(_escaped, text.split("\n")))


def _escaped(text: str) -> str:
    """Return ``text`` with invisible characters escaped, as in JSON."""
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
