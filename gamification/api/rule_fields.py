"""Fields with the JSON of conditions, and what the schema says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from gamification.api.fields import ComparisonField
from gamification.staff import LEAF_CRITERIA, Operator
from gamification.values import ConditionProgress

EXAMPLE: Final = {
    "all": [{"holds": "newcomer"}, {"criterion": "level", "threshold": 5}]
}
PROGRESS_EXAMPLE: Final = {
    "kind": "all",
    "text": "all of (“Newcomer” held; level 5)",
    "current": 1,
    "target": 2,
    "missing": 1,
    "fraction": 0.5,
    "is_met": False,
    "parts": [
        {
            "kind": "holds",
            "text": "“Newcomer” held",
            "current": 1,
            "target": 1,
            "missing": 0,
            "fraction": 1.0,
            "is_met": True,
            "parts": [],
        },
        {
            "kind": "criterion",
            "text": "level 5",
            "current": 3,
            "target": 5,
            "missing": 2,
            "fraction": 0.6,
            "is_met": False,
            "parts": [],
        },
    ],
}
#: The kinds of conditions, in answers that say how far a user is.
KINDS: Final = ("criterion", "holds", "lacks", "all", "any", "at_least")
_KEY: Final = {"type": "string", "maxLength": 100}
_NUMBER: Final = {"type": "integer", "minimum": 1, "maximum": 2**53}
# Members that a condition may leave out may also be null.
_OPTIONAL_KEY: Final = _KEY | {"type": ["string", "null"]}
_ATTRIBUTE: Final = {"type": ["string", "null"], "maxLength": 32}
_DATE: Final = {"type": ["string", "null"], "format": "date"}
_COMPARISON: Final = {
    "type": "array",
    "description": "An attribute, an operator ("
    + ", ".join(Operator.values)
    + "), and "
    "a value; for `in`, a list of values.",
    **ComparisonField.json_schema,
}
_COUNTING: Final = {
    "where": {
        "type": ["array", "null"],
        "description": "Conditions on attributes of a record; all must hold.",
        "maxItems": 16,
        "items": _COMPARISON,
    },
    "sum": _ATTRIBUTE | {"description": "An integer attribute to add up."},
    "distinct": _ATTRIBUTE | {"description": "An attribute whose values to count."},
    "window": {
        "type": ["object", "null"],
        "description": "Dates on the user's own calendar; `until` is the date after "
        "the last one. Or any `days` consecutive dates.",
        "additionalProperties": False,
        "properties": {
            "since": _DATE,
            "until": _DATE,
            "days": {"type": ["integer", "null"], "minimum": 1, "maximum": 366},
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
        activity=_OPTIONAL_KEY,
        streak=_OPTIONAL_KEY,
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


def with_nullable(schema: Any) -> Any:
    """Return a schema of OpenAPI 3.1 in the words that older versions have for null."""
    if isinstance(schema, list):
        return [with_nullable(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    older = {name: with_nullable(each) for name, each in schema.items()}
    match older.get("type"):
        case [kind, "null"]:
            older |= {"type": kind, "nullable": True}
    return older


class RuleField(serializers.JSONField):
    """The way in which an achievement counts, as a JSON object."""

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
    def shown(cls, value: Any) -> Any:
        """Return the JSON of a value."""
        return value

    @classmethod
    def schema(cls, this: Mapping[str, Any]) -> dict[str, Any]:
        """Return the schema; ``this`` refers to itself."""
        return {
            "type": "object",
            "description": "Which records count, when and how.",
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


class ConditionProgressField(RuleField):
    """How far a user is with a condition and with its parts."""

    component = "ConditionProgress"

    @classmethod
    def shown(cls, value: ConditionProgress) -> dict[str, Any]:
        """Return the JSON, which names only what the user may see."""
        return {
            "kind": value.name,
            "text": value.text,
            "current": value.current,
            "target": value.target,
            "missing": value.missing,
            "fraction": value.fraction,
            "is_met": value.is_met,
            "parts": [cls.shown(part) for part in value.parts],
        }

    @classmethod
    def schema(cls, this: Mapping[str, Any]) -> dict[str, Any]:
        number = {"type": "integer"}
        properties = {
            "kind": {"type": "string", "pattern": f"^({'|'.join(KINDS)})$"},
            "text": {
                "type": "string",
                "description": "The condition in words. Achievements that the user may "
                "not see are “another achievement”.",
            },
            "current": number,
            "target": number,
            "missing": number,
            "fraction": {
                "type": "number",
                "format": "double",
                "description": "From 0 to 1; 1 once it is met.",
            },
            "is_met": {"type": "boolean"},
            "parts": {
                "type": "array",
                "items": this,
                "description": "The conditions of a group; empty for others.",
            },
        }
        return {
            "type": "object",
            "description": "How far a user is. `all` and `at_least` count the parts "
            "that are met, and `any` is as far as its nearest part. An achievement to "
            "hold, or not to hold, is 1 if that is so, and otherwise 0.",
            "required": [*properties],
            "properties": properties,
            "example": PROGRESS_EXAMPLE,
        }
