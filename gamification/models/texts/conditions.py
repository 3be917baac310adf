"""Describes in words what users must meet, with the names of what conditions name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from django.db.models import F, Value
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from gamification.domain.conditions import (
    Condition,
    ConditionGroup,
    Counting,
    Holding,
    Leaf,
    Quantity,
    read_condition,
    read_counting,
)
from gamification.domain.criteria import Criterion
from gamification.domain.rule_checks import names_in
from gamification.models.rules.references import rows_of
from gamification.models.texts.counting import attribute_text, listed, which_records
from gamification.models.texts.criteria import criterion_clause, criterion_text, say

if TYPE_CHECKING:
    from gamification.models.catalogue.achievements import Achievement


class Names(NamedTuple):
    """The names of what conditions name, by key; of streaks also their units."""

    activities: Mapping[str, str] = {}
    streaks: Mapping[str, tuple[str, str]] = {}
    #: An achievement that is missing here is “another achievement”.
    achievements: Mapping[str, str] = {}


class _Voice(NamedTuple):
    """One of two ways to say the same: as a clause of a sentence, or short."""

    criterion: Any
    #: The texts that differ if only a part of a criterion is measured.
    measured: Mapping[str, Any]
    holds: Any
    lacks: Any
    groups: Mapping[str, Any]


_CLAUSE: Final = _Voice(
    criterion_clause,
    {
        Quantity.SUM: gettext_lazy(
            "have a total of %(number)s %(attribute)s from “%(activity)s”"
        ),
        Quantity.DISTINCT: ngettext_lazy(
            "have collected %(number)s value of %(attribute)s from “%(activity)s”",
            "have collected %(number)s different values of %(attribute)s from "
            "“%(activity)s”",
            "count",
        ),
        Criterion.ACTIVE_DAYS: ngettext_lazy(
            "have been active on %(number)s day",
            "have been active on %(number)s days",
            "count",
        ),
        Criterion.TOTAL_XP: gettext_lazy("have gained %(number)s XP"),
        Criterion.ACHIEVEMENTS: ngettext_lazy(
            "hold %(number)s achievement unlocked",
            "hold %(number)s achievements unlocked",
            "count",
        ),
    },
    gettext_lazy("hold %(achievement)s"),
    gettext_lazy("do not hold %(achievement)s"),
    {
        "all": gettext_lazy("meet all of these (%(parts)s)"),
        "any": gettext_lazy("meet any of these (%(parts)s)"),
        "at_least": gettext_lazy("meet at least %(least)s of these (%(parts)s)"),
    },
)
_SHORT: Final = _Voice(
    criterion_text,
    {
        Quantity.SUM: gettext_lazy("%(number)s %(attribute)s from %(activity)s"),
        Quantity.DISTINCT: ngettext_lazy(
            "%(number)s value of %(attribute)s from %(activity)s",
            "%(number)s different values of %(attribute)s from %(activity)s",
            "count",
        ),
        Criterion.ACHIEVEMENTS: ngettext_lazy(
            "%(number)s achievement unlocked",
            "%(number)s achievements unlocked",
            "count",
        ),
    },
    gettext_lazy("%(achievement)s held"),
    gettext_lazy("%(achievement)s not held"),
    {
        "all": gettext_lazy("all of (%(parts)s)"),
        "any": gettext_lazy("any of (%(parts)s)"),
        "at_least": gettext_lazy("at least %(least)s of (%(parts)s)"),
    },
)

#: The models of what conditions name, by its kind.
_MODELS: Final = {
    "activity": "Activity",
    "streak": "StreakDefinition",
    "achievement": "Achievement",
}

#: The voice in which users are told the conditions that they do not meet yet.
_NEED: Final = _SHORT._replace(holds=_CLAUSE.holds, lacks=_CLAUSE.lacks)


def need_text(condition: Condition, names: Names) -> str:
    """Return what users need, such as “hold “Newcomer”” or “level 5”."""
    return _listed(condition, names, _NEED)


def condition_text(condition: Condition, names: Names) -> str:
    """Return a condition, such as “10 × Review with genre fantasy in June 2026”."""
    return _listed(condition, names, _SHORT)


def requirement_text(own: Leaf, tree: Condition | None, names: Names) -> str:
    """Return all that users must meet, in few words, for a column of a table."""
    return condition_text(_together(own, tree), names)


def requirement_sentence(own: Leaf, tree: Condition | None, names: Names) -> str:
    """Return all that users must meet as a sentence."""
    if own.criterion == Criterion.MANUAL:
        return _("Nobody earns it; staff award it by hand.")
    return _("Users earn it when they %(clauses)s.") % {
        "clauses": _listed(_together(own, tree), names, _CLAUSE)
    }


def load_names(conditions: Iterable[Any]) -> Names:
    """Return the names that stored conditions need, with at most one query."""
    named: dict[str, set[str]] = {}
    for each in conditions:
        for kind, key in names_in(each):
            named.setdefault(kind, set()).add(key)
    names: Any = {"activity": {}, "streak": {}, "achievement": {}}
    if queries := [_query(kind, keys) for kind, keys in named.items()]:
        rows = queries[0].union(*queries[1:], all=True).order_by()
        for kind, key, name, unit in rows:
            names[kind][key] = (name, unit) if kind == "streak" else name
    return Names(*names.values())


def _query(kind: str, keys: Iterable[str]) -> Any:
    """Return a query for the kind, the key, the name, and the unit of a streak."""
    unit: Any = F("unit") if kind == "streak" else Value("")
    rows = rows_of(_MODELS[kind]).filter(key__in=keys).order_by()
    return rows.values_list(Value(kind), "key", "name", unit)


def _together(own: Leaf, tree: Condition | None) -> Condition:
    if tree is None or own.criterion == Criterion.MANUAL:
        return own
    return ConditionGroup(2, (own, tree))


def _parts_of(condition: Condition) -> Sequence[Condition]:
    """Return the conditions of which all must be met, without groups around them."""
    if not isinstance(condition, ConditionGroup) or condition.is_choice:
        return [condition]
    return [each for part in condition.parts for each in _parts_of(part)]


def _listed(condition: Condition, names: Names, voice: _Voice) -> str:
    """Return a condition that stands for itself, such as “a, b, and c”."""
    parts = _parts_of(condition)
    texts = [_said(part, names, voice) for part in parts]
    if len(texts) == 2:
        # A comma keeps an “and” of the first part apart.
        return _("%(first)s, and %(second)s") % dict(
            zip(("first", "second"), texts, strict=True)
        )
    return listed(texts, _("and"))


def _said(condition: Condition, names: Names, voice: _Voice) -> str:
    """Return a condition that is part of another one."""
    match condition:
        case Holding(achievement, is_held):
            text = voice.holds if is_held else voice.lacks
            known = names.achievements.get(achievement)
            shown = f"“{known}”" if known else _("another achievement")
            return str(text % {"achievement": shown})
        case ConditionGroup():
            return _group(condition, names, voice)
    return _leaf(condition, names, voice)


def _group(group: ConditionGroup, names: Names, voice: _Voice) -> str:
    parts = _parts_of(group)
    if len(parts) == 1 and parts[0] is not group:
        return _said(parts[0], names, voice)
    name = "all"
    if parts[0] is group:
        parts = group.parts
        name = "any" if group.least == 1 else "at_least"
    texts = "; ".join(_said(part, names, voice) for part in parts)
    return str(voice.groups[name] % {"parts": texts, "least": group.least})


def _leaf(leaf: Leaf, names: Names, voice: _Voice) -> str:
    counting = leaf.counting
    activity = names.activities.get(leaf.activity, leaf.activity)
    streak, unit = names.streaks.get(leaf.streak, (leaf.streak, ""))
    text = voice.measured.get(_measured(leaf.criterion, counting))
    if text is None:
        said = voice.criterion(leaf.criterion, leaf.threshold, activity, unit, streak)
    else:
        attribute = attribute_text(counting.attribute)
        said = say(text, leaf.threshold, activity=activity, attribute=attribute)
    return f"{said}{which_records(counting)}"


def _measured(criterion: str, counting: Counting) -> str:
    """Return what is measured, if it is not all of the criterion."""
    if counting.quantity != Quantity.COUNT:
        return counting.quantity
    return criterion if counting.window else ""


def requirement_of(achievement: Achievement) -> tuple[Leaf, Condition | None, Names]:
    """Return an achievement's own criterion, its conditions, and their names.

    Names are loaded if ``name_conditions`` has not.
    """
    activity, streak = achievement.activity, achievement.streak
    names = achievement.names or load_names([achievement.conditions])
    own = Leaf(
        achievement.criterion,
        achievement.threshold,
        activity.key if activity else "",
        streak.key if streak else "",
        read_counting(achievement.counting or {}),
    )
    counted = {activity.key: activity.name} if activity else {}
    measured = {streak.key: (streak.name, streak.unit)} if streak else {}
    return (
        own,
        read_condition(achievement.conditions),
        Names(
            {**names.activities, **counted},
            {**names.streaks, **measured},
            names.achievements,
        ),
    )


def name_conditions(achievements: Iterable[Achievement]) -> None:
    """Load the names that the texts of all these need, with at most one query."""
    rows = [*achievements]
    names = load_names(row.conditions for row in rows)
    for row in rows:
        row.names = names
