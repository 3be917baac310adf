"""The fields of the catalogue that staff may edit, and checks of their values."""

from __future__ import annotations

import json
from collections.abc import (
    Callable,
    Collection,
    Container,
    Iterable,
    Iterator,
    Mapping,
)
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, TypeAlias

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.utils.translation import gettext as _

from gamification.domain.criteria import Criterion
from gamification.domain.streak_rules import DAILY
from gamification.exceptions import UnknownStreakError
from gamification.models import Achievement, Activity, StreakDefinition
from gamification.services.catalogue.fields.attributes import (
    check_carried,
)
from gamification.services.catalogue.fields.repeats import (
    endless_rewards,
    moment_text,
    read_moment,
    repeat_problems,
)
from gamification.services.catalogue.fields.series import step_problems
from gamification.services.catalogue.fields.values import (
    check_names,
    check_value,
    raise_errors,
)
from gamification.services.catalogue.lookup import (
    find_definition,
    unknown_definition,
)
from gamification.services.streaks.lookup import find_streak
from gamification.services.validation import fingerprint

Definition: TypeAlias = Achievement | Activity

#: The fields that staff may edit, besides the key of a new item.
EDITABLE: Final[Mapping[type[Definition], tuple[str, ...]]] = {
    Achievement: (
        "name",
        "description",
        "category",
        "icon",
        "xp_reward",
        "criterion",
        "activity",
        "streak",
        "threshold",
        "counting",
        "conditions",
        "series",
        "step",
        "max_times",
        "repeat_every",
        "repeat_period",
        "starts_at",
        "ends_at",
        "season_zone",
        "shown_outside_season",
        "is_secret",
        "revocable",
        "status",
        "position",
    ),
    Activity: (
        "name",
        "description",
        "xp_reward",
        "daily_limit",
        "cooldown",
        "extends_streak",
        "attributes",
        "is_active",
    ),
}

#: The numbers that balance the game.
NUMBERS: Final[Mapping[type[Definition], tuple[str, ...]]] = {
    Achievement: ("xp_reward",),
    Activity: ("xp_reward", "daily_limit", "cooldown"),
}

_OTHER_CRITERIA = [each for each in Criterion if each != Criterion.ACTIVITY_COUNT]

_FIELDS = {
    model: {field.name: field for field in model._meta.concrete_fields}
    for model in EDITABLE
}
_COLUMNS = {
    model: [_FIELDS[model][name].attname for name in names]
    for model, names in EDITABLE.items()
}
_VALUES = {model: attrgetter(*columns) for model, columns in _COLUMNS.items()}


def editable_values(item: Definition) -> dict[str, Any]:
    """Return the values of ``item`` that staff may edit, by column."""
    model = type(item)
    return dict(zip(_COLUMNS[model], _VALUES[model](item), strict=True))


def definition_tag(item: Definition) -> str:
    """Return a digest of the editable fields of ``item``, the same in any process."""
    return fingerprint(*map(_comparable, editable_values(item).values()))


def check_field_names(
    model: type[Definition],
    names: Iterable[str],
    allowed: Mapping[type[Definition], Collection[str]],
) -> None:
    """Raise ``TypeError`` for a name that is not ``allowed`` for the model."""
    known = "An achievement" if model is Achievement else "An activity"
    check_names(known, names, allowed[model])


def set_fields(item: Definition, values: Mapping[str, Any]) -> None:
    """Set fields; raise ``InvalidDefinitionError`` with every error."""
    declared = item.attributes if isinstance(item, Activity) else {}
    errors = _set_each(item, values)
    if isinstance(item, Activity):
        try:
            check_carried(item, declared, item.attributes)
        except ValidationError as error:
            errors["attributes"] = error.error_list
    if problem := _criterion_problem_of(item, errors):
        errors[NON_FIELD_ERRORS] = [ValidationError(problem, code="invalid")]
    try:
        # The activity was looked up, and goes with the criterion.
        item.full_clean(exclude={*errors, "activity"})
    except ValidationError as error:
        errors |= error.error_dict
    if not errors:
        for name, problem in definition_problems(item):
            errors[name] = [ValidationError(problem, code="invalid")]
    _raise_if_any(item, errors)


