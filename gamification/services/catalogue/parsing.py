"""Reads a file of definitions, and finds everything that is wrong with it at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, TypeAlias

from django.core.exceptions import ValidationError
from django.db import models

from gamification.domain.catalogue import Criterion
from gamification.domain.definitions import (
    FORMAT,
    SECTIONS,
    Definitions,
    DefinitionValues,
)
from gamification.exceptions import InvalidDefinitionsError, InvalidTextError
from gamification.models import Achievement, Activity
from gamification.services.validation import MAX_NAME, check_text

Field: TypeAlias = "models.Field[Any, Any]"

#: The largest file, in bytes.
MAX_FILE_SIZE: Final = 5_000_000
#: The most errors that are told.
MAX_ERRORS: Final = 1_000

DEFINITION_MODELS: Final[Mapping[str, type[Activity | Achievement]]] = {
    "activity": Activity,
    "achievement": Achievement,
}

#: The fields of a definition, by kind and name, besides the key.
DEFINITION_FIELDS: Final[Mapping[str, Mapping[str, Field]]] = {
    kind: {
        field.name: field
        for field in model._meta.concrete_fields
        if field.name not in {"id", "key", "created_at", "updated_at"}
    }
    for kind, model in DEFINITION_MODELS.items()
}


class JSONObject(dict[str, Any]):
    """An object of JSON that knows which of its names come twice."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: list[str] = []
        if len(self) < len(pairs):
            counts = Counter(name for name, _ in pairs)
            self.repeated = [name for name, count in counts.items() if count > 1]


#: How values of JSON are called.
_KINDS: Final[Mapping[type, str]] = {
    str: "a text",
    int: "a whole number",
    float: "a decimal number",
    bool: "true or false",
    type(None): "null",
    list: "a list",
    JSONObject: "an object",
}

_UNCOUNTED: Final = [each for each in Criterion if each != Criterion.ACTIVITY_COUNT]


def parse_definitions(text: str | bytes) -> object:
    """Return the JSON of ``text``; raise ``InvalidDefinitionsError``."""
    source = _decoded(text)
    if source.startswith("\ufeff"):
        raise _unusable("It begins with a byte order mark.")
    try:
        return json.loads(source, object_pairs_hook=JSONObject, parse_int=_whole)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _unusable(f"{error.msg}.", place) from error
    except RecursionError as error:
        raise _unusable("It is nested too deeply.") from error


def read_definitions(document: object, stored: Definitions) -> Definitions:
    """Return the items of ``document``, complete.

    A field that is left out is as stored or, where the item is new, has its default.
    Raises ``InvalidDefinitionsError``.
    """
    reader = _Reader(stored)
    definitions = reader.read(document)
    if reader.errors:
        raise InvalidDefinitionsError(errors=reader.errors)
    return definitions


def _unusable(message: str, place: str = "file") -> InvalidDefinitionsError:
    return InvalidDefinitionsError(errors=[(place, message)])


def _decoded(text: str | bytes) -> str:
    if len(text) <= MAX_FILE_SIZE:
        try:
            data = text.encode() if isinstance(text, str) else text
            if len(data) <= MAX_FILE_SIZE:
                return data.decode()
        except UnicodeError as error:
            raise _unusable("It is not UTF-8.") from error
    raise _unusable(f"It is larger than {MAX_FILE_SIZE:,} bytes.")


def _whole(digits: str) -> int:
    # Of a number that is too long for Python, the beginning is too large, too.
    return int(digits[:100])


