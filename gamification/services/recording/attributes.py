"""Checks the attributes of records, by themselves and against their activity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gamification.domain.attributes import (
    MAX_ATTRIBUTES,
    MAX_BYTES,
    MAX_NUMBER,
    MAX_TEXT,
    AttributeType,
    canonical,
    type_of,
)
from gamification.domain.conditions import AttributeValue
from gamification.domain.rules import ActivityRule
from gamification.exceptions import InvalidAttributeError, UnknownAttributeError
from gamification.services.validation import is_storable
from gamification.suggestions import did_you_mean, shown


def check_attributes(
    attributes: Mapping[str, AttributeValue],
) -> tuple[dict[str, AttributeValue] | None, str]:
    """Return the attributes of a record, or None if it has none, and their JSON.

    Whether the activity declares them is for ``check_declared``. Raises
    ``InvalidAttributeError``.
    """
    if not isinstance(attributes, Mapping):
        kind = type(attributes).__name__
        message = f"The attributes are of the type {kind}, not values by key."
        raise InvalidAttributeError(message)
    if not attributes:
        return None, ""
    if len(attributes) > MAX_ATTRIBUTES:
        message = (
            f"A record has at most {MAX_ATTRIBUTES} attributes, not {len(attributes)}."
        )
        raise InvalidAttributeError(message)
    checked = {_key(key): _value(key, value) for key, value in attributes.items()}
    text = canonical(checked)
    if len(text) * 4 > MAX_BYTES and len(text.encode()) > MAX_BYTES:
        message = f"The attributes take more than {MAX_BYTES:,} bytes of JSON."
        raise InvalidAttributeError(message)
    return checked, text


def check_declared(
    attributes: Mapping[str, AttributeValue], activity: ActivityRule
) -> None:
    """Raise an error unless ``activity`` declares all of these attributes.

    Raises ``UnknownAttributeError``, ``InvalidAttributeError``.
    """
    declared = activity.attributes
    for key, value in attributes.items():
        wanted = declared.get(key)
        if wanted is None:
            raise _unknown(key, activity)
        if type_of(value) != wanted:
            label = AttributeType(wanted).label
            message = f"The attribute {key!r} of {activity.key!r} is a {label}, "
            message += f"not {shown(value)}."
            raise InvalidAttributeError(message, attribute=key)


def _key(key: object) -> str:
    if not isinstance(key, str) or not is_storable(key):
        message = (
            f"The key {shown(key)} of an attribute is not a text that can be stored."
        )
        raise InvalidAttributeError(message)
    return str.__str__(key)


def _value(key: str, value: Any) -> AttributeValue:
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return _number(key, int(value))
    if isinstance(value, str):
        return _text(key, str.__str__(value))
    # The text of a deeply nested value may exceed the recursion limit.
    given = f"of the type {type(value).__name__}"
    if value is None or isinstance(value, float):
        given = str(value)
    message = (
        f"The attribute {shown(key)} is {given}: it has to be a text, a whole number "
        "or a boolean. Leave it out if it has no value."
    )
    raise InvalidAttributeError(message, attribute=key)


def _number(key: str, number: int) -> int:
    if abs(number) > MAX_NUMBER:
        message = (
            f"The attribute {shown(key)} is {shown(number)}, which is not from "
            f"{-MAX_NUMBER:,} to {MAX_NUMBER:,}."
        )
        raise InvalidAttributeError(message, attribute=key)
    return number


def _text(key: str, text: str) -> str:
    problem = ""
    if len(text) > MAX_TEXT:
        problem = f"is longer than {MAX_TEXT} characters"
    elif not is_storable(text):
        problem = "holds characters that cannot be stored"
    if problem:
        message = f"The attribute {shown(key)} {problem}."
        raise InvalidAttributeError(message, attribute=key)
    return text


def _unknown(key: str, activity: ActivityRule) -> UnknownAttributeError:
    known = activity.attributes
    message = f"The activity {activity.key!r} has no attribute {shown(key)}."
    message += did_you_mean(key, known)
    if not known:
        message += " It declares none."
    return UnknownAttributeError(message, attribute=key)
