"""Fields that take a value as the client sends it, without conversion or trimming.

``true`` is not a number, ``1`` is not a text, and an unknown name is an error.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping
from datetime import date, datetime
from itertools import islice
from typing import Any, ClassVar, Final

from django.core.validators import RegexValidator, validate_slug
from django.db.models import Model
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from gamification.conf import conf
from gamification.staff import (
    MAX_ATTRIBUTES,
    MAX_NUMBER,
    MAX_TEXT,
    AttributeType,
    is_storable,
)
from gamification.suggestions import did_you_mean, shown

_VALUES: Final[list[dict[str, Any]]] = [
    {"type": "string"},
    {"type": "integer", "minimum": -(2**53), "maximum": 2**53},
    {"type": "boolean"},
]
#: The schema of each part of a comparison: attribute, operator, and value or values.
_COMPARED: Final = {
    "anyOf": [*_VALUES, {"type": "array", "items": {"anyOf": _VALUES}}],
}
_FACTOR: Final = re.compile(r"^[0-9]{1,2}(\.[0-9]{1,2})?\Z", re.ASCII)
_LONGEST_FACTOR: Final = 5
_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
#: RFC 3339, which requires an offset.
_DATE_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_DATE_EXAMPLE: Final = "2026-03-02"
_DATE_TIME_EXAMPLE: Final = "2026-03-02T12:00:00Z"
#: How many unknown names an error lists. A single request can contain far more.
MAX_UNKNOWN: Final = 20


class StrictIntegerField(serializers.IntegerField):
    """An integer in JSON."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class QueryIntegerField(serializers.IntegerField):
    """An integer in a query: digits, with a minus if it is negative."""

    def to_internal_value(self, data: Any) -> int:
        if not _WHOLE.fullmatch(data):
            self.fail("invalid")
        return int(data)


class StrictBooleanField(serializers.BooleanField):
    """``true`` or ``false`` in JSON."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return data


class StrictChoiceField(serializers.ChoiceField):
    """One of several texts."""

    default_error_messages = {  # noqa: RUF012 - as its base has it
        "invalid_choice": _("{value} is not one of {known}.{suggestion}")
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or data not in self.choices:
            self.fail(
                "invalid_choice",
                # Formatting a deeply nested value may exceed the recursion limit.
                value=shown(data) if isinstance(data, str) else _("This value"),
                known=", ".join(filter(None, self.choices)),
                suggestion=did_you_mean(data, self.choices),
            )
        return super().to_internal_value(data)


class CategoryField(StrictChoiceField):
    """One of the site's categories of achievements."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=_categories(), **options)

    def to_internal_value(self, data: Any) -> Any:
        # The settings may have changed since the field was made.
        self.choices = _categories()
        return super().to_internal_value(data)


def _categories() -> list[str]:
    return [category.key for category in conf.categories]


class QueryBooleanField(StrictChoiceField):
    """``true`` or ``false`` in a query."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=["true", "false"], **options)

    def to_internal_value(self, data: Any) -> bool:  # type: ignore[override]
        return bool(super().to_internal_value(data) == "true")


class TextField(serializers.CharField):
    """A text that every database can store: no NUL, no lone surrogate."""

    #: Added to the schema of the field.
    json_schema: ClassVar[Mapping[str, Any]] = {"pattern": r"^[^\u0000]*$"}

    default_error_messages = {  # noqa: RUF012 - as its base has it
        "unstorable": _("The text contains characters that cannot be stored.")
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if not is_storable(data):
            self.fail("unstorable")
        return data


class NonBlankTextField(TextField):
    """A text that is more than white space."""

    # Python counts some characters as white space that other languages do not.
    json_schema: ClassVar = {
        "pattern": r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


class KeyField(TextField):
    """The key of an item of the catalogue."""

    json_schema: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=100, validators=[validate_slug], **options)


class TimeZoneField(TextField):
    """The name of an IANA time zone. Only its form is checked here."""

    json_schema: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        form = RegexValidator(r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\Z")
        super().__init__(max_length=64, validators=[form], **options)


class StrictDateTimeField(serializers.DateTimeField):
    """A date and time in the format of RFC 3339, with an offset from UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
            self.fail("invalid", format=_DATE_TIME_EXAMPLE)
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail("invalid", format=_DATE_TIME_EXAMPLE)


class StrictDateField(serializers.DateField):
    """A calendar date."""

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            self.fail("invalid", format=_DATE_EXAMPLE)
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail("invalid", format=_DATE_EXAMPLE)


