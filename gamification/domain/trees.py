"""The achievements that require more than one criterion, and the filters they use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from gamification.domain.conditions import Leaf
from gamification.domain.counting import Counted
from gamification.domain.criteria import Criterion
from gamification.domain.requirements import (
    NOWHERE,
    Goal,
    Ids,
    Parts,
    Possession,
    Requirement,
    leaves_of,
    resolve,
)

if TYPE_CHECKING:
    from gamification.domain.catalogue import AchievementRule

_ACTIVITY_COUNT: Final = Criterion.ACTIVITY_COUNT.value
_LONGEST_STREAK: Final = Criterion.LONGEST_STREAK.value

#: A catalogue keeps what is affected by at most this many sets of activities.
_MAX_KEPT: Final = 1_024


class FilterRule(NamedTuple):
    """Something of which the database has a tally for each user."""

    id: int
    counted: Counted
    #: Whether the tallies of all users are complete.
    is_built: bool = False


@dataclass(frozen=True, slots=True)
class Tree:
    """An achievement, and all that it requires."""

    rule: AchievementRule
    requirement: Requirement
    #: Ids of the activities that leaves count.
    activities: frozenset[int]
    #: Whether other things than records of these activities can meet a leaf.
    is_general: bool
    #: Whether it requires that something is not held, which only one moment decides.
    has_lacks: bool

    @property
    def goals(self) -> list[Goal]:
        """The leaves that measure something."""
        return [leaf for leaf in leaves_of(self.requirement) if isinstance(leaf, Goal)]


class Asked(NamedTuple):
    """What a read asks for: whatever it does not find is zero."""

    #: Ids of activities, and of filters.
    tallies: frozenset[int] = frozenset()
    filters: frozenset[int] = frozenset()


#: A read that asks for nothing.
NOT_ASKED: Final = Asked()


class Affected(NamedTuple):
    """What entries of some activities can unlock, and what that depends on."""

    trees: tuple[Tree, ...]
    asked: Asked


class Trees:
    """The trees of a catalogue."""

    def __init__(
        self,
        rules: Iterable[AchievementRule],
        ids: Ids,
        filters: Iterable[FilterRule] = (),
    ) -> None:
        #: By id of the achievement, whatever its status.
        self.known = {
            rule.id: make_tree(rule, ids)
            for rule in rules
            if rule.conditions is not None or not rule.counting.is_plain
        }
        self.filters = tuple(filters)
        self.active = tuple(tree for tree in self.known.values() if tree.rule.is_active)
        self.has_lacks = any(tree.has_lacks for tree in self.active)
        used = [goal.counted for tree in self.active for goal in tree.goals]
        counted = [each for each in used if not each.counting.is_plain]
        counted += [each.counted for each in self.filters]
        #: Everything that is counted, and its places by value.
        self.counted = tuple(dict.fromkeys(counted))
        self.slots = {each: slot for slot, each in enumerate(self.counted)}
        #: The filters of each slot, and the one among them that answers.
        self.filter_ids: dict[int, list[int]] = {}
        self.answering: dict[int, int] = {}
        for each in self.filters:
            slot = self.slots[each.counted]
            self.filter_ids.setdefault(slot, []).append(each.id)
            if each.is_built:
                self.answering[slot] = each.id
        self._slots_on: dict[int | None, tuple[int, ...]] = {}
        self._affected: dict[frozenset[int], Affected] = {}

    def __bool__(self) -> bool:
        """Say whether anything has to be counted or judged."""
        return bool(self.counted or self.active)

    @property
    def needs_ledgers(self) -> bool:
        """Whether stored state may leave open if somebody meets a tree."""
        active = {rule for tree in self.active for rule in tree.goals}
        return self.has_lacks or any(not self._is_answered(goal) for goal in active)

    def _is_answered(self, goal: Goal) -> bool:
        criterion, about, counting = goal.counted
        if criterion == _LONGEST_STREAK and about not in {None, NOWHERE}:
            return False
        return counting.is_plain or self.slots[goal.counted] in self.answering

    def slots_on(self, activity_id: int | None) -> tuple[int, ...]:
        """Return the slots in which an entry of an activity, or none, may count."""
        known = self._slots_on
        if activity_id not in known:
            known[activity_id] = tuple(
                slot
                for slot, each in enumerate(self.counted)
                if each.criterion != _ACTIVITY_COUNT or each.about == activity_id
            )
        return known[activity_id]

    def affected_by(self, activities: frozenset[int]) -> Affected:
        """Return what entries of ``activities`` can unlock, now or by what follows."""
        known = self._affected
        if activities not in known:
            if len(known) >= _MAX_KEPT:
                known.clear()
            known[activities] = self._find_affected(activities)
        return known[activities]

    def _find_affected(self, activities: frozenset[int]) -> Affected:
        trees = [
            tree
            for tree in self.active
            if tree.is_general or activities & tree.activities
        ]
        tallies, filters = set[int](), set[int]()
        for goal in (goal for tree in trees for goal in tree.goals):
            criterion, about, counting = goal.counted
            answer = None if counting.is_plain else self._answer(goal.counted)
            if answer is not None:
                filters.add(answer)
            elif criterion == _ACTIVITY_COUNT:
                # It is also the most that a filter can count.
                tallies.add(about or NOWHERE)
        asked = Asked(activities | tallies - {NOWHERE}, frozenset(filters))
        return Affected(tuple(trees), asked)

    def _answer(self, counted: Counted) -> int | None:
        return self.answering.get(self.slots[counted])


def make_tree(rule: AchievementRule, ids: Ids) -> Tree:
    """Return the tree of an achievement; without conditions, it has one leaf."""
    counted = Counted(rule.criterion, rule.measure[1], rule.counting.canonical)
    own = Goal(counted, rule.threshold, own_leaf(rule, ids))
    requirement: Requirement = own
    if rule.conditions is not None:
        requirement = Parts(2, (own, resolve(rule.conditions, ids)))
    leaves = [*leaves_of(requirement)]
    goals = [leaf.counted for leaf in leaves if isinstance(leaf, Goal)]
    counts = [each for each in goals if each.criterion == _ACTIVITY_COUNT]
    return Tree(
        rule,
        requirement,
        frozenset(each.about or NOWHERE for each in counts),
        len(counts) < len(leaves),
        any(isinstance(leaf, Possession) and not leaf.is_held for leaf in leaves),
    )


def own_leaf(rule: AchievementRule, ids: Ids) -> Leaf:
    """Return the criterion of an achievement as a leaf."""
    activity = _key_of(rule.activity_id, ids.activities)
    streak = _key_of(rule.streak_id, ids.streaks)
    return Leaf(rule.criterion, rule.threshold, activity, streak, rule.counting)


def _key_of(pk: int | None, ids: Mapping[str, int]) -> str:
    return next((key for key, each in ids.items() if each == pk), "")
