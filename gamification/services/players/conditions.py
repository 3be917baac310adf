"""How far a user is with what achievements require besides their criterion."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.changeset import UserChangeset
from gamification.domain.conditions import Condition, ConditionGroup, Holding, Leaf
from gamification.domain.judging import Judge
from gamification.domain.requirements import Goal, Possession, Requirement
from gamification.domain.rules import AchievementStatus
from gamification.domain.state import UserState
from gamification.domain.trees import Tree
from gamification.models import Achievement, write_alias
from gamification.models.texts.conditions import Names, condition_text
from gamification.storage import StateQuery, Store, store_for
from gamification.storage.catalogue import rule_of
from gamification.storage.streaks import load_ledgers


@dataclass(frozen=True, slots=True)
class ConditionProgress:
    """How far a user is with a condition, and with each of its parts.

    ``all`` counts the parts that are met, ``at_least`` too, up to the number that it
    needs, and ``any`` is as far as the part that is nearest. An achievement to hold, or
    not to hold, is 1 if that is so, and otherwise 0.
    """

    condition: Condition
    current: int
    target: int
    is_met: bool
    parts: tuple[ConditionProgress, ...] = ()
    #: The names of what the condition names, as far as the user may see it.
    names: Names = field(default=Names(), repr=False, compare=False)

    @property
    def text(self) -> str:
        """The condition in words, such as “5 × Review with genre fantasy”."""
        return condition_text(self.condition, self.names)

    @property
    def missing(self) -> int:
        """How much of the target is missing."""
        return 0 if self.is_met else max(0, self.target - self.current)

    @property
    def fraction(self) -> float:
        """Share of the way, 0 to 1."""
        if self.is_met:
            return 1.0
        return min(1.0, max(0.0, self.current / self.target))

    @property
    def unmet(self) -> list[ConditionProgress]:
        """All conditions that have yet to be met, from left to right.

        A condition that offers a choice is among them as a whole.
        """
        condition = self.condition
        if self.is_met:
            return []
        if not isinstance(condition, ConditionGroup) or condition.is_choice:
            return [self]
        return [each for part in self.parts for each in part.unmet]

    @property
    def name(self) -> str:
        """``criterion``, ``holds``, ``lacks``, ``all``, ``any`` or ``at_least``."""
        if isinstance(self.condition, Leaf):
            return "criterion"
        if isinstance(self.condition, Holding):
            return "holds" if self.condition.is_held else "lacks"
        return self.condition.name


@dataclass(frozen=True, slots=True)
class TreeProgress:
    """How far a user is with an achievement that requires more than its criterion."""

    current: int
    conditions: ConditionProgress | None = None


def measure_trees(
    user_id: Any, achievements: Collection[Achievement]
) -> Mapping[Any, TreeProgress]:
    """Return how far the user is with each of ``achievements`` that is a tree, by id.

    The number of statements does not depend on the number of achievements: it is one
    read of the user, and the ledger if only that tells. ``names`` of each must have the
    names for its conditions, as far as the user may see them.
    """
    trees = [row for row in achievements if row.counting or row.conditions]
    if not trees:
        return {}
    store = store_for(write_alias())
    query = StateQuery([user_id], conf.default_calendar, activities=None)
    snapshot = store.read(query)
    state = snapshot.states.get(user_id) or UserState(user_id, query.calendar)
    catalogue = snapshot.catalogue
    for row in trees:
        if row.status != AchievementStatus.ACTIVE:
            active = replace(rule_of(row), status=AchievementStatus.ACTIVE.value)
            catalogue = catalogue.with_achievement(active)
    totals = UserChangeset(state, conf.rules(catalogue), timezone.now())
    known = catalogue.trees.known
    found = [known[row.pk] for row in trees]
    judge = _judge(totals, found, store)
    names = {row.pk: row.names or Names() for row in trees}
    return {tree.rule.id: _progress(tree, judge, names[tree.rule.id]) for tree in found}


def _judge(totals: UserChangeset, trees: Collection[Tree], store: Store) -> Judge:
    """Return a judge that knows the value of each goal."""
    judge, state = Judge(totals), totals.state
    goals = (goal for tree in trees for goal in tree.lasting_goals)
    if any(judge.value(goal) is None for goal in goals):
        load_ledgers([state], totals.rules.catalogue, store)
        judge = Judge(UserChangeset(state, totals.rules, totals.now))
    return judge


def _progress(tree: Tree, judge: Judge, names: Names) -> TreeProgress:
    # For a season or a period, another part of the progress says how far to go.
    current = 0 if tree.own.within else _measured(tree.own, judge, names).current
    rest = None if tree.rest is None else _measured(tree.rest, judge, names)
    return TreeProgress(current, rest)


def _measured(
    requirement: Requirement, judge: Judge, names: Names
) -> ConditionProgress:
    source: Any = requirement.source
    parts: tuple[ConditionProgress, ...] = ()
    if isinstance(requirement, Goal):
        current, target = judge.value(requirement) or 0, requirement.threshold
        is_met = current >= target
    elif isinstance(requirement, Possession):
        is_met = bool(judge(requirement))
        current, target = int(is_met), 1
    else:
        parts = tuple(_measured(part, judge, names) for part in requirement.parts)
        met, target = sum(part.is_met for part in parts), requirement.least
        is_met, current = met >= target, min(met, target)
        if source.name == "any":
            best = max(parts, key=lambda part: part.fraction)
            current, target = best.current, best.target
    return ConditionProgress(source, current, target, is_met, parts, names)
