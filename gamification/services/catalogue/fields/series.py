"""Checks of series: each step once, and each higher one asks for more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from gamification.domain.criteria import Criterion
from gamification.domain.definitions import DefinitionValues
from gamification.domain.rules import AchievementStatus
from gamification.domain.series import SeriesStep, falling_steps
from gamification.models import Achievement

#: The fields that two steps must share, so that their thresholds compare.
_MEASURED: Final = (
    *("criterion", "activity", "streak", "counting", "conditions"),
    *("repeat_period", "starts_at", "ends_at"),
)


def step_problems(item: Achievement) -> Iterator[tuple[str, str]]:
    """Yield the fields of an achievement that its series cannot have so, and why."""
    if not item.series:
        return
    rows = Achievement.objects.select_related("activity", "streak")
    items = {row.key: row for row in rows.filter(series=item.series)}
    items[item.key] = item
    named = {key: _values(row) for key, row in items.items()}
    for key, name, message in _problems(named):
        if item.key in key:
            yield name, message


def file_problems(
    stored: Mapping[str, DefinitionValues], given: Mapping[str, DefinitionValues]
) -> Iterator[tuple[str, str, str]]:
    """Yield the key and field of what a file cannot give, and why.

    ``given`` replaces what is ``stored``. All values are those of a file.
    """
    named: dict[str, Mapping[str, Any]] = {**stored, **given}
    for key in given:
        if bool(named[key]["series"]) == (named[key]["step"] is None):
            yield key, "step", _together()
    for keys, name, message in _problems(named):
        if found := [key for key in keys if key in given]:
            yield found[0], name, message


def _values(item: Achievement) -> dict[str, Any]:
    names = ("name", "series", "step", "threshold", "status", *_MEASURED)
    values = {name: getattr(item, name) for name in names}
    for name in ("activity", "streak"):
        values[name] = values[name] and values[name].key
    return values


def _problems(
    named: Mapping[str, Mapping[str, Any]],
) -> Iterator[tuple[tuple[str, str], str, str]]:
    """Yield pairs of keys, of the higher step first, with a field and what is wrong."""
    series = {key: values for key, values in named.items() if values["series"]}
    places = sorted(
        (each["series"], each["step"], key)
        for key, each in series.items()
        if each["step"] is not None
    )
    for (*place, first), (*other, second) in pairwise(places):
        if place == other:
            text = _(
                "“%(first)s” and “%(second)s” are both step %(step)s of the series."
            )
            values = {"first": named[first]["name"], "second": named[second]["name"]}
            values |= {"step": place[1]}
            yield (second, first), "step", text % values
    for lower, higher in falling_steps(_steps(series)):
        yield (higher.key, lower.key), "threshold", _falling(lower, higher, named)


def _steps(named: Mapping[str, Mapping[str, Any]]) -> Iterator[SeriesStep]:
    """Yield the steps that users can earn by what they do."""
    for key, values in named.items():
        is_earned = values["criterion"] != Criterion.MANUAL
        is_open = values["status"] != AchievementStatus.RETIRED
        if values["step"] is not None and is_earned and is_open:
            measure = [values.get(name) or None for name in _MEASURED]
            yield SeriesStep(
                values["series"], values["step"], key, measure, values["threshold"]
            )


def _together() -> str:
    return _("A series and a step go together: give both, or neither.")


def _falling(
    lower: SeriesStep, higher: SeriesStep, named: Mapping[str, Mapping[str, Any]]
) -> str:
    text = _(
        "Step %(higher)s “%(higher_name)s” (%(more)s) must ask for more than step "
        "%(lower)s “%(lower_name)s” (%(less)s)."
    )
    return text % {
        "higher": higher.step,
        "higher_name": named[higher.key]["name"],
        "more": number_format(higher.threshold, force_grouping=True),
        "lower": lower.step,
        "lower_name": named[lower.key]["name"],
        "less": number_format(lower.threshold, force_grouping=True),
    }
