"""The fields of streaks that staff may edit, and checks of their values."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from gamification.domain.streak_rules import (
    DAILY,
    EVERY_DAY,
    MOST_DATES,
    VERSION_FIELDS,
    StreakUnit,
)
from gamification.models import Activity, StreakDefinition
from gamification.services.catalogue.fields.values import check_value, raise_errors

#: The fields that staff may edit, besides the key of a new streak.
STREAK_FIELDS: Final = (
    "name",
    "description",
    *VERSION_FIELDS,
    "is_active",
    "position",
)
_FIELDS: Final = {field.name: field for field in StreakDefinition._meta.concrete_fields}
#: The fields that are lists.
LISTS: Final = frozenset({"activities", "weekdays"})


def check_streak(item: StreakDefinition) -> None:
    """Raise ``InvalidDefinitionError`` with every error of a streak."""
    errors = dict(_wrong_values(item))
    if not errors:
        known = Activity.objects.filter(key__in=item.activities)
        errors = dict(find_conflicts(item, {*known.values_list("key", flat=True)}))
    try:
        item.full_clean(exclude={*errors, *LISTS})
    except ValidationError as error:
        errors |= {name: each[0].messages[0] for name, each in error.error_dict.items()}
    found = {name: [("invalid", text)] for name, text in errors.items()}
    raise_errors("streak", item.key, found)


def _wrong_values(item: StreakDefinition) -> Iterator[tuple[str, str]]:
    """Yield each field whose value has a wrong type or range, and why."""
    for name in STREAK_FIELDS:
        value = getattr(item, name)
        try:
            if name in LISTS:
                check_list(name, value)
            else:
                check_value(_FIELDS[name], value)
        except ValidationError as error:
            yield name, error.messages[0]


def check_list(name: str, value: object) -> None:
    """Raise ``ValidationError`` unless a streak can have the list ``value``.

    It asks no database, so that the keys of activities may be unknown.
    """
    if not isinstance(value, list):
        raise ValidationError(_("This is not a list."))
    if name == "weekdays":
        if not all(type(each) is int and each in EVERY_DAY for each in value):
            message = _("Weekdays are whole numbers from 1 to 7, each once.")
            raise ValidationError(message)
    elif not all(isinstance(each, str) for each in value):
        raise ValidationError(_("Activities are named by their keys."))


def find_conflicts(
    item: StreakDefinition, activities: Container[str]
) -> Iterator[tuple[str, str]]:
    """Yield each field that does not go with the others, and why.

    ``activities`` has the keys of the activities that exist.
    """
    counting = len(item.weekdays or EVERY_DAY)
    most = MOST_DATES[StreakUnit(item.unit)]
    if item.unit != StreakUnit.DAY:
        # A month has each weekday four times at least.
        most = most * counting // len(EVERY_DAY)
    if item.goal > most:
        yield "goal", _("The most is %(most)s.") % {"most": most}
    if missing := sorted(repr(key) for key in item.activities if key not in activities):
        text = _("No activity has the key %(key)s.")
        yield "activities", text % {"key": ", ".join(missing)}
    if item.initial_freezes > item.freeze_cap:
        yield "initial_freezes", _("More freezes at the start than fit in stock.")
    if item.key == DAILY and (item.unit != StreakUnit.DAY or item.activities):
        yield "unit", _("The daily streak counts days, of all activities.")
    if item.key == DAILY and not item.is_active:
        yield "is_active", _("The daily streak is always active.")
