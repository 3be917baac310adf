"""Checks of single values of the catalogue, which ask no database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gamification.exceptions import InvalidDefinitionError
from gamification.services.catalogue.fields.attributes import check_declaration
from gamification.services.catalogue.fields.repeats import read_moment
from gamification.services.catalogue.lookup import named
from gamification.services.validation import is_storable
from gamification.suggestions import did_you_mean, shown

Field: TypeAlias = "models.Field[Any, Any]"

#: The names of types in messages.
TYPE_NAMES: Final[Mapping[type, Any]] = {
    str: gettext_lazy("a text"),
    int: gettext_lazy("a whole number"),
    float: gettext_lazy("a decimal number"),
    bool: gettext_lazy("true or false"),
    type(None): gettext_lazy("null"),
    list: gettext_lazy("a list"),
    dict: gettext_lazy("an object"),
    datetime: gettext_lazy("a date and time"),
}


def check_value(field: Field, value: object) -> None:
    """Raise ``ValidationError`` unless an item can have ``value``.

    The key of an activity may be unknown.
    """
    if value is None and field.null:
        return
    if isinstance(field, models.DateTimeField):
        value = read_moment(value) or value
    _check_type(value, _type_of(field))
    if isinstance(value, str):
        _check_choice(field, value)
        _check_text(field, value)
    if isinstance(value, dict) and field.name == "attributes":
        check_declaration(value)
    if not field.is_relation:
        field.clean(value, None)


def _type_of(field: Field) -> type:
    if isinstance(field, models.BooleanField):
        return bool
    if isinstance(field, models.JSONField):
        return dict
    if isinstance(field, models.DateTimeField):
        return datetime
    return int if isinstance(field, models.IntegerField) else str


def _check_type(value: object, wanted: type) -> None:
    # For Python, a bool is an int.
    if isinstance(value, wanted) and isinstance(value, bool) == (wanted is bool):
        return
    given = TYPE_NAMES.get(type(value), f"of the type {type(value).__name__}")
    raise ValidationError(
        _("This is %(given)s, not %(wanted)s."),
        code="invalid",
        params={"given": given, "wanted": TYPE_NAMES[wanted]},
    )


def _check_text(field: Field, value: str) -> None:
    if not is_storable(value):
        message = _("The text holds characters that cannot be stored.")
        raise ValidationError(message, code="not_storable")
    # Models leave the length of a text to forms.
    if field.max_length and len(value) > field.max_length:
        message = _("The text is longer than %(limit)s characters.")
        limit = {"limit": f"{field.max_length:,}"}
        raise ValidationError(message, code="max_length", params=limit)
    if not field.blank and not value.strip():
        raise ValidationError(field.error_messages["blank"], code="blank")


def _check_choice(field: Field, value: str) -> None:
    choices = [str(choice) for choice, _label in field.flatchoices]
    if choices and value and value not in choices:
        raise ValidationError(
            _("%(value)s is not one of %(choices)s.%(hint)s"),
            code="invalid_choice",
            params={
                "value": shown(value),
                "choices": ", ".join(choices),
                "hint": did_you_mean(value, choices),
            },
        )


def check_names(what: str, names: Iterable[str], allowed: Collection[str]) -> None:
    """Raise ``TypeError`` for a name that is not ``allowed`` for ``what``."""
    for name in sorted({*names}.difference(allowed)):
        hint = did_you_mean(name, allowed)
        raise TypeError(f"{what} has no field {name!r} that can be set.{hint}")


def raise_errors(
    kind: str, key: str, errors: Mapping[str, Sequence[tuple[str, str]]]
) -> None:
    """Raise ``InvalidDefinitionError`` if an item has errors.

    ``errors`` has codes and messages by field.
    """
    if not errors:
        return
    reasons = " ".join(
        message if name == NON_FIELD_ERRORS else f"{name}: {message}"
        for name, found in errors.items()
        for _code, message in found
    )
    message = f"The {named(kind, key)} cannot be saved. {reasons}"
    raise InvalidDefinitionError(message, errors=errors)
