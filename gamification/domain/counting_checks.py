"""Checks which records an achievement counts: filters, sums, values and windows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from gamification.domain.attributes import MAX_TEXT
from gamification.domain.conditions import (
    MAX_COMPARISONS,
    MAX_DAYS,
    MAX_VALUES,
    Comparison,
    Counting,
    DateWindow,
    Operator,
    Quantity,
)
from gamification.domain.criteria import Criterion
from gamification.domain.rules import MAX_TOTAL, SPANNED
from gamification.suggestions import did_you_mean, shown

_TYPES: Final[Mapping[str, type]] = {"string": str, "integer": int, "boolean": bool}
#: The operators that fit the values of each type.
OPERATORS: Final[Mapping[str, tuple[str, ...]]] = {
    "string": (Operator.IS.value, Operator.IN.value),
    "integer": tuple(Operator.values),
    "boolean": (Operator.IS.value,),
}
#: The criteria that can be measured between two dates.
DATED: Final = SPANNED | {Criterion.LONGEST_STREAK, Criterion.ACHIEVEMENTS}
#: The criteria that a date raises by one at most.
_BY_DATES: Final = frozenset(
    {Criterion.ACTIVE_DAYS.value, Criterion.LONGEST_STREAK.value}
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
#: Characters that no database can store: NUL, and halves of surrogates.
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class Problem(NamedTuple):
    """A problem at a place of the JSON."""

    #: Such as ``conditions.all[1].threshold``.
    path: str
    message: str


class Problems:
    """Collects what is wrong."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, path: str, message: object) -> None:
        self.found.append(Problem(path, str(message)))


class CheckedCounting(NamedTuple):
    """A way of counting that was checked, and what is wrong with it."""

    counting: Counting
    problems: list[Problem]


def check_counting(
    path: str,
    data: Mapping[str, Any],
    criterion: str,
    threshold: object,
    types: Mapping[str, str] | None,
) -> CheckedCounting:
    """Return the way of counting in ``data``, with everything that is wrong with it.

    ``types`` has the types of the attributes of the counted activity; None if the
    activity is not known.
    """
    checker = _Checker(types)
    if criterion == Criterion.ACTIVITY_COUNT:
        where = checker.where(f"{path}.where", data.get("where"))
        quantity, attribute = checker.quantity(path, data)
    else:
        where, quantity, attribute = (), Quantity.COUNT.value, ""
        for name in ("where", "sum", "distinct"):
            if data.get(name) is not None and (name, data[name]) != ("where", []):
                message = _("Only records of an activity have attributes.")
                checker.problems.add(f"{path}.{name}", message)
    window = checker.window(f"{path}.window", data.get("window"), criterion)
    counting = Counting(where, window, quantity, attribute)
    top = _top(counting, criterion, (types or {}).get(attribute, ""))
    if type(threshold) is int and top < threshold <= MAX_TOTAL:
        message = _("Nobody can reach this: %(top)s is the most.")
        at = "threshold" if path == "counting" else f"{path}.threshold"
        checker.problems.add(at, message % {"top": top})
    return CheckedCounting(counting, checker.problems.found)


def _top(counting: Counting, criterion: str, kind: str) -> int:
    """Return the highest value that anybody can reach."""
    tops, window = [MAX_TOTAL], counting.window
    if window and criterion in _BY_DATES:
        if window.days:
            tops.append(window.days)
        if window.since and window.until:
            tops.append((window.until - window.since).days)
    if counting.quantity == Quantity.DISTINCT:
        if kind == "boolean":
            tops.append(2)
        for each in counting.where:
            if each.attribute == counting.attribute:
                tops += _values_of(each)
    return min(tops)


def _values_of(comparison: Comparison) -> list[int]:
    """Return how many values a comparison accepts, if it names them."""
    if isinstance(comparison.value, tuple):
        return [len(comparison.value)]
    return [1] if comparison.operator == Operator.IS else []


