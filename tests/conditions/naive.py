"""What must come out of conditions, written down once more, without any shortcut.

No line of the package is used. After each arrival, everything is judged from the list
of what stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tests.promises.items import level_of


@dataclass(eq=False)
class Line:
    """Something that stands in the ledger."""

    at: datetime
    amount: int
    activity: str = ""
    quantity: int = 0
    attributes: dict[str, Any] = field(default_factory=dict)
    achievement: str = ""

    @property
    def day(self) -> date:
        return self.at.date()


def in_window(line: Line, window: dict[str, Any]) -> bool:
    day = line.day.isoformat()
    return window.get("since", "") <= day < (window.get("until") or "9999-12-31")


def is_accepted(line: Line, where: list[Any]) -> bool:
    for attribute, operator, value in where:
        given = line.attributes.get(attribute)
        if given is None:
            return False
        verdict = {
            "is": lambda a, b: a == b,
            "in": lambda a, b: a in b,
            "at_least": lambda a, b: a >= b,
            "at_most": lambda a, b: a <= b,
        }[operator](given, value)
        if not verdict:
            return False
    return True


def measure(leaf: dict[str, Any], lines: list[Line]) -> int:
    """Return the value of a leaf over these lines."""
    window = leaf.get("window") or {}
    lines = [line for line in lines if in_window(line, window)]
    if days := window.get("days"):
        starts = {line.day - timedelta(back) for line in lines for back in range(days)}
        spans = [
            [line for line in lines if first <= line.day < first + timedelta(days)]
            for first in starts
        ]
        return max((amount(leaf, span) for span in spans), default=0)
    return amount(leaf, lines)


def amount(leaf: dict[str, Any], lines: list[Line]) -> int:
    match leaf["criterion"]:
        case "activity_count":
            lines = [
                line
                for line in lines
                if line.activity == leaf["activity"]
                and is_accepted(line, leaf.get("where", []))
            ]
            if "sum" in leaf:
                return sum(line.attributes.get(leaf["sum"], 0) for line in lines)
            if "distinct" in leaf:
                values = [line.attributes.get(leaf["distinct"]) for line in lines]
                return len({value for value in values if value is not None})
            return sum(line.quantity for line in lines)
        case "active_days":
            return len({line.day for line in lines if line.activity})
        case "longest_streak":
            return longest({line.day for line in lines if line.activity})
        case "level":
            return level_of(sum(line.amount for line in lines))
        case "total_xp":
            return sum(line.amount for line in lines)
        case "achievements":
            return sum(bool(line.achievement) for line in lines)
    return 0


def longest(days: set[date]) -> int:
    best = 0
    for day in days:
        length = 1
        while day + timedelta(length) in days:
            length += 1
        best = max(best, length)
    return best


def holds(tree: Any, lines: list[Line], then: list[Line]) -> bool:
    """Say whether a tree holds after ``lines``; what must lack was judged ``then``."""
    if tree is None:
        return True
    if "holds" in tree:
        return any(line.achievement == tree["holds"] for line in lines)
    if "lacks" in tree:
        return all(line.achievement != tree["lacks"] for line in then)
    for name in ("all", "any"):
        if name in tree:
            parts = [holds(part, lines, then) for part in tree[name]]
            return all(parts) if name == "all" else any(parts)
    if "at_least" in tree:
        parts = [holds(part, lines, then) for part in tree["of"]]
        return sum(parts) >= tree["at_least"]
    return measure(tree, lines) >= tree["threshold"]


def leaves(tree: Any) -> list[Any]:
    if tree is None:
        return []
    parts = tree.get("all") or tree.get("any") or tree.get("of")
    return [leaf for part in parts for leaf in leaves(part)] if parts else [tree]


@dataclass
class Rule:
    """An achievement: its own leaf, with what it counts, and a tree."""

    key: str
    xp: int
    own: dict[str, Any]
    tree: Any = None

    @property
    def has_lacks(self) -> bool:
        return any("lacks" in leaf for leaf in leaves(self.tree))

    def is_touched_by(self, activities: set[str]) -> bool:
        """Say whether records of these activities, or what follows, may decide."""
        named = {leaf.get("activity") for leaf in [self.own, *leaves(self.tree)]}
        return None in named or bool(named & activities)


@dataclass
class Naive:
    """One user."""

    rules: list[Rule]
    lines: list[Line] = field(default_factory=list)
    held: dict[str, Line] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    def in_order(self) -> list[Line]:
        return sorted(self.lines, key=lambda line: line.at)

    def met_at(self, rule: Rule) -> datetime | None:
        """Return since when the rule holds without interruption."""
        lines = self.in_order()
        whole = {"all": [rule.own, rule.tree]} if rule.tree else rule.own
        for first in range(1, len(lines) + 1):
            then = lines[:first]
            if all(
                holds(whole, lines[:last], then)
                for last in range(first, len(lines) + 1)
            ):
                return lines[first - 1].at
        return None

    def add(self, line: Line) -> None:
        self.lines.append(line)

    def earned(self, activities: set[str], waiting: list[Rule]) -> list[Rule]:
        others = {rule.key for rule in waiting} | self.held.keys() | self.barred
        return sorted(
            (
                rule
                for rule in self.rules
                if rule.key not in others
                and rule.is_touched_by(activities)
                and self.met_at(rule)
            ),
            key=lambda rule: rule.own["threshold"],
        )

    def settle(self, activities: set[str]) -> None:
        waiting = self.earned(activities, [])
        while waiting:
            rule = waiting.pop(0)
            moment = self.met_at(rule)
            # Something that it must lack may have been unlocked meanwhile, and before.
            if moment:
                line = Line(moment, rule.xp, achievement=rule.key)
                self.add(line)
                self.held[rule.key] = line
            brief = [
                each for each in self.earned(activities, waiting) if each.has_lacks
            ]
            waiting += brief
            if not waiting:
                waiting = self.earned(activities, [])

    def record(self, line: Line) -> None:
        self.add(line)
        self.settle({line.activity})

    def reverse(self, line: Line) -> None:
        before = self.total
        self.lines.remove(line)
        if self.total > before:
            self.settle({line.activity} - {""})

    def adjust(self, at: datetime, amount: int) -> None:
        self.add(Line(at, amount))
        if amount > 0:
            self.settle(set())

    def revoke(self, key: str) -> None:
        self.lines.remove(self.held.pop(key))
        self.barred.add(key)
