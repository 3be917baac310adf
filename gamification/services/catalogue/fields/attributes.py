"""The attributes that activities declare, and checks of such declarations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from gamification.domain.attributes import (
    KEY,
    MAX_ATTRIBUTES,
    AttributeType,
    type_of,
)
from gamification.models import Activity, LedgerEntry
from gamification.suggestions import did_you_mean, shown


def check_declaration(attributes: Mapping[Any, Any]) -> None:
    """Raise ``ValidationError`` unless an activity can declare these attributes.

    They are types by key. It asks no database.
    """
    if len(attributes) > MAX_ATTRIBUTES:
        message = _("An activity declares at most %(most)s attributes, not %(count)s.")
        numbers = {"most": MAX_ATTRIBUTES, "count": len(attributes)}
        raise ValidationError(message, code="too_many", params=numbers)
    problems = [*filter(None, (_problem(*each) for each in attributes.items()))]
    if problems:
        raise ValidationError(" ".join(problems), code="invalid_attributes")


def check_carried(
    activity: Activity, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Raise ``ValidationError`` if entries have attributes of another type.

    ``before`` and ``after`` are the types that the activity declares. An attribute that
    is no longer declared stays on the entries that have it.
    """
    new = [key for key in after if after[key] != before.get(key)]
    carried = carried_types(activity, new) if new and activity.pk else {}
    message = _(
        "%(key)s must keep the type %(type)s: entries of the ledger have it. "
        "Declare another attribute instead."
    )
    problems = [
        message % {"key": key, "type": kind}
        for key, kind in carried.items()
        if kind != after[key]
    ]
    if problems:
        raise ValidationError(" ".join(problems), code="in_use")


def carried_types(activity: Activity, keys: Iterable[str]) -> dict[str, str]:
    """Return the types that attributes of the activity's entries have.

    Keys that no entry has are left out.
    """
    keys = [*keys]
    entries = LedgerEntry.objects.filter(activity=OuterRef("pk"))
    # All entries with a key have the same type, so that one of them is enough.
    samples = [
        Subquery(
            entries.filter(attributes__has_key=key).order_by().values("attributes")[:1]
        )
        for key in keys
    ]
    rows = Activity.objects.filter(pk=activity.pk).order_by()
    values = rows.values_list(*samples).first() or ()
    found = zip(keys, values, strict=False)
    return {key: type_of(value[key]) for key, value in found if value is not None}


def _problem(key: object, kind: object) -> str:
    """Return what is wrong with an attribute; "" if nothing is."""
    if not isinstance(key, str) or not KEY.fullmatch(key):
        text = _(
            "%(key)s cannot be the key of an attribute: use 1 to 32 lower-case "
            "letters, digits and underscores, and begin with a letter."
        )
        return text % {"key": shown(key)}
    if kind not in AttributeType.values:
        text = _("%(key)s: %(type)s is not one of %(known)s.%(hint)s")
        return text % {
            "key": key,
            # The text of a nested value may exceed the recursion limit.
            "type": shown(kind) if isinstance(kind, str) else _("this value"),
            "known": ", ".join(AttributeType.values),
            "hint": did_you_mean(kind, AttributeType.values),
        }
    return ""