class AttributesField(serializers.DictField):
    """Attributes of a record; the verb that takes them checks the rest."""

    json_schema: ClassVar[Mapping[str, Any]] = {
        "maxProperties": MAX_ATTRIBUTES,
        "additionalProperties": {
            "oneOf": [
                {"type": "string", "maxLength": MAX_TEXT},
                {"type": "integer", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER},
                {"type": "boolean"},
            ]
        },
    }
    default_error_messages = {  # noqa: RUF012 - as its base has it
        "invalid_value": _("This is not a text, a whole number or a boolean.")
    }

    def accepts(self, value: Any) -> bool:
        """Say whether an attribute can have ``value``."""
        return isinstance(value, (str, int))

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        message = str(self.error_messages["invalid_value"])
        error = serializers.ErrorDetail(message, "invalid")
        wrong = (name for name, value in data.items() if not self.accepts(value))
        if errors := {name: [error] for name in islice(wrong, MAX_UNKNOWN)}:
            raise serializers.ValidationError(errors)
        return data


class TypesField(AttributesField):
    """The attributes that an activity declares, each with its type."""

    json_schema: ClassVar[Mapping[str, Any]] = {
        "maxProperties": MAX_ATTRIBUTES,
        "additionalProperties": {"type": "string", "enum": AttributeType.values},
    }
    default_error_messages = {  # noqa: RUF012 - as its base has it
        "invalid_value": _(
            "This is not a type of attributes: string, integer, boolean."
        )
    }

    def accepts(self, value: Any) -> bool:
        return isinstance(value, str) and value in AttributeType.values


class FactorField(TextField):
    """A decimal number of at most two places, as a text."""

    # In the syntax of ECMAScript, ``$`` is the end of the text alone.
    json_schema: ClassVar[Mapping[str, Any]] = {
        "pattern": _FACTOR.pattern.replace(r"\Z", "$")
    }

    def __init__(self, **options: Any) -> None:
        form = RegexValidator(_FACTOR)
        super().__init__(max_length=_LONGEST_FACTOR, validators=[form], **options)


class ComparisonField(serializers.ListField):
    """A comparison of an attribute: attribute, operator and value."""

    json_schema: ClassVar[Mapping[str, Any]] = {
        "minItems": 3,
        "maxItems": 3,
        "items": _COMPARED,
    }
    default_error_messages = {  # noqa: RUF012 - as its base has it
        "invalid": _("This is not a list of an attribute, an operator and a value.")
    }

    def to_internal_value(self, data: Any) -> list[Any]:
        parts: list[Any] = data if isinstance(data, list) else []
        if len(parts) != self.json_schema["minItems"]:
            self.fail("invalid")
        return parts


class BoundedListField(serializers.ListField):
    """A list whose length is checked before any of its items is.

    The field's base checks every item first, which costs minutes for a long list.
    """

    def __init__(self, *, max_length: int, **options: Any) -> None:
        super().__init__(max_length=max_length, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        if isinstance(data, list):
            # These validators compare the length with its limits.
            self.run_validators(data)
        return super().to_internal_value(data)


class RequestSerializer(serializers.Serializer[Any]):
    """A part of a request. A name that is not one of its fields is an error."""

    default_error_messages = {  # noqa: RUF012 - as its base has it
        "unknown": _("This name is unknown here.{suggestion}"),
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := data.keys() - self.fields.keys()):
            named = heapq.nsmallest(MAX_UNKNOWN, unknown)
            raise serializers.ValidationError(
                {name: [self._unknown_name(name)] for name in named}
            )
        return super().to_internal_value(data)

    def _unknown_name(self, name: str) -> serializers.ErrorDetail:
        suggestion = did_you_mean(name, self.fields)
        message = str(self.error_messages["unknown"]).format(suggestion=suggestion)
        return serializers.ErrorDetail(message, "unknown")


class BodySerializer(RequestSerializer):
    """The body of a request: a JSON object."""

    #: The object needs at least one of these fields; empty if it needs none.
    at_least_one: ClassVar[tuple[str, ...]] = ()
    #: The model of the row that it describes, if what it leaves out has defaults.
    defaults_of: ClassVar[type[Model] | None] = None

    @property
    def defaults(self) -> dict[str, Any]:
        """What the row has in each field that the body leaves out."""
        if self.defaults_of is None:
            return {}
        fields: Any = self.defaults_of._meta.get_field
        names = (name for name, field in self.fields.items() if not field.required)
        return {name: fields(name).get_default() for name in names}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if self.at_least_one and not attrs.keys() & {*self.at_least_one}:
            name = self.at_least_one[0]
            message = self.fields[name].error_messages["required"]
            raise serializers.ValidationError({name: [message]}, "required")
        return attrs


class QuerySerializer(RequestSerializer):
    """The query of an address: the parameters after the question mark."""
