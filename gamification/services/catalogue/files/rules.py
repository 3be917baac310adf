"""Checks the conditions in a catalogue file against the catalogue that it makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from gamification.domain.conditions import write_condition, write_counting
from gamification.domain.counting_checks import OPERATORS
from gamification.domain.definitions import Definitions, DefinitionValues
from gamification.domain.rule_checks import (
    CheckedRule,
    Named,
    Rule,
    achievements_in,
    check_rule,
    find_cycle,
    names_in,
)
from gamification.models.rules.checks import cycle_problem, in_use

#: How many wrong achievements get suggestions of other keys.
MAX_HINTS: Final = 20


class PlacedProblem(NamedTuple):
    """An error in an item of a file."""

    kind: str
    key: str
    #: Such as ``conditions.all[1].threshold``.
    path: str
    message: str


def check_rules(
    stored: Definitions, given: Mapping[str, dict[str, DefinitionValues]]
) -> Iterator[PlacedProblem]:
    """Yield what is wrong with the rules, once ``given`` is in the catalogue.

    Rules without errors are brought into the form in which they are stored.
    """
    after = {kind: {**stored[kind], **given[kind]} for kind in given}
    named = Named(
        {key: _types(item) for key, item in after["activity"].items()},
        {*after["streak"]},
        {*after["achievement"]},
    )
    wrong = set[str]()
    for key, item in given["achievement"].items():
        # Comparing takes long where many keys are wrong.
        checked = _check(item, named._replace(suggests=len(wrong) < MAX_HINTS))
        for problem in checked.problems:
            wrong.add(key)
            yield PlacedProblem("achievement", key, *problem)
        if not checked.problems:
            given["achievement"][key] = _as_stored(item, checked)
    readable = {k: v for k, v in after["achievement"].items() if k not in wrong}
    yield from _cycles(readable, given["achievement"])
    yield from _needed(readable, given, named)


def _cycles(
    after: Mapping[str, DefinitionValues], given: Mapping[str, DefinitionValues]
) -> Iterator[PlacedProblem]:
    named_by = {
        key: {*achievements_in(item["conditions"])}
        for key, item in after.items()
        if item["conditions"]
    }
    for key in given:
        if cycle := find_cycle(key, named_by):
            problem = cycle_problem(cycle, "conditions")
            yield PlacedProblem("achievement", key, *problem)


def _needed(
    after: Mapping[str, DefinitionValues],
    given: Mapping[str, Mapping[str, DefinitionValues]],
    named: Named,
) -> Iterator[PlacedProblem]:
    """Yield attributes that achievements which are not in the file need."""
    others = {key: after[key] for key in after.keys() - given["achievement"].keys()}
    for key, item in sorted(others.items()):
        names = {name for kind, name in _names(item) if kind == "activity"}
        for activity in sorted(names & given["activity"].keys()):
            for problem in _check(item, named).problems:
                message = in_use(key, problem)
                yield PlacedProblem("activity", activity, "attributes", message)


def _check(item: DefinitionValues, named: Named) -> CheckedRule:
    rule = Rule(
        item["criterion"],
        item["threshold"],
        str(item["activity"] or ""),
        *(_json(item[name]) for name in ("counting", "conditions")),
    )
    return check_rule(rule, named)


def _json(value: Any) -> Any:
    """Return what can be checked; another value has been reported already."""
    return value if isinstance(value, dict) else None


def _as_stored(item: DefinitionValues, checked: CheckedRule) -> DefinitionValues:
    return {
        **item,
        "counting": write_counting(checked.counting),
        "conditions": write_condition(checked.conditions),
    }


def _names(item: DefinitionValues) -> Iterator[tuple[str, str]]:
    if item["counting"]:
        yield "activity", str(item["activity"])
    yield from names_in(item["conditions"])


def _types(item: DefinitionValues) -> Mapping[str, str]:
    """Return the types of attributes; what else a file has there was reported."""
    declared: Any = item["attributes"]
    if not isinstance(declared, dict):
        return {}
    return {name: kind for name, kind in declared.items() if kind in {*OPERATORS}}
