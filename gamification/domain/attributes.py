"""Attributes: what a record says besides its activity and quantity."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.conditions import AttributeValue
from gamification.domain.rules import MAX_TOTAL

#: The most attributes that an activity declares.
MAX_ATTRIBUTES: Final = 16
#: The longest text of an attribute, in characters.
MAX_TEXT: Final = 64
#: The most bytes of a record's attributes, as JSON in UTF-8.
MAX_BYTES: Final = 2_048
#: The largest number, positive or negative: JSON keeps it exact.
MAX_NUMBER: Final = MAX_TOTAL
#: How attributes are named.
KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")

#: The attributes of a record, by key.
Attributes: TypeAlias = Mapping[str, AttributeValue]


class AttributeType(TextChoices):
    """The types of attributes."""

    STRING = "string", _("text")
    INTEGER = "integer", _("whole number")
    BOOLEAN = "boolean", _("yes or no")


_TYPES: Final[Mapping[type, str]] = {
    str: AttributeType.STRING.value,
    int: AttributeType.INTEGER.value,
    bool: AttributeType.BOOLEAN.value,
}

_encoder: Final = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":")
)


def type_of(value: AttributeValue) -> str:
    """Return the type of attribute that has this value."""
    return _TYPES[type(value)]


def canonical(attributes: Attributes) -> str:
    """Return the attributes as JSON: equal ones have equal JSON."""
    return _encoder.encode(attributes)
