"""Fields with the JSON of conditions, and what the schema says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from gamification.staff import LEAF_CRITERIA, Operator

EXAMPLE: Final = {
    "all": [{"holds": "newcomer"}, {"criterion": "level", "threshold": 5}]
}
_KEY: Final = {"type": "string", "maxLength": 100}
_NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 2**53}
_ATTRIBUTE: Final = {"type": "string", "maxLength": 32}
_VALUES: Final = [{"type": each} for each in ("string", "integer", "boolean")]
_COMPARISON: Final = {
    "type": "array",
    "description": "An attribute, an operator ("
    + ", ".join(Operator.values)
    + "), and "
    "a value; for `in`, a list of values.",
    "minItems": 3,
    "maxItems": 3,
    "items": {"anyOf": [*_VALUES, {"type": "array", "items": {"anyOf": _VALUES}}]},
}
_COUNTING: Final = {
    "where": {
        "type": "array",
        "description": "What a record must say; all of it.",
        "maxItems": 16,
        "items": _COMPARISON,
    },
    "sum": _ATTRIBUTE | {"description": "An integer attribute to add up."},
    "distinct": _ATTRIBUTE | {"description": "An attribute whose values to count."},
    "window": {
        "type": "object",
        "description": "Dates on the user's own calendar; `until` is the date after "
        "the last one. Or any `days` consecutive dates.",
        "additionalProperties": False,
        "properties": {
            "since": {"type": "string", "format": "date"},
            "until": {"type": "string", "format": "date"},
            "days": {"type": "integer", "minimum": 1, "maximum": 366},
        },
    },
}


def _object(**properties: Any) -> dict[str, Any]:
    """Return the schema of an object; the first property is required."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [next(iter(properties))],
        "properties": properties,
    }


def _parts(this: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "maxItems": 20, "items": this}


def condition_schema(this: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a condition; ``this`` refers to itself."""
    leaf = _object(
        # A list of choices would become a component of the site's own.
        criterion={"type": "string", "pattern": f"^({'|'.join(LEAF_CRITERIA)})$"},
        activity=_KEY,
        streak=_KEY,
        threshold=_NUMBER | {"default": 1},
        **_COUNTING,
    )
    least = _object(at_least=_NUMBER, of=_parts(this))
    return {
        "description": "A criterion, an achievement to hold or not to hold, or a group "
        "of conditions. Groups are nested up to 3 deep, with up to 20 conditions.",
        "oneOf": [
            leaf,
            _object(holds=_KEY),
            _object(lacks=_KEY),
            _object(all=_parts(this)),
            _object(any=_parts(this)),
            {**least, "required": ["at_least", "of"]},
        ],
        "example": {
            "all": [{"holds": "newcomer"}, {"criterion": "level", "threshold": 5}]
        },
    }


class RuleField(serializers.JSONField):
    """What an achievement counts, as a JSON object."""

    #: The name of its schema, which all fields of this type share.
    component: ClassVar[str] = "Counting"

    default_error_messages = {  # noqa: RUF012 - as its base has it
        "not_object": _("This is not an object.")
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            self.fail("not_object")
        return data

    @classmethod
    def schema(cls, this: Mapping[str, Any]) -> dict[str, Any]:
        """Return the schema; ``this`` refers to itself."""
        return {
            "type": "object",
            "description": "Which records count, when, and what of them.",
            "additionalProperties": False,
            "properties": _COUNTING,
            "example": {"where": [["genre", "in", ["fantasy", "horror"]]]},
        }


class ConditionField(RuleField):
    """A tree of conditions, as a JSON object."""

    component = "Condition"

    @classmethod
    def schema(cls, this: Mapping[str, Any]) -> dict[str, Any]:
        return condition_schema(this)
