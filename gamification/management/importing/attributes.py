"""Reads the attributes of rows: an object of JSON, or a column for each attribute."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from gamification.management.importing.errors import BadRowError
from gamification.models import Activity
from gamification.staff import AttributeType
from gamification.strict_json import InvalidJSONError, parse_json

#: How the name of a column for one attribute begins.
PREFIX: Final = "attribute:"

_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}


def parse_attributes(value: object) -> dict[str, Any] | None:
    """Return an object, or that of a text of JSON; raise ``BadRowError``."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except InvalidJSONError as error:
            message = f"The attributes cannot be read as JSON. {error}."
            raise BadRowError(message) from error
    if value is not None and not isinstance(value, dict):
        raise BadRowError("The attributes are not a JSON object.")
    return value


def read_cell(text: str, kind: str | None) -> str | int | bool:
    """Return the value of a cell for an attribute of this type.

    A text that no such attribute can have is returned as it is, and so is that of an
    attribute that is not declared: recording then refuses it.
    """
    if kind == AttributeType.BOOLEAN:
        return _BOOLEANS.get(text.lower(), text)
    if kind == AttributeType.INTEGER and _WHOLE.fullmatch(text):
        return int(text)
    return text


class AttributeTypes:
    """The types of the attributes that activities declare."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, str]] = {}

    def load(self, activities: Iterable[str]) -> None:
        """Read what these activities declare, unless that is known."""
        missing = {*activities} - self._known.keys()
        if missing:
            rows = Activity.objects.filter(key__in=missing)
            self._known |= rows.values_list("key", "attributes")

    def attributes_of(
        self, activity: str, given: Mapping[str, Any] | None, cells: Mapping[str, str]
    ) -> Mapping[str, Any] | None:
        """Return ``given`` attributes, with those that came in cells of their own."""
        if not cells:
            return given
        types = self._known.get(activity, {})
        read = {key: read_cell(text, types.get(key)) for key, text in cells.items()}
        return {**(given or {}), **read}
