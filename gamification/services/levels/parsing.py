"""Reads tables of levels, and reports all of their errors at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from gamification.domain.levels import MAX_LEVELS, LevelRule
from gamification.exceptions import InvalidDefinitionsError
from gamification.models import Level
from gamification.services.catalogue.fields.values import TYPE_NAMES, Field, check_value
from gamification.suggestions import did_you_mean

#: The most languages into which a name can be translated.
MAX_TRANSLATIONS: Final = 50

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.ASCII)
#: The fields of a level in a file, where its place is its number.
LEVEL_FIELDS: Final[Mapping[str, Field]] = {
    field.name: field
    for field in Level._meta.concrete_fields
    if field.name in LevelRule._fields[1:]
}

#: A place and what is wrong there, such as ``levels[3].threshold``.
Problem = tuple[str, str]


def read_levels(items: object) -> tuple[LevelRule, ...]:
    """Return the levels that ``items`` describe, a list of objects in order.

    Each has a ``threshold``, and if wanted a ``name``, an ``icon`` and
    ``translations``. Raises ``InvalidDefinitionsError`` with every error.
    """
    levels, problems = find_levels(items)
    if problems:
        raise InvalidDefinitionsError(errors=problems)
    return levels


def find_levels(items: object) -> tuple[tuple[LevelRule, ...], list[Problem]]:
    """Return the levels that ``items`` describe, and what is wrong with them."""
    if not isinstance(items, list):
        message = f"This is {TYPE_NAMES[type(items)]}, not a list."
        return (), [("levels", message)]
    if len(items) > MAX_LEVELS:
        message = _("There are more than %(most)s levels.") % {"most": MAX_LEVELS}
        return (), [("levels", message)]
    problems = [each for place, item in _placed(items) for each in _wrong(place, item)]
    if problems:
        return (), problems
    levels = tuple(_level(number, item) for number, item in enumerate(items, start=1))
    return levels, [*_disordered(levels)]


def check_levels(levels: Sequence[LevelRule]) -> None:
    """Raise ``InvalidDefinitionsError`` unless ``levels`` can be saved."""
    read_levels(
        [{name: getattr(each, name) for name in LEVEL_FIELDS} for each in levels]
    )
    if not levels:
        errors = [("levels", _("Give at least one level."))]
        raise InvalidDefinitionsError(errors=errors)


def _placed(items: Sequence[object]) -> Iterator[tuple[str, object]]:
    return ((f"levels[{index}]", item) for index, item in enumerate(items))


def _level(number: int, item: Any) -> LevelRule:
    values = {name: item[name] for name in LEVEL_FIELDS if name in item}
    return LevelRule(number=number, **values)


def _wrong(place: str, item: object) -> Iterator[Problem]:
    """Yield what is wrong with a level by itself."""
    if not isinstance(item, Mapping):
        yield place, f"This is {TYPE_NAMES[type(item)]}, not an object."
        return
    for name in item.keys() - {*LEVEL_FIELDS, "comment"}:
        hint = did_you_mean(name, LEVEL_FIELDS)
        yield f"{place}.{name}", f"There is no such field.{hint}"
    if "threshold" not in item:
        yield f"{place}.threshold", "This field is required."
    for name in LEVEL_FIELDS:
        if name in item:
            check = _wrong_translations if name == "translations" else _wrong_value
            yield from check(f"{place}.{name}", name, item[name])


def _wrong_value(place: str, name: str, value: object) -> Iterator[Problem]:
    try:
        check_value(LEVEL_FIELDS[name], value)
    except ValidationError as error:
        yield place, " ".join(error.messages)


def _wrong_translations(place: str, name: str, value: object) -> Iterator[Problem]:
    if not isinstance(value, Mapping):
        yield place, f"This is {TYPE_NAMES[type(value)]}, not an object."
        return
    if len(value) > MAX_TRANSLATIONS:
        yield place, f"There are more than {MAX_TRANSLATIONS} languages."
        return
    for language, text in value.items():
        if not _LANGUAGE.fullmatch(str(language)):
            message = _("%(code)s is not the code of a language, such as de or pt-br.")
            yield place, message % {"code": repr(language)}
        yield from _wrong_value(place, "name", text)


def _disordered(levels: Sequence[LevelRule]) -> Iterator[Problem]:
    """Yield what is wrong with the order of the levels."""
    if levels and levels[0].threshold != 0:
        yield "levels[0].threshold", _("The first level begins at 0 XP.")
    for before, level in pairwise(levels):
        if level.threshold <= before.threshold:
            message = _("Level %(level)s must begin above %(xp)s XP.")
            values = {"level": level.number, "xp": f"{before.threshold:,}"}
            yield f"levels[{level.number - 1}].threshold", message % values
