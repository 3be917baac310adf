"""The fields of boosts that staff may edit, and checks of their values."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from gamification.domain.zones import is_time_zone
from gamification.models import Activity, Boost, write_alias
from gamification.services.boosts.lookup import find_boost
from gamification.services.boosts.times import time_errors
from gamification.services.boosts.where import where_error
from gamification.services.catalogue.fields.values import check_value, raise_errors
from gamification.services.catalogue.lookup import UNSAVED_KEY
from gamification.services.validation import fingerprint, is_storable
from gamification.storage.boosts import memberships
from gamification.suggestions import did_you_mean, shown

#: The fields that staff may edit, besides the key of a new boost.
BOOST_FIELDS: Final = (
    "name",
    "description",
    "factor",
    "starts_at",
    "ends_at",
    "zone",
    "activities",
    "group",
    "where",
    "boosts_achievements",
    "boosts_adjustments",
    "boosts_imports",
    "is_active",
)
#: The most activities that a boost names.
MAX_ACTIVITIES: Final = 100

_COLUMNS: Final[Mapping[str, models.Field[Any, Any]]] = {
    field.name: field for field in Boost._meta.concrete_fields
}
#: The fields that are checked like those of activities and achievements.
_SIMPLE: Final = (
    "name",
    "description",
    "boosts_achievements",
    "boosts_adjustments",
    "boosts_imports",
    "is_active",
)


def boost_values(item: Boost) -> dict[str, Any]:
    """Return the values of ``BOOST_FIELDS``, as the verbs take them."""
    values = {name: getattr(item, name) for name in BOOST_FIELDS}
    return values | {"group": item.group.name if item.group else None}


def boost_tag(item: Boost) -> str:
    """Return a digest of the editable fields of a boost, the same in any process."""
    return fingerprint(*map(str, plain_boost(item).values()))


def plain_boost(item: Boost) -> dict[str, Any]:
    """Return the values of ``BOOST_FIELDS`` as JSON has them."""
    return plain_values(boost_values(item))


def plain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as JSON has them, from which the verbs take them back."""
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return f"{value:.2f}" if isinstance(value, Decimal) else value


def check_boost(key: str | None = None, /, **changes: Any) -> None:
    """Raise ``InvalidDefinitionError`` unless a boost can be changed like this.

    ``key`` names the boost; None stands for a new one.
    """
    item = find_boost(key) if key else Boost(key=UNSAVED_KEY)
    set_boost(item, changes)


def set_boost(item: Boost, changes: Mapping[str, Any]) -> None:
    """Set fields of a boost; raise ``InvalidDefinitionError`` with every error.

    The stored boost decides which fields may change.
    """
    before = boost_values(item) if item.pk else None
    errors: dict[str, str] = {}
    for name, value in changes.items():
        try:
            read = _READERS.get(name)
            setattr(item, name, read(value) if read else value)
        except ValidationError as error:
            errors[name] = error.messages[0]
    given = {*BOOST_FIELDS} if before is None else {*changes}
    errors |= dict(_wrong_values(item, given - errors.keys()))
    if not errors:
        now = timezone.now()
        errors = dict(time_errors(boost_values(item), before, now))
    try:
        item.full_clean(exclude={*errors, "group", "activities", "where"})
    except ValidationError as error:
        errors |= {name: each[0].messages[0] for name, each in error.error_dict.items()}
    found = {name: [("invalid", text)] for name, text in errors.items()}
    raise_errors("boost", item.key, found)


def _wrong_values(item: Boost, given: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield each of the fields ``given`` whose value is wrong by itself, and why."""
    for name in _SIMPLE:
        try:
            if name in given:
                check_value(_COLUMNS[name], getattr(item, name))
        except ValidationError as error:
            yield name, error.messages[0]
    if "zone" in given and item.zone and not is_time_zone(item.zone):
        text = _("%(zone)s is not the name of a time zone, such as Europe/Berlin.")
        yield "zone", text % {"zone": shown(item.zone)}
    if "activities" in given or "where" in given:
        yield from _wrong_choices(item)


def _wrong_choices(item: Boost) -> Iterator[tuple[str, str]]:
    """Yield which activities or attributes do not exist."""
    known = dict(Activity.objects.values_list("key", "attributes"))
    if missing := sorted(repr(key) for key in item.activities if key not in known):
        text = _("No activity has the key %(key)s.")
        yield "activities", text % {"key": ", ".join(missing)}
    declared = [known.get(key, {}) for key in item.activities or known]
    if problem := where_error(item.where, declared):
        yield "where", problem


def _factor(value: object) -> Decimal:
    """Return a factor of at most two places."""
    number = None
    if isinstance(value, (Decimal, int, float, str)) and not isinstance(value, bool):
        try:
            number = Decimal(str(value).strip())
        except InvalidOperation:
            number = None
    if number is None or not number.is_finite():
        message = _("%(value)s is not a decimal number, such as 1.5.")
        raise ValidationError(message % {"value": shown(value)})
    if number != round(number, 2):
        raise ValidationError(_("A factor has at most two decimal places."))
    return round(number, 2)


def _instant(value: object) -> datetime:
    """Return a time in UTC, given with a zone or as the text of such a time."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, datetime) or timezone.is_naive(value):
        raise ValidationError(_("This is not a date and time with a time zone."))
    _COLUMNS["starts_at"].run_validators(value)
    return value.astimezone(UTC)


def _zone(value: object) -> str:
    if not isinstance(value, str):
        raise ValidationError(_("This is not a text."))
    return value


def _activities(value: object) -> list[str]:
    is_list = isinstance(value, (list, tuple, set, frozenset))
    keys: list[Any] = [*value] if is_list else [None]  # type: ignore[misc]
    if not all(isinstance(each, str) for each in keys):
        raise ValidationError(_("Activities are named by their keys."))
    if len(keys) > MAX_ACTIVITIES:
        message = _("At most %(most)s activities can be chosen.")
        raise ValidationError(message % {"most": MAX_ACTIVITIES})
    return sorted({*keys})


def _where(value: object) -> list[list[Any]]:
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(each, (list, tuple)) for each in value
    ):
        message = _("Comparisons are lists such as [“genre”, “is”, “fantasy”].")
        raise ValidationError(message)
    return [
        [list(part) if isinstance(part, tuple) else part for part in each]
        for each in value
    ]


def _group(value: object) -> Group | None:
    """Return the group with this name."""
    if value is None:
        return None
    if memberships() is None:
        raise ValidationError(_("Users of this site have no groups."))
    groups = Group.objects.using(write_alias())
    usable = isinstance(value, str) and is_storable(value)
    found = groups.filter(name=value).first() if usable else None
    if found is None:
        known = groups.order_by("name").values_list("name", flat=True)
        message = _("No group has the name %(name)s.%(hint)s")
        hint = did_you_mean(value, known)
        raise ValidationError(message % {"name": shown(value), "hint": hint})
    return found


#: How values that are not stored as they are given are read.
_READERS: Final[Mapping[str, Callable[[object], Any]]] = {
    "factor": _factor,
    "starts_at": _instant,
    "ends_at": _instant,
    "zone": _zone,
    "activities": _activities,
    "group": _group,
    "where": _where,
}
