"""Checks what a boost requires of a record's attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from gamification.domain.attributes import MAX_NUMBER, MAX_TEXT, AttributeType, type_of
from gamification.domain.conditions import MAX_COMPARISONS, MAX_VALUES, Operator
from gamification.services.validation import is_storable
from gamification.suggestions import did_you_mean, shown

_PARTS: Final = 3
_ORDERED: Final = frozenset({Operator.AT_LEAST.value, Operator.AT_MOST.value})


def where_error(
    where: Sequence[Sequence[Any]], declared: Sequence[Mapping[str, str]]
) -> str:
    """Return why the comparisons cannot be used; "" if they can.

    ``declared`` has the types of attributes, by key, of each activity to which they
    apply. One of them must have the attribute, as text, number or yes and no.
    """
    if len(where) > MAX_COMPARISONS:
        return _("There are more than %(most)s comparisons.") % {
            "most": MAX_COMPARISONS
        }
    problems = (_problem(each, declared) for each in where)
    return next(filter(None, problems), "")


def _problem(comparison: Sequence[Any], declared: Sequence[Mapping[str, str]]) -> str:
    if len(comparison) != _PARTS:
        return _("A comparison has an attribute, an operator and a value.")
    attribute, operator, value = comparison
    if operator not in Operator.values:
        text = _("%(value)s is not one of %(choices)s.")
        choices = ", ".join(Operator.values)
        return text % {"value": shown(operator), "choices": choices}
    known = {key: kind for each in declared for key, kind in each.items()}
    if not isinstance(attribute, str) or attribute not in known:
        text = _("No activity that it boosts has the attribute %(key)s.%(hint)s")
        hint = did_you_mean(attribute, known)
        return text % {"key": shown(attribute), "hint": hint}
    kinds = {each[attribute] for each in declared if attribute in each}
    return _value_problem(attribute, operator, value, kinds)


def _value_problem(attribute: str, operator: str, value: Any, kinds: set[str]) -> str:
    if operator == Operator.IN:
        if not isinstance(value, list) or not 1 <= len(value) <= MAX_VALUES:
            text = _("Give a list of 1 to %(most)s values for %(attribute)s.")
            return text % {"most": MAX_VALUES, "attribute": attribute}
        values = value
    else:
        values = [value]
    if operator in _ORDERED and kinds != {AttributeType.INTEGER.value}:
        return _("%(attribute)s is not a number.") % {"attribute": attribute}
    if all(_is_value(each) and type_of(each) in kinds for each in values):
        return ""
    labels = " / ".join(str(AttributeType(kind).label) for kind in sorted(kinds))
    return _("The type of %(attribute)s is: %(type)s.") % {
        "attribute": attribute,
        "type": labels,
    }


def _is_value(value: Any) -> bool:
    """Say whether a record's attribute can have ``value``."""
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and is_storable(value)
    return isinstance(value, int) and abs(value) <= MAX_NUMBER
