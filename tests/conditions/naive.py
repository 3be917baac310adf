"""A naive model of conditions, without any shortcut.

It uses no line of the package. After each arrival, it judges everything again from the
list of standing entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tests.promises.items import level_of


@dataclass(eq=False)
class Line:
    """A standing entry of the ledger."""

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
            return len({line.achievement for line in lines if line.achievement})
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
    """Say whether a tree holds after ``lines``; "lacks" looks at the lines ``then``."""
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
    #: What earns it again, the period of each time, how often, and the season.
    every: int = 0
    period: str = ""
    times: int | None = 1
    since: datetime | None = None
    until: datetime | None = None

    @property
    def has_season(self) -> bool:
        return bool(self.since or self.until)

    @property
    def is_special(self) -> bool:
        return bool(self.every or self.period or self.has_season)

    def period_of(self, day: date) -> date | None:
        if not self.period:
            return None
        return day - timedelta(day.weekday() if self.period == "week" else 0)

    def counts(self, line: Line, period: date | None) -> bool:
        """Say whether a line is in the season and the period."""
        is_early = self.since is not None and line.at < self.since
        is_late = self.until is not None and line.at >= self.until
        return not (is_early or is_late) and self.period_of(line.day) == period

    @property
    def has_lacks(self) -> bool:
        return any("lacks" in leaf for leaf in leaves(self.tree))

    def is_touched_by(self, activities: set[str]) -> bool:
        """Say whether records of these activities may decide if the rule is met."""
        named = {leaf.get("activity") for leaf in [self.own, *leaves(self.tree)]}
        return None in named or bool(named & activities)


#: An achievement, the number of the time it is earned, and the period of that time.
Time = tuple[str, int, date | None]


@dataclass
class Naive:
    """One user."""

    rules: list[Rule]
    lines: list[Line] = field(default_factory=list)
    #: By achievement, and the number or the period of the time.
    held: dict[Time, Line] = field(default_factory=dict)
    barred: set[Time] = field(default_factory=set)

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)

    def in_order(self) -> list[Line]:
        return sorted(self.lines, key=lambda line: line.at)

    def met_at(self, rule: Rule, time: Time) -> datetime | None:
        """Return the instant since which the rule has held without interruption."""
        lines, period = self.in_order(), time[2]
        threshold = rule.own["threshold"] + (time[1] - 1) * rule.every
        inside = [line for line in lines if rule.counts(line, period)]
        places = [n for n, line in enumerate(lines, 1) if rule.counts(line, period)]

        def is_met(first: int, last: int) -> bool:
            known = lines[:last]
            if rule.own["criterion"] != "level":
                known = [line for line in known if line in inside]
            value = measure(rule.own, known)
            return value >= threshold and holds(rule.tree, lines[:last], lines[:first])

        for first in places:
            if all(is_met(first, last) for last in places if last >= first):
                return lines[first - 1].at
        return None

    def times(self, rule: Rule) -> list[Time]:
        """Return which times of earning a rule may be met."""
        mine = [time for time in {*self.held} | self.barred if time[0] == rule.key]
        if rule.times is not None and len(mine) >= rule.times:
            return []
        if rule.period:
            periods = {rule.period_of(line.day) for line in self.lines}
            left = sorted(each for each in periods if each)
            found = [(rule.key, 1, each) for each in left]
            most = len(found) if rule.times is None else rule.times - len(mine)
            return [
                each for each in found if each not in mine and self.met_at(rule, each)
            ][:most]
        last = rule.times or (1 if not rule.every else 200)
        return [
            time
            for number in range(1, last + 1)
            if (time := (rule.key, number, None)) not in mine
        ]

    def add(self, line: Line) -> None:
        self.lines.append(line)

    def earned(
        self, activities: set[str], waiting: list[tuple[Rule, Time]]
    ) -> list[tuple[Rule, Time]]:
        others = {time for _rule, time in waiting} | self.held.keys() | self.barred
        return sorted(
            (
                (rule, time)
                for rule in self.rules
                if rule.is_touched_by(activities)
                for time in self.times(rule)
                if time not in others and self.met_at(rule, time)
            ),
            key=lambda each: (
                each[0].own["threshold"] + (each[1][1] - 1) * each[0].every
            ),
        )

    def settle(self, activities: set[str]) -> None:
        waiting = self.earned(activities, [])
        while waiting:
            rule, time = waiting.pop(0)
            moment = self.met_at(rule, time)
            # Meanwhile the user may have unlocked an achievement that the rule forbids.
            if moment:
                line = Line(moment, rule.xp, achievement=rule.key)
                self.add(line)
                self.held[time] = line
            brief = [
                each for each in self.earned(activities, waiting) if each[0].has_lacks
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

    def revoke(self, time: Time) -> None:
        self.lines.remove(self.held.pop(time))
        self.barred.add(time)
