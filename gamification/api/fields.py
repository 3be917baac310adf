"""Fields that take what a client sends as it is: nothing is converted or trimmed.

``true`` is no number, ``1`` no text, and a name that nobody knows is an error.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar, Final

from django.core.validators import RegexValidator, validate_slug
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from gamification.staff import (
    is_storable,
)

_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
#: RFC 3339, with the offset that it asks for.
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?"
    r"(Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_AN_INSTANT: Final = "2026-03-02T12:00:00Z"
#: How many unknown names an error names; a client can send many.
MAX_UNKNOWN: Final = 20


class Whole(serializers.IntegerField):
    """A whole number of JSON."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return data


class WholeText(serializers.IntegerField):
    """A whole number in an address: digits, perhaps after a minus."""

    def to_internal_value(self, data: Any) -> int:
        if not _WHOLE.fullmatch(data):
            self.fail("invalid")
        return int(data)


class Flag(serializers.BooleanField):
    """``true`` or ``false`` of JSON."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            self.fail("invalid", input=data)
        return data


class Choice(serializers.ChoiceField):
    """One of some texts."""

    default_error_messages = {  # noqa: RUF012 - as its base has it
        # What was sent is not repeated: it may be long.
        "invalid_choice": _("This is none of the choices.")
    }

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            self.fail("invalid_choice")
        return super().to_internal_value(data)


class FlagText(Choice):
    """``true`` or ``false`` in an address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=["true", "false"], **options)

    def to_internal_value(self, data: Any) -> bool:  # type: ignore[override]
        return bool(super().to_internal_value(data) == "true")


class Text(serializers.CharField):
    """A text that every database can keep: no NUL, no lone surrogate."""

    #: What the schema says beside what it knows of the base.
    json_schema: ClassVar[Mapping[str, Any]] = {"pattern": r"^[^\u0000]*$"}

    default_error_messages = {  # noqa: RUF012 - as its base has it
        "unstorable": _("The text holds characters that cannot be stored.")
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        if not is_storable(data):
            self.fail("unstorable")
        return data


class Words(Text):
    """A text that says something: more than white space."""

    # Python has white space that other languages have not.
    json_schema: ClassVar = {
        "pattern": r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


class Slug(Text):
    """The key of something in the catalogue."""

    json_schema: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=100, validators=[validate_slug], **options)


class ZoneName(Text):
    """The name of an IANA time zone, as far as its form goes."""

    json_schema: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **options: Any) -> None:
        form = RegexValidator(r"^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*\Z")
        super().__init__(max_length=64, validators=[form], **options)


class Instant(serializers.DateTimeField):
    """An instant as RFC 3339 writes it, with its offset from UTC."""

    def to_internal_value(self, value: Any) -> datetime:
        if not isinstance(value, str) or not _INSTANT.fullmatch(value):
            self.fail("invalid", format=_AN_INSTANT)
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail("invalid", format=_AN_INSTANT)


class Day(serializers.DateField):
    """A date of the calendar."""

    def to_internal_value(self, value: Any) -> date:
        if not isinstance(value, str) or not _DATE.fullmatch(value):
            self.fail("invalid", format="2026-03-02")
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail("invalid", format="2026-03-02")


class Strict(serializers.Serializer[Any]):
    """What a client may send; a name that is not among the fields is refused."""

    default_error_messages = {  # noqa: RUF012 - as its base has it
        "unknown": _("This name is not known here."),
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := data.keys() - self.fields.keys()):
            message = str(self.error_messages["unknown"])
            error = serializers.ErrorDetail(message, "unknown")
            named = heapq.nsmallest(MAX_UNKNOWN, unknown)
            raise serializers.ValidationError({name: [error] for name in named})
        return super().to_internal_value(data)


class Body(Strict):
    """The JSON object of a request."""


class Query(Strict):
    """The parameters after the question mark."""