class _Reader:
    """Turns a document into items, and collects what is wrong, each with its place."""

    def __init__(self, stored: Definitions) -> None:
        self._stored = stored
        self._activities = {*stored["activity"]}
        self.errors: list[tuple[str, str]] = []

    def read(self, document: object) -> Definitions:
        names = ["format", *SECTIONS.values()]
        top = self._object("", document, names, required=names) or {}
        number = top.get("format", FORMAT)
        if type(number) is not int or number != FORMAT:
            self._complain("format", f"This is not {FORMAT}, the format that is known.")
        definitions = {}
        for kind, section in SECTIONS.items():
            definitions[kind] = self._section(kind, section, top.get(section, []))
            if kind == "activity":
                self._activities |= definitions[kind].keys()
        return definitions

    def _section(
        self, kind: str, section: str, values: object
    ) -> dict[str, DefinitionValues]:
        if not isinstance(values, list):
            self._complain(section, f"This is {_KINDS[type(values)]}, not a list.")
            return {}
        items: dict[str, DefinitionValues] = {}
        places: dict[str, str] = {}
        for index, value in enumerate(values):
            place = f"{section}[{index}]"
            fields = self._object(
                place, value, ["key", *DEFINITION_FIELDS[kind]], ["key"]
            )
            if fields is None:
                continue
            key = self._key(f"{place}.key", kind, fields)
            if (first := places.setdefault(key, place)) != place:
                self._complain(f"{place}.key", f"This is the key of {first}, too.")
            items[key] = self._item(place, kind, fields, self._stored[kind].get(key))
        return items

    def _object(
        self, place: str, value: object, names: Collection[str], required: Iterable[str]
    ) -> Mapping[str, Any] | None:
        if not isinstance(value, JSONObject):
            message = f"This is {_KINDS[type(value)]}, not an object."
            self._complain(place or "file", message)
            return None
        for name in value.repeated:
            self._complain(_within(place, name), "This name comes twice.")
        for name in value:
            if name not in names:
                self._complain(_within(place, name), "There is no such field.")
        for name in required:
            if name not in value:
                self._complain(_within(place, name), "This is missing.")
        return value

    def _key(self, place: str, kind: str, fields: Mapping[str, Any]) -> str:
        """Return the key of an item, or else its place, which is like no key."""
        key = fields.get("key")
        if "key" in fields:
            self._check(place, DEFINITION_MODELS[kind]._meta.get_field("key"), key)
        return key if isinstance(key, str) else place

    def _item(
        self,
        place: str,
        kind: str,
        fields: Mapping[str, Any],
        stored: DefinitionValues | None,
    ) -> DefinitionValues:
        item = {}
        for name, field in DEFINITION_FIELDS[kind].items():
            if name in fields:
                self._check(f"{place}.{name}", field, fields[name])
            elif stored is None and not (field.blank or field.has_default()):
                self._complain(f"{place}.{name}", "This is missing.")
            usual = stored[name] if stored else field.get_default()
            item[name] = fields.get(name, usual)
        if kind == "achievement":
            self._check_criterion(f"{place}.activity", item)
        return item

    def _check(self, place: str, field: Field, value: object) -> None:
        wanted = _type_of(field)
        if value is None and field.null:
            return
        if type(value) is not wanted:
            message = f"This is {_KINDS[type(value)]}, not {_KINDS[wanted]}."
            self._complain(place, message)
            return
        try:
            self._check_value(place, field, value)
        except InvalidTextError as error:
            self._complain(place, str(error))
        except ValidationError as error:
            self._complain(place, " ".join(error.messages))

    def _check_value(self, place: str, field: Field, value: object) -> None:
        if isinstance(value, str):
            longest, required = field.max_length or MAX_NAME, not field.blank
            check_text(field.name, value, longest=longest, required=required)
        # Django would look for each activity in the database.
        if not field.is_relation:
            field.clean(value, None)
        elif value not in self._activities:
            self._complain(place, f"There is no activity {json.dumps(value)}.")

    def _check_criterion(self, place: str, item: DefinitionValues) -> None:
        criterion, activity = item["criterion"], item["activity"]
        if criterion == Criterion.ACTIVITY_COUNT and activity is None:
            self._complain(place, "The criterion counts an activity, and none is set.")
        elif criterion in _UNCOUNTED and activity is not None:
            self._complain(place, "The criterion does not count an activity.")

    def _complain(self, place: str, message: str) -> None:
        self.errors.append((place, message))
        if len(self.errors) == MAX_ERRORS:
            raise InvalidDefinitionsError(errors=self.errors)


def _type_of(field: Field) -> type:
    if isinstance(field, models.BooleanField):
        return bool
    return int if isinstance(field, models.IntegerField) else str


def _within(place: str, name: str) -> str:
    # A name may be anything, and is shown to people.
    shown = name if name.isascii() and name.isidentifier() else json.dumps(name)
    shown = shown if len(shown) <= MAX_NAME else f"{shown[:MAX_NAME]}…"
    return f"{place}.{shown}" if place else shown
