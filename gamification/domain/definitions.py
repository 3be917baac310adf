"""The catalogue as plain values: as a text for review, and compared with another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Final, NamedTuple

#: What a file of definitions says it is.
FORMAT: Final = 1

#: Kinds of item, in the order in which they are made, with their names in a file.
SECTIONS: Final = {"activity": "activities", "achievement": "achievements"}

Value = str | int | bool | None
#: The values of an item by field, in the order of its fields, without the key.
DefinitionValues = Mapping[str, Value]
#: Items by kind and by key.
Definitions = Mapping[str, Mapping[str, DefinitionValues]]

#: What a reader of a text or of a terminal would not see, or be misled by.
_INVISIBLE: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)


class Effect(StrEnum):
    """What applying definitions does to an item."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    #: The definitions do not have it; it stays as it is.
    ABSENT = "absent"


class FieldChange(NamedTuple):
    """A field of an item; before is None where the item is added."""

    name: str
    before: Value
    after: Value

    @property
    def values(self) -> tuple[str, str]:
        """Before and after, as in a file."""
        return _json(self.before), _json(self.after)

    def __str__(self) -> str:
        return f"{self.name} {' → '.join(self.values)}"


class ItemDifference(NamedTuple):
    """An activity or an achievement, and what applying does to it."""

    kind: str
    key: str
    effect: Effect
    #: Fields that change; all of them where the item is added.
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Differences:
    """What applying definitions does, item by item: activities first, by key."""

    items: tuple[ItemDifference, ...]

    @property
    def edits(self) -> tuple[ItemDifference, ...]:
        """What applying adds or changes, in the order in which it does."""
        return tuple(item for item in self.items if item.fields)

    @property
    def is_empty(self) -> bool:
        """Whether definitions and catalogue say the same."""
        return len(self.having(Effect.UNCHANGED)) == len(self.items)

    @property
    def tag(self) -> str:
        """A digest of the edits, to tell whether they are still the same."""
        text = json.dumps(self.edits)
        return blake2b(text.encode(), digest_size=16).hexdigest()

    def having(self, effect: Effect) -> tuple[ItemDifference, ...]:
        """Return the items on which applying has this effect."""
        return tuple(item for item in self.items if item.effect is effect)

    def lines(self) -> Iterator[str]:
        """Yield the differences for a reader: one line for each field that changes."""
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
    """Return what has to happen to ``stored`` for all of ``given`` to be in it."""
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
    """Return ``definitions`` as JSON that is the same text whenever they are."""
    document: dict[str, object] = {"format": FORMAT}
    for kind, section in SECTIONS.items():
        items = sorted(definitions[kind].items())
        document[section] = [{"key": key, **item} for key, item in items]
    return f"{_json(document, indent=2)}\n"


def _json(value: object, indent: int | None = None) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return "\n".join(map(_escaped, text.split("\n")))


def _escaped(text: str) -> str:
    """Return ``text`` with what cannot be seen in it written out, as in JSON."""
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
