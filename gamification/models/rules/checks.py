"""Checks the conditions of achievements against what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from gamification.domain.conditions import write_condition, write_counting
from gamification.domain.counting_checks import OPERATORS, Problem
from gamification.domain.rule_checks import (
    CheckedRule,
    Named,
    Rule,
    achievements_in,
    check_rule,
    find_cycle,
)
from gamification.models.rules.references import (
    boosts_needing,
    rows_of,
    rules_naming,
)

if TYPE_CHECKING:
    from gamification.models.catalogue.achievements import Achievement
    from gamification.models.catalogue.activities import Activity


class RuleError(ValidationError):
    """An error at a place of an achievement's conditions."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message, code="invalid")
        #: Such as ``conditions.all[1].threshold``.
        self.path = problem.path


def clean_rule(achievement: Achievement) -> None:
    """Bring the conditions and what is counted into the form in which they are stored.

    Equal rules are then equal JSON. Raises ``ValidationError`` with a ``RuleError`` for
    all that is wrong, by field. Without conditions, it asks no database.
    """
    if not achievement.counting and achievement.conditions is None:
        achievement.counting = {}
        return
    checked = find_problems(achievement, named_now())
    if checked.problems:
        raise ValidationError(errors_of(checked.problems))
    achievement.counting = write_counting(checked.counting)
    achievement.conditions = write_condition(checked.conditions)
    if cycle := _cycle_of(achievement):
        raise ValidationError(errors_of([cycle_problem(cycle, "conditions")]))


def clean_attributes(activity: Activity) -> None:
    """Raise ``ValidationError`` if a rule or a boost needs what was declared before."""
    if not activity.pk or not isinstance(activity.attributes, dict):
        return
    texts = [*_rules_needing(activity), *_boosts_needing(activity)]
    if texts:
        errors = [ValidationError(text, code="in_use") for text in texts]
        raise ValidationError({"attributes": errors})


def _rules_needing(activity: Activity) -> Iterator[str]:
    rows = rules_naming("activity", activity.key)
    if not rows:
        return
    named = named_now()
    types = {k: v for k, v in activity.attributes.items() if v in OPERATORS}
    named = named._replace(activities={**named.activities, activity.key: types})
    for row in rows:
        for problem in find_problems(row, named).problems:
            yield in_use(row.key, problem)


def _boosts_needing(activity: Activity) -> Iterator[str]:
    for boost, attribute in boosts_needing({activity.key: activity.attributes}):
        text = _("The boost %(key)s needs the attribute %(attribute)s as it was.")
        yield text % {"key": boost.key, "attribute": attribute}


def in_use(key: str, problem: Problem) -> str:
    """Return why an attribute cannot be changed, as an achievement needs it."""
    message = _("The achievement %(key)s needs it: %(path)s: %(message)s")
    return message % {"key": key, **problem._asdict()}


def cycle_problem(cycle: Iterable[str], path: str) -> Problem:
    """Return the problem of achievements that require each other."""
    message = _("Achievements cannot require each other: %(cycle)s.")
    return Problem(path, message % {"cycle": " → ".join(cycle)})


def errors_of(problems: Iterable[Problem]) -> dict[str, list[ValidationError]]:
    """Return problems as errors of the fields that they are in."""
    errors: dict[str, list[ValidationError]] = {}
    for problem in problems:
        field = problem.path.partition(".")[0].partition("[")[0]
        errors.setdefault(field, []).append(RuleError(problem))
    return errors


def find_problems(achievement: Achievement, named: Named) -> CheckedRule:
    """Return the rule of an achievement as values, with all that is wrong with it."""
    rule = Rule(
        achievement.criterion,
        achievement.threshold,
        achievement.activity.key if achievement.activity else "",
        achievement.counting,
        achievement.conditions,
    )
    return check_rule(rule, named)


def named_now() -> Named:
    """Return what conditions can name, with three queries."""
    activities = rows_of("Activity").values_list("key", "attributes")
    streaks = rows_of("StreakDefinition").values_list("key", flat=True)
    achievements = rows_of("Achievement").values_list("key", flat=True)
    return Named(dict(activities), {*streaks}, {*achievements})


def _cycle_of(achievement: Achievement) -> list[str]:
    own = {*achievements_in(achievement.conditions)}
    if not own:
        return []
    stored = rows_of("Achievement").filter(conditions__isnull=False)
    required: Mapping[str, set[str]] = {
        key: {*achievements_in(conditions)}
        for key, conditions in stored.values_list("key", "conditions")
    }
    return find_cycle(achievement.key, {**required, achievement.key: own})