class _Checker:
    """Turns JSON into a way of counting, and collects what is wrong with it."""

    def __init__(self, types: Mapping[str, str] | None) -> None:
        self._types = types
        self.problems = Problems()

    def where(self, path: str, data: object) -> tuple[Comparison, ...]:
        """Return the comparisons, all of which a record must meet."""
        if data is None:
            return ()
        if not isinstance(data, list) or len(data) > MAX_COMPARISONS:
            message = _("This must be a list of at most %(most)s comparisons.")
            self.problems.add(path, message % {"most": MAX_COMPARISONS})
            return ()
        checked = [
            self._comparison(f"{path}[{index}]", each)
            for index, each in enumerate(data)
        ]
        return tuple(each for each in checked if each)

    def quantity(self, path: str, data: Mapping[str, Any]) -> tuple[str, str]:
        """Return what is added up, and from which attribute."""
        given = [name for name in ("sum", "distinct") if data.get(name) is not None]
        if len(given) == 2:
            message = _("Choose either a sum or different values, not both.")
            self.problems.add(f"{path}.distinct", message)
        for name in given[:1]:
            kind = self._type_of(f"{path}.{name}", data[name])
            if name == Quantity.SUM and kind not in {"", "integer"}:
                message = _("Only whole numbers are added up; this is a %(type)s.")
                self.problems.add(f"{path}.sum", message % {"type": kind})
            return name, str(data[name])
        return Quantity.COUNT.value, ""

    def window(self, path: str, data: object, criterion: str) -> DateWindow | None:
        """Return the dates that count; None for all."""
        if data is None or data == {}:
            return None
        names = ("since", "until", "days")
        if not isinstance(data, dict) or not {*data} <= {*names}:
            message = _("A window is an object with since, until, or days.")
            self.problems.add(path, message)
            return None
        since, until, days = map(data.get, names)
        if days is not None:
            return self._span(path, data, criterion)
        first = self._date(f"{path}.since", since)
        end = self._date(f"{path}.until", until)
        if criterion not in DATED:
            message = _("%(criterion)s has no window: only its present value counts.")
            self.problems.add(path, message % {"criterion": criterion})
        elif first and end and first >= end:
            message = _("The window ends before it starts: until is the date after it.")
            self.problems.add(f"{path}.until", message)
            return None
        return DateWindow(first, end) if first or end else None

    def _span(
        self, path: str, data: Mapping[str, Any], criterion: str
    ) -> DateWindow | None:
        days = data["days"]
        if data.get("since") is not None or data.get("until") is not None:
            message = _("A window has either dates or days, not both.")
            self.problems.add(path, message)
        if type(days) is not int or not 1 <= days <= MAX_DAYS:
            message = _("This must be a whole number from 1 to %(most)s.")
            self.problems.add(f"{path}.days", message % {"most": MAX_DAYS})
            return None
        if criterion not in SPANNED:
            message = _("%(criterion)s cannot be measured within a number of days.")
            self.problems.add(path, message % {"criterion": criterion})
            return None
        return DateWindow(days=days)

    def _date(self, path: str, value: object) -> date | None:
        if value is None:
            return None
        try:
            if isinstance(value, str) and _DATE.fullmatch(value):
                return date.fromisoformat(value)
        except ValueError:
            pass
        message = _("%(value)s is not a date, such as 2026-06-01.")
        self.problems.add(path, message % {"value": shown(value)})
        return None

    def _comparison(self, path: str, data: object) -> Comparison | None:
        if not isinstance(data, list) or len(data) != 3:
            message = _("A comparison is a list of attribute, operator and value.")
            self.problems.add(path, message)
            return None
        attribute, operator, value = data
        kind = self._type_of(path, attribute)
        if not kind:
            return None
        if operator not in OPERATORS[kind]:
            message = _("Compare the type %(type)s by %(known)s, not by %(operator)s.")
            known = ", ".join(OPERATORS[kind])
            values = {"type": kind, "known": known, "operator": shown(operator)}
            self.problems.add(path, message % values)
            return None
        if operator == Operator.IN:
            return self._list(path, attribute, value, kind)
        self._value(path, value, kind)
        return Comparison(attribute, operator, value)

    def _list(self, path: str, name: str, data: object, kind: str) -> Comparison | None:
        if not isinstance(data, list) or not 1 <= len(data) <= MAX_VALUES:
            message = _("This must be a list of 1 to %(most)s values.")
            self.problems.add(path, message % {"most": MAX_VALUES})
            return None
        fitting = [self._value(path, value, kind) for value in data]
        if not all(fitting):
            return None
        # A value that is there twice counts once.
        return Comparison(name, Operator.IN.value, tuple(dict.fromkeys(data)))

    def _value(self, path: str, value: object, kind: str) -> bool:
        """Say whether an attribute of this type can have the value; report if not."""
        message: Any = ""
        if type(value) is not _TYPES[kind]:
            message = _("The value %(value)s is not of the type %(type)s.")
        elif isinstance(value, str) and _UNSTORABLE.search(value):
            message = _("The value %(value)s cannot be stored.")
        elif isinstance(value, str) and len(value) > MAX_TEXT:
            message = _("The value %(value)s is longer than 64 characters.")
        elif isinstance(value, int) and abs(value) > MAX_TOTAL:
            message = _("The value %(value)s is too large.")
        if message:
            self.problems.add(path, message % {"value": shown(value), "type": kind})
        return not message

    def _type_of(self, path: str, attribute: object) -> str:
        """Return the type of an attribute; "" if it is not declared, or unknown."""
        if self._types is None:
            return ""
        if isinstance(attribute, str) and attribute in self._types:
            return self._types[attribute]
        message = _("The activity declares no attribute %(name)s.%(hint)s")
        known: Collection[str] = self._types
        values = {"name": shown(attribute), "hint": did_you_mean(attribute, known)}
        self.problems.add(path, message % values)
        return ""
