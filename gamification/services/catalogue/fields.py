"""What staff may edit of the catalogue, and checks of the values that they give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Final, TypeAlias

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from gamification.exceptions import InvalidDefinitionError
from gamification.models import Achievement, Activity, write_alias
from gamification.services.validation import is_storable

Definition: TypeAlias = Achievement | Activity

#: What staff may edit, with the type that a value must have.
EDITABLE: Final[Mapping[type[Definition], Mapping[str, type]]] = {
    Achievement: {
        "name": str,
        "description": str,
        "category": str,
        "icon": str,
        "xp_reward": int,
        "criterion": str,
        "activity": str,
        "threshold": int,
        "is_secret": bool,
        "status": str,
        "position": int,
    },
    Activity: {
        "name": str,
        "description": str,
        "xp_reward": int,
        "daily_limit": int,
        "cooldown": int,
        "extends_streak": bool,
        "is_active": bool,
    },
}

_FIELDS = {
    model: {field.name: field for field in model._meta.concrete_fields}
    for model in EDITABLE
}
_COLUMNS = {
    model: [_FIELDS[model][name].attname for name in names]
    for model, names in EDITABLE.items()
}
_VALUES = {model: attrgetter(*columns) for model, columns in _COLUMNS.items()}


def definition_of(item: Definition) -> dict[str, Any]:
    """Return what staff may edit of ``item``, by column."""
    model = type(item)
    return dict(zip(_COLUMNS[model], _VALUES[model](item), strict=True))


def check_names(model: type[Definition], fields: Iterable[str]) -> None:
    """Raise ``TypeError`` unless all of ``fields``, beside a key, can be set."""
    if unknown := {*fields} - {"key", *EDITABLE[model]}:
        known = "An achievement" if model is Achievement else "An activity"
        msg = f"{known} has no field {min(unknown)!r} that can be set."
        raise TypeError(msg)


def define(item: Definition, fields: Mapping[str, Any]) -> None:
    """Set ``fields``, or raise ``InvalidDefinitionError`` with all that is wrong."""
    errors: dict[str, list[ValidationError]] = {}
    for name, value in fields.items():
        try:
            setattr(item, name, _clean(type(item), name, value))
        except ValidationError as error:
            errors[name] = [error]
    try:
        item.full_clean(exclude=errors)
    except ValidationError as error:
        errors |= error.error_dict
    if errors:
        raise InvalidDefinitionError(
            f"What was said of the {item._meta.model_name} cannot be used.",
            errors={
                name: [(each.code or "invalid", each.messages[0]) for each in problems]
                for name, problems in errors.items()
            },
        )


def _clean(model: type[Definition], name: str, value: object) -> object:
    """Return ``value`` as the model has it; raise ``ValidationError``."""
    if value is None and _FIELDS[model][name].null:
        return None
    kind = EDITABLE[model].get(name, str)
    # A truth value counts as a number, but not here.
    if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
        message = _("The value is not of the right type.")
        raise ValidationError(message, code="invalid")
    if isinstance(value, str):
        _check_text(model, name, value)
    return _activity(value) if name == "activity" else value


def _check_text(model: type[Definition], name: str, value: str) -> None:
    if not is_storable(value):
        message = _("The value holds characters that cannot be stored.")
        raise ValidationError(message, code="not_storable")
    field = _FIELDS[model][name]
    # Models leave it to forms to measure long texts.
    if field.max_length and len(value) > field.max_length:
        message = _("The value is longer than %(limit)s characters.")
        limit = {"limit": field.max_length}
        raise ValidationError(message, code="max_length", params=limit)
    if not field.blank and not value.strip():
        raise ValidationError(field.error_messages["blank"], code="blank")


def _activity(key: object) -> Activity:
    activity = Activity.objects.using(write_alias()).filter(key=key).first()
    if activity is None:
        message = _("No activity has the key “%(key)s”.")
        raise ValidationError(message, code="unknown_activity", params={"key": key})
    return activity
