"""Conditions of achievements: a tree of criteria, and how their values are counted.

The tree is stored as JSON, which names activities, streaks and achievements by key::

    {"all": [
        {"criterion": "activity_count", "activity": "review", "threshold": 10,
         "where": [["genre", "in", ["fantasy", "horror"]]],
         "window": {"since": "2026-06-01", "until": "2026-07-01"}},
        {"at_least": 2, "of": [{"criterion": "level", "threshold": 5}, ...]},
        {"holds": "newcomer"},
        {"lacks": "cheater"},
    ]}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final, TypeAlias

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

#: The most levels of groups, and the most leaves, that a tree may have.
MAX_DEPTH: Final = 3
MAX_LEAVES: Final = 20
#: The most attributes that a comparison, and the most values that ``in``, may name.
MAX_COMPARISONS: Final = 16
MAX_VALUES: Final = 100
#: The most dates of a window of ``days``.
MAX_DAYS: Final = 366

#: The value of an attribute.
AttributeValue: TypeAlias = str | int | bool


class Operator(TextChoices):
    """How a record's attribute is compared."""

    IS = "is", _("is")
    IN = "in", _("is one of")
    AT_LEAST = "at_least", _("is at least")
    AT_MOST = "at_most", _("is at most")


class Quantity(TextChoices):
    """The quantity that is added up from the records that count."""

    #: Units of the activity.
    COUNT = "count", _("units")
    #: The values of an integer attribute, once for each record.
    SUM = "sum", _("sum of an attribute")
    #: Different values of an attribute.
    DISTINCT = "distinct", _("different values of an attribute")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A condition on an attribute of a record."""

    attribute: str
    operator: str
    #: One value, or the values of ``in``.
    value: AttributeValue | tuple[AttributeValue, ...]

    @property
    def canonical(self) -> Comparison:
        """The same with the values of ``in`` in order, each of them once."""
        if not isinstance(self.value, tuple):
            return self
        values = {repr(each): each for each in self.value}
        return replace(self, value=tuple(values[name] for name in sorted(values)))

    def accepts(self, attributes: Mapping[str, AttributeValue]) -> bool:
        """Say whether a record with these attributes meets the comparison."""
        given = attributes.get(self.attribute)
        if given is None:
            return False
        if isinstance(self.value, tuple):
            return given in self.value and any(
                each == given and type(each) is type(given) for each in self.value
            )
        # A yes equals 1 and is no number. Activities may declare one key as both.
        if type(given) is not type(self.value):
            return False
        if self.operator == Operator.IS:
            return given == self.value
        if isinstance(given, str) or isinstance(self.value, str):
            return False
        if self.operator == Operator.AT_LEAST:
            return given >= self.value
        return given <= self.value


@dataclass(frozen=True, slots=True)
class DateWindow:
    """The dates on a user's own calendar that count.

    Either those from ``since`` up to but not including ``until``, of which one may be
    open, or any ``days`` consecutive ones.
    """

    since: date | None = None
    until: date | None = None
    days: int | None = None

    def contains(self, day: date) -> bool:
        """Say whether ``day`` is between the ends of the window."""
        is_early = self.since is not None and day < self.since
        is_late = self.until is not None and day >= self.until
        return not (is_early or is_late)


#: A window that contains all dates.
ALWAYS: Final = DateWindow()


@dataclass(frozen=True, slots=True)
class Counting:
    """Which records count, and how; empty for every unit of an activity."""

    where: tuple[Comparison, ...] = ()
    window: DateWindow | None = None
    quantity: str = Quantity.COUNT.value
    #: The attribute that is added up, or whose values are counted.
    attribute: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether every unit counts, as the tally of an activity counts them."""
        is_all = not self.where and self.window is None
        return is_all and self.quantity == Quantity.COUNT.value

    @property
    def canonical(self) -> Counting:
        """The same in the form in which equal ways of counting are equal values."""
        if not self.where:
            return self
        where = {repr(each.canonical): each.canonical for each in self.where}
        return replace(self, where=tuple(where[name] for name in sorted(where)))


