"""Reads a catalogue file, and reports all of its errors at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError

from gamification.domain.criteria import Criterion
from gamification.domain.definitions import (
    FORMAT,
    LEVELS,
    OPTIONAL,
    SECTIONS,
    Definitions,
    DefinitionValues,
)
from gamification.domain.streak_rules import DAILY
from gamification.exceptions import InvalidDefinitionsError
from gamification.models import Achievement, Activity, StreakDefinition
from gamification.services.catalogue.fields.editable import criterion_problem
from gamification.services.catalogue.fields.repeats import (
    endless_rewards,
    moment_text,
    read_moment,
    repeat_problems,
)
from gamification.services.catalogue.fields.series import file_problems
from gamification.services.catalogue.fields.values import TYPE_NAMES, Field, check_value
from gamification.services.catalogue.files.rules import check_rules
from gamification.services.levels.parsing import LEVEL_FIELDS, find_levels
from gamification.services.streaks.definitions.fields import (
    LISTS,
    check_list,
    find_conflicts,
)
from gamification.strict_json import InvalidJSONError, parse_json, place_in
from gamification.suggestions import did_you_mean

_MEASURES_STREAK: Final = Criterion.LONGEST_STREAK.value

#: The largest file, in bytes.
MAX_FILE_SIZE: Final = 5_000_000
#: The field of any object that is for people only.
COMMENT: Final = "comment"
#: The most errors that are reported, and how many of them suggest another key.
MAX_ERRORS: Final = 1_000
MAX_HINTS: Final = 20

#: The models of the items that have keys, in the order of ``SECTIONS``.
DEFINITION_MODELS: Final[
    Mapping[str, type[Activity | StreakDefinition | Achievement]]
] = {
    "activity": Activity,
    "streak": StreakDefinition,
    "achievement": Achievement,
}

#: Fields that a file does not have: the former rules of a streak are history.
_HIDDEN: Final = frozenset({"id", "key", "created_at", "updated_at", "since", "former"})

#: The fields of a definition, by kind and name, besides the key.
DEFINITION_FIELDS: Final[Mapping[str, Mapping[str, Field]]] = {
    kind: {
        field.name: field
        for field in model._meta.concrete_fields
        if field.name not in _HIDDEN
    }
    for kind, model in DEFINITION_MODELS.items()
} | {"level": LEVEL_FIELDS}


def parse_definitions(text: str | bytes) -> object:
    """Return the JSON of ``text``; raise ``InvalidDefinitionsError``."""
    # A character has at least one byte.
    size = len(text)
    if isinstance(text, str) and size <= MAX_FILE_SIZE:
        size = len(text.encode(errors="replace"))
    if size > MAX_FILE_SIZE:
        raise _unusable(f"It is larger than {MAX_FILE_SIZE:,} bytes.")
    try:
        return parse_json(text)
    except InvalidJSONError as error:
        raise _unusable(f"{error.reason}.", *error.places) from error


def read_definitions(document: object, stored: Definitions) -> Definitions:
    """Return the items of ``document`` with all of their fields.

    A field that is left out keeps its stored value, or has its default if the item is
    new. Raises ``InvalidDefinitionsError``.
    """
    reader = _Reader(stored)
    definitions = reader.read(document)
    if reader.errors:
        raise InvalidDefinitionsError(errors=reader.errors)
    return definitions


def _unusable(message: str, *places: str) -> InvalidDefinitionsError:
    errors = [(place, message) for place in places or ("file",)]
    return InvalidDefinitionsError(errors=errors)


class _Reader:
    """Turns a document into items, and collects its errors with their places."""

    def __init__(self, stored: Definitions) -> None:
        self._stored = stored
        self._activities = {*stored["activity"]}
        self._streaks = {DAILY, *stored["streak"]}
        #: Where in the document the items are, by kind and key.
        self._places: dict[str, dict[str, str]] = {}
        self.errors: list[tuple[str, str]] = []

    def read(self, document: object) -> Definitions:
        names = ["format", *SECTIONS.values()]
        required = [name for name in names if name not in OPTIONAL]
        top = self._object("", document, names, required=required) or {}
        number = top.get("format", FORMAT)
        if type(number) is not int or number != FORMAT:
            self._add("format", f"This version reads format {FORMAT} only.")
        definitions: dict[str, dict[str, DefinitionValues]] = {}
        for kind, section in SECTIONS.items():
            given = top.get(section, [])
            if section == LEVELS:
                definitions[kind] = self._levels(given)
                continue
            definitions[kind] = self._section(kind, section, given)
            if kind == "activity":
                self._activities |= definitions[kind].keys()
            elif kind == "streak":
                self._streaks |= definitions[kind].keys()
            else:
                self._check_rules(definitions)
                if not self.errors:
                    self._check_series(definitions[kind])
        return definitions

    def _check_rules(self, given: dict[str, dict[str, DefinitionValues]]) -> None:
        """Check conditions together with all that they name."""
        for problem in check_rules(self._stored, given):
            place = self._places[problem.kind][problem.key]
            self._add(f"{place}.{problem.path}", problem.message)

    def _check_series(self, given: Mapping[str, DefinitionValues]) -> None:
        """Check the series of the file together with what is stored."""
        places = {key: number for number, key in enumerate(given)}
        together = {**self._stored["achievement"], **given}
        if problem := endless_rewards(together.values()):
            self._add("achievements", problem)
        for key, name, message in file_problems(self._stored["achievement"], given):
            self._add(f"achievements[{places[key]}].{name}", message)

    def _section(
        self, kind: str, section: str, values: object
    ) -> dict[str, DefinitionValues]:
        if not isinstance(values, list):
            self._add(section, f"This is {TYPE_NAMES[type(values)]}, not a list.")
            return {}
        items: dict[str, DefinitionValues] = {}
        places = self._places.setdefault(kind, {})
        for index, value in enumerate(values):
            place = f"{section}[{index}]"
            fields = self._object(
                place, value, ["key", *DEFINITION_FIELDS[kind]], ["key"]
            )
            if fields is None:
                continue
            key = self._key(f"{place}.key", kind, fields)
            if (first := places.setdefault(key, place)) != place:
                self._add(f"{place}.key", f"{first} has the same key.")
            items[key] = self._item(place, kind, fields, self._stored[kind].get(key))
        return items

    def _levels(self, values: object) -> dict[str, DefinitionValues]:
        """Return the levels of the file; what one leaves out is as it is stored."""
        if isinstance(values, list):
            stored = [self._stored["level"].get(f"{n + 1}") for n in range(len(values))]
            values = [
                {**known, **value} if known and isinstance(value, dict) else value
                for known, value in zip(stored, values, strict=True)
            ]
        levels, problems = find_levels(values)
        for place, message in problems:
            self._add(place, message)
        return {
            str(level.number): {
                **{name: getattr(level, name) for name in LEVEL_FIELDS},
                "translations": {**level.translations},
            }
            for level in levels
        }

    def _object(
        self, place: str, value: object, names: Collection[str], required: Iterable[str]
    ) -> Mapping[str, Any] | None:
        if not isinstance(value, dict):
            message = f"This is {TYPE_NAMES[type(value)]}, not an object."
            self._add(place or "file", message)
            return None
        for name in value:
            if name not in names and name != COMMENT:
                hint = did_you_mean(name, names)
                self._add(place_in(place, name), f"There is no such field.{hint}")
        for name in required:
            if name not in value:
                self._add(place_in(place, name), "This field is required.")
        return value

    def _key(self, place: str, kind: str, fields: Mapping[str, Any]) -> str:
        """Return the key of an item; without one, its place, which cannot be a key."""
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
        item: dict[str, Any] = {}
        known_errors = len(self.errors)
        for name, field in DEFINITION_FIELDS[kind].items():
            if name in fields:
                self._check(f"{place}.{name}", field, fields[name])
            elif stored is None and not (field.blank or field.has_default()):
                self._add(f"{place}.{name}", "This field is required.")
            usual = stored[name] if stored else field.get_default()
            item[name] = fields.get(name, usual)
        if kind == "achievement":
            # No choice stands for the daily one.
            item["streak"] = None if item["streak"] == DAILY else item["streak"]
            self._check_criterion(place, item)
            if len(self.errors) == known_errors:
                self._check_repeats(place, item)
        elif kind == "streak" and len(self.errors) == known_errors:
            self._finish_streak(place, str(fields.get("key")), item)
        return item

    def _check_repeats(self, place: str, item: dict[str, Any]) -> None:
        """Check seasons and repeats, and bring times into the form of a file."""
        for name, message in repeat_problems(item):
            self._add(f"{place}.{name}", message)
        for name in ("starts_at", "ends_at"):
            moment = read_moment(item[name])
            item[name] = moment and moment_text(moment)

    def _finish_streak(self, place: str, key: str, item: dict[str, Any]) -> None:
        """Bring lists into the form in which they are stored, and check the rules."""
        item |= {name: sorted({*item[name]}) for name in LISTS}
        streak = StreakDefinition(key=key, **item)
        for name, message in find_conflicts(streak, self._activities):
            self._add(f"{place}.{name}", message)

    def _check_criterion(self, place: str, item: DefinitionValues) -> None:
        if problem := criterion_problem(item["criterion"], item["activity"]):
            self._add(f"{place}.activity", problem)
        if item["streak"] is not None and item["criterion"] != _MEASURES_STREAK:
            message = f"Only {_MEASURES_STREAK} measures a streak."
            self._add(f"{place}.streak", message)

    def _check(self, place: str, field: Field, value: object) -> None:
        try:
            if field.name in LISTS:
                check_list(field.name, value)
            else:
                check_value(field, value)
        except ValidationError as error:
            self._add(place, " ".join(error.messages))
            return
        if not field.is_relation or value is None:
            return
        keys = self._activities if field.name == "activity" else self._streaks
        if value not in keys:
            # Comparing takes long where many keys are wrong.
            hint = did_you_mean(value, keys if len(self.errors) < MAX_HINTS else ())
            self._add(place, f"No {field.name} has the key {value!r}.{hint}")

    def _add(self, place: str, message: str) -> None:
        self.errors.append((place, message))
        if len(self.errors) == MAX_ERRORS:
            raise InvalidDefinitionsError(errors=self.errors)
