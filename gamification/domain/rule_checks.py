"""Checks what staff write as the conditions of an achievement, and what it counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from django.utils.translation import gettext_lazy as _

from gamification.domain.conditions import (
    MAX_DEPTH,
    MAX_LEAVES,
    PLAIN,
    Condition,
    ConditionGroup,
    Counting,
    Holding,
    Leaf,
)
from gamification.domain.counting_checks import Problem, Problems, check_counting
from gamification.domain.criteria import Criterion
from gamification.domain.rules import MAX_TOTAL
from gamification.domain.streak_rules import DAILY
from gamification.suggestions import did_you_mean, shown

#: The kinds of conditions, and the other names that the JSON of each can have.
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "criterion": (
        *("activity", "streak", "threshold"),
        *("where", "sum", "distinct", "window"),
    ),
    "holds": (),
    "lacks": (),
    "all": (),
    "any": (),
    "at_least": ("of",),
}
_GROUPS: Final = frozenset({"all", "any", "at_least"})
#: The longest unknown name that a path shows.
MAX_NAME: Final = 60
#: The criteria that a condition can have.
LEAF_CRITERIA: Final = [each.value for each in Criterion if each != Criterion.MANUAL]


class Named(NamedTuple):
    """The items that the rules of achievements can name, by key."""

    #: The types of the declared attributes, by activity.
    activities: Mapping[str, Mapping[str, str]]
    streaks: Collection[str]
    achievements: Collection[str]
    #: Whether messages suggest keys that are like a wrong one.
    suggests: bool = True


class Rule(NamedTuple):
    """The requirement of an achievement as staff wrote it, not yet checked."""

    criterion: object
    threshold: object
    activity: str = ""
    counting: object = None
    conditions: object = None


class CheckedRule(NamedTuple):
    """A rule that was checked, and what is wrong with it."""

    counting: Counting
    conditions: Condition | None
    problems: tuple[Problem, ...]


def check_rule(rule: Rule, named: Named) -> CheckedRule:
    """Return the rule as values, with everything that is wrong with it."""
    checker = _Checker(named)
    counting, conditions = PLAIN, None
    if rule.criterion == Criterion.MANUAL:
        checker.refuse_rules(rule)
    elif rule.criterion in LEAF_CRITERIA:
        counting = checker.counting("counting", rule)
        if rule.conditions is not None:
            conditions = checker.condition("conditions", rule.conditions)
    return CheckedRule(counting, conditions, tuple(checker.problems.found))


class _Checker:
    """Turns JSON into conditions, and collects what is wrong with it."""

    def __init__(self, named: Named) -> None:
        self._named = named
        self._leaves = 0
        self.problems = Problems()

    def refuse_rules(self, rule: Rule) -> None:
        """Report conditions of an achievement that nobody can earn."""
        message = _("Staff award it by hand, so this does not count. Leave it empty.")
        if rule.counting:
            self.problems.add("counting", message)
        if rule.conditions is not None:
            self.problems.add("conditions", message)

    def counting(self, path: str, rule: Rule) -> Counting:
        """Return what the achievement's own criterion counts."""
        data = rule.counting or {}
        if not isinstance(data, dict):
            self.problems.add(path, _("This is not an object."))
            return PLAIN
        self._refuse_unknown(path, data, ("where", "sum", "distinct", "window"))
        return self._counting(
            path, data, str(rule.criterion), rule.activity, rule.threshold
        )

    def condition(self, path: str, data: object, depth: int = 0) -> Condition | None:
        """Return the condition in ``data``, or None if it is no condition."""
        kinds = [each for each in _NAMES if isinstance(data, dict) and each in data]
        if not isinstance(data, dict) or len(kinds) != 1:
            message = _("A condition is an object with one of %(names)s.")
            self.problems.add(path, message % {"names": ", ".join(_NAMES)})
            return None
        [kind] = kinds
        self._refuse_unknown(path, data, (kind, *_NAMES[kind]))
        if kind in _GROUPS:
            return self._group(path, data, kind, depth + 1)
        self._leaves += 1
        if self._leaves == MAX_LEAVES + 1:
            message = _("There are more than %(most)s conditions.")
            self.problems.add("conditions", message % {"most": MAX_LEAVES})
        if self._leaves > MAX_LEAVES:
            return None
        if kind == "criterion":
            return self._leaf(path, data)
        return self._holding(path, data[kind], kind)

    def _group(
        self, path: str, data: Mapping[str, Any], name: str, depth: int
    ) -> Condition | None:
        at = "of" if name == "at_least" else name
        parts = data.get(at)
        if depth > MAX_DEPTH:
            message = _("Groups can be nested at most %(most)s deep.")
            self.problems.add(path, message % {"most": MAX_DEPTH})
            return None
        if not isinstance(parts, list) or not 1 <= len(parts) <= MAX_LEAVES:
            message = _("A group has a list of 1 to %(most)s conditions.")
            self.problems.add(f"{path}.{at}", message % {"most": MAX_LEAVES})
            return None
        least = {"all": len(parts), "any": 1}.get(name, data.get("at_least"))
        if type(least) is not int or not 1 <= least <= len(parts):
            message = _(
                "This must be a whole number from 1 to %(most)s, the number of "
                "conditions."
            )
            self.problems.add(f"{path}.at_least", message % {"most": len(parts)})
            least = 1
        checked = [
            self.condition(f"{path}.{at}[{index}]", part, depth)
            for index, part in enumerate(parts)
        ]
        return ConditionGroup(least, tuple(part for part in checked if part), name)

    def _leaf(self, path: str, data: Mapping[str, Any]) -> Condition | None:
        criterion, threshold = data["criterion"], data.get("threshold", 1)
        if criterion not in LEAF_CRITERIA:
            self._add_choice(f"{path}.criterion", criterion, LEAF_CRITERIA)
            return None
        if type(threshold) is not int or not 1 <= threshold <= MAX_TOTAL:
            message = _("This must be a whole number from 1 to %(most)s.")
            self.problems.add(f"{path}.threshold", message % {"most": f"{MAX_TOTAL:,}"})
            threshold = 1
        activity = self._activity(path, data.get("activity"), criterion)
        streak = self._streak(path, data.get("streak"), criterion)
        counting = self._counting(path, data, criterion, activity, threshold)
        return Leaf(criterion, threshold, activity, streak, counting)

    def _activity(self, path: str, key: object, criterion: str) -> str:
        counts = criterion == Criterion.ACTIVITY_COUNT
        path = f"{path}.activity"
        if counts and key is None:
            message = _("Choose an activity: this criterion counts one.")
            self.problems.add(path, message)
        elif key is not None and not counts:
            message = _("Choose no activity: this criterion does not count one.")
            self.problems.add(path, message)
        elif key is not None and self._find(path, key, "activity"):
            return str(key)
        return ""

    def _streak(self, path: str, key: object, criterion: str) -> str:
        path = f"{path}.streak"
        if key is None:
            return ""
        if criterion != Criterion.LONGEST_STREAK:
            message = _("Choose a streak only if the criterion measures one.")
            self.problems.add(path, message)
        # No choice stands for the daily one.
        elif key != DAILY and self._find(path, key, "streak"):
            return str(key)
        return ""

    def _holding(self, path: str, key: object, kind: str) -> Condition | None:
        if self._find(f"{path}.{kind}", key, "achievement"):
            return Holding(str(key), kind == "holds")
        return None

    def _counting(
        self,
        path: str,
        data: Mapping[str, Any],
        criterion: str,
        activity: str,
        threshold: object,
    ) -> Counting:
        types = self._named.activities.get(activity)
        checked = check_counting(path, data, criterion, threshold, types)
        self.problems.found += checked.problems
        return checked.counting

    def _find(self, path: str, key: object, kind: str) -> bool:
        """Say whether something of this kind has ``key``; report it if not."""
        named = self._named
        known, message = {
            "activity": (named.activities, _("No activity has the key %(key)s.")),
            "achievement": (
                named.achievements,
                _("No achievement has the key %(key)s."),
            ),
            "streak": (named.streaks, _("No streak has the key %(key)s.")),
        }[kind]
        if isinstance(key, str) and key in known:
            return True
        hint = did_you_mean(key, known) if self._named.suggests else ""
        self.problems.add(path, message % {"key": shown(key)} + hint)
        return False

    def _add_choice(self, path: str, value: object, known: Collection[str]) -> None:
        message = _("%(value)s is not one of %(known)s.%(hint)s")
        values = {
            "value": shown(value),
            "known": ", ".join(known),
            "hint": did_you_mean(value, known),
        }
        self.problems.add(path, message % values)

    def _refuse_unknown(
        self, path: str, data: Mapping[str, Any], known: Iterable[str]
    ) -> None:
        for name in sorted({*data}.difference(known))[:MAX_LEAVES]:
            message = _("There is no such name here.%(hint)s")
            hint = {"hint": did_you_mean(name, known)}
            self.problems.add(f"{path}.{name[:MAX_NAME]}", message % hint)


def find_cycle(key: str, named_by: Mapping[str, Collection[str]]) -> list[str]:
    """Return the path by which an achievement requires itself; empty if none does.

    ``named_by`` has the achievements that the conditions of each name. Those that users
    must not hold count as well: which of two comes first would decide who gets both.
    """
    ways, seen = [[key]], {key}
    for way in ways:
        for other in sorted(named_by.get(way[-1], ())):
            if other == key:
                return [*way, key]
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []


def achievements_in(data: object) -> Iterator[str]:
    """Yield the keys of the achievements that stored conditions name."""
    yield from (key for kind, key in names_in(data) if kind == "achievement")


def names_in(data: object) -> Iterator[tuple[str, str]]:
    """Yield the kind and key of everything that stored conditions name."""
    if not isinstance(data, dict):
        return
    for name in ("all", "any", "of"):
        for part in data.get(name, ()):
            yield from names_in(part)
    for name, kind in _KINDS.items():
        if data.get(name):
            yield kind, data[name]


#: The kinds of what the JSON of a leaf names.
_KINDS: Final[Mapping[str, str]] = {
    "activity": "activity",
    "streak": "streak",
    "holds": "achievement",
    "lacks": "achievement",
}