def definition_problems(item: Definition) -> Iterator[tuple[str, str]]:
    """Yield the fields of a definition whose values do not fit together, and why."""
    if isinstance(item, Achievement):
        yield from step_problems(item)
        yield from repeat_problems(vars(item))
        yield from _reward_problems(item)


def _reward_problems(item: Achievement) -> Iterator[tuple[str, str]]:
    """Yield why its reward cannot be paid, together with those that are stored."""
    every = item.repeat_every
    if item.criterion != Criterion.TOTAL_XP or every is None or item.xp_reward >= every:
        return
    rows = Achievement.objects.filter(
        criterion=Criterion.TOTAL_XP, repeat_every__isnull=False
    )
    others = map(vars, rows.exclude(key=item.key))
    if problem := endless_rewards([*others, vars(item)]):
        yield "xp_reward", problem


def set_numbers(item: Definition, numbers: Mapping[str, int | None]) -> None:
    """Set some of ``NUMBERS``, as ``set_fields`` does, without a query."""
    errors = _set_each(item, numbers)
    if isinstance(item, Achievement) and not errors:
        own = (each for each in repeat_problems(vars(item)) if each[0] == "xp_reward")
        for name, problem in (*own, *_reward_problems(item)):
            errors[name] = [ValidationError(problem, code="invalid")]
    _raise_if_any(item, errors)


def criterion_problem(criterion: object, activity: object) -> str:
    """Return why the criterion and the activity do not fit; "" if they do."""
    if criterion == Criterion.ACTIVITY_COUNT and activity is None:
        return _("Choose an activity: this criterion counts one.")
    if criterion in _OTHER_CRITERIA and activity is not None:
        return _("Choose no activity: this criterion does not count one.")
    return ""


def _criterion_problem_of(item: Definition, errors: Container[str]) -> str:
    if isinstance(item, Activity) or "criterion" in errors or "activity" in errors:
        return ""
    return criterion_problem(item.criterion, item.activity_id)


def _set_each(
    item: Definition, values: Mapping[str, Any]
) -> dict[str, list[ValidationError]]:
    """Set the values that can be used; return the errors of the others, by field."""
    errors: dict[str, list[ValidationError]] = {}
    for name, value in values.items():
        field = _FIELDS[type(item)][name]
        try:
            check_value(field, value)
            setattr(item, name, _RELATED.get(name, _same)(value))
        except ValidationError as error:
            errors[name] = error.error_list
    return errors


def _raise_if_any(
    item: Definition, errors: Mapping[str, Iterable[ValidationError]]
) -> None:
    reported: dict[str, list[tuple[str, str]]] = {}
    for name, problems in errors.items():
        for each in problems:
            place = getattr(each, "path", name)
            found = (each.code or "invalid", each.messages[0])
            reported.setdefault(place, []).append(found)
    raise_errors(str(item._meta.model_name), item.key, reported)


def _comparable(value: Any) -> Any:
    """Return a value of a column as one that can be hashed."""
    if isinstance(value, datetime):
        return moment_text(value)
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _same(value: Any) -> Any:
    return value


def _streak(key: str | None) -> StreakDefinition | None:
    """Return the streak with this key; the daily one is that of no choice."""
    if key in {None, DAILY}:
        return None
    try:
        return find_streak(str(key))
    except UnknownStreakError as error:
        raise ValidationError(str(error), code=error.code) from error


def _activity(key: str | None) -> Activity | None:
    if key is None:
        return None
    activity = find_definition(Activity, key)
    if activity is None:
        message = str(unknown_definition(Activity, key))
        raise ValidationError(message, code="unknown_activity")
    return activity


#: How the values of relations are found by key.
_RELATED: Final[Mapping[str, Callable[[Any], Any]]] = {
    "activity": _activity,
    "streak": _streak,
    "starts_at": read_moment,
    "ends_at": read_moment,
}