#: Every unit, at any time.
PLAIN: Final = Counting()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A criterion and the value that it must reach."""

    criterion: str
    threshold: int
    #: Keys; empty if the criterion needs none, or for the daily streak.
    activity: str = ""
    streak: str = ""
    counting: Counting = PLAIN


@dataclass(frozen=True, slots=True)
class Holding:
    """Whether a user must hold another achievement, or must not."""

    achievement: str
    is_held: bool = True


@dataclass(frozen=True, slots=True)
class ConditionGroup:
    """Conditions of which at least ``least`` must be met."""

    least: int
    parts: tuple[Condition, ...]
    #: How staff wrote it: ``all``, ``any`` or ``at_least``.
    name: str = "all"

    @property
    def is_choice(self) -> bool:
        """Whether some of the conditions suffice."""
        return self.least < len(self.parts)


Condition: TypeAlias = Leaf | Holding | ConditionGroup


def leaves_of(condition: Condition | None) -> Iterator[Leaf | Holding]:
    """Yield the leaves of a tree, from left to right."""
    if isinstance(condition, ConditionGroup):
        for part in condition.parts:
            yield from leaves_of(part)
    elif condition is not None:
        yield condition


def read_condition(data: Mapping[str, Any] | None) -> Condition | None:
    """Return the tree that is stored as ``data``, which was checked before."""
    if not data:
        return None
    if "holds" in data or "lacks" in data:
        is_held = "holds" in data
        return Holding(data["holds" if is_held else "lacks"], is_held)
    for name in ("all", "any", "at_least"):
        if name in data:
            parts = data["of"] if name == "at_least" else data[name]
            read = tuple(part for each in parts if (part := read_condition(each)))
            least = {"all": len(read), "any": 1}.get(name, data.get("at_least", 0))
            return ConditionGroup(least, read, name)
    return read_leaf(data)


def read_leaf(data: Mapping[str, Any]) -> Leaf:
    """Return the leaf that is stored as ``data``, which was checked before."""
    return Leaf(
        data["criterion"],
        data.get("threshold", 1),
        data.get("activity") or "",
        data.get("streak") or "",
        read_counting(data),
    )


def read_counting(data: Mapping[str, Any]) -> Counting:
    """Return the way of counting that is stored as ``data``, which was checked."""
    quantity, attribute = Quantity.COUNT.value, ""
    for name in (Quantity.SUM.value, Quantity.DISTINCT.value):
        if name in data:
            quantity, attribute = name, data[name]
    where = tuple(_comparison(*each) for each in data.get("where") or ())
    return Counting(where, _window(data.get("window")), quantity, attribute)


def _comparison(attribute: str, operator: str, value: Any) -> Comparison:
    several = operator == Operator.IN
    return Comparison(attribute, operator, tuple(value) if several else value)


def _window(data: Mapping[str, Any] | None) -> DateWindow | None:
    if not data:
        return None
    since, until = (
        date.fromisoformat(data[name]) if data.get(name) else None
        for name in ("since", "until")
    )
    return DateWindow(since, until, data.get("days"))


def write_condition(condition: Condition | None) -> dict[str, Any] | None:
    """Return the JSON of a tree: equal trees have equal JSON."""
    match condition:
        case None:
            return None
        case Holding(achievement, is_held):
            return {"holds" if is_held else "lacks": achievement}
        case ConditionGroup(least, parts, name):
            written = [write_condition(part) for part in parts]
            if name == "at_least":
                return {"at_least": least, "of": written}
            return {name: written}
    return {
        "criterion": condition.criterion,
        **({"activity": condition.activity} if condition.activity else {}),
        **({"streak": condition.streak} if condition.streak else {}),
        "threshold": condition.threshold,
        **write_counting(condition.counting),
    }


def write_counting(counting: Counting) -> dict[str, Any]:
    """Return the JSON of a way of counting; empty for every unit."""
    data: dict[str, Any] = {}
    if counting.where:
        data["where"] = [
            [each.attribute, each.operator, _plain(each.value)]
            for each in counting.where
        ]
    if counting.quantity != Quantity.COUNT:
        data[counting.quantity] = counting.attribute
    if window := counting.window:
        known = {"since": window.since, "until": window.until}
        data["window"] = {
            name: day.isoformat() for name, day in known.items() if day
        } | ({"days": window.days} if window.days else {})
    return data


def _plain(value: AttributeValue | tuple[AttributeValue, ...]) -> Any:
    return list(value) if isinstance(value, tuple) else value
