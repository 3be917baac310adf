"""The achievements that require more than one criterion, and the filters they use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gamification.domain.conditions import Leaf
from gamification.domain.counting import Counted
from gamification.domain.criteria import Criterion, Measure
from gamification.domain.requirements import (
    NOWHERE,
    Goal,
    Ids,
    Parts,
    Possession,
    Requirement,
    Slots,
    leaves_of,
    resolve,
    units_needed,
    with_slots,
)
from gamification.domain.slot_index import SlotIndex

if TYPE_CHECKING:
    from gamification.domain.rules import AchievementRule

_ACTIVITY_COUNT: Final = Criterion.ACTIVITY_COUNT.value
#: The place of goals that are not counted, before all slots.
NO_SLOT: Final = -1

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
    #: The criterion of the achievement itself.
    own: Goal
    #: Ids of the activities that leaves count.
    activities: frozenset[int]
    #: Whether other things than records of these activities can meet a leaf.
    is_general: bool
    #: Whether it requires that something is not held, which only one moment decides.
    has_lacks: bool

    @property
    def rest(self) -> Requirement | None:
        """The requirement besides its own criterion; None if there is none."""
        whole = self.requirement
        return whole.parts[1] if isinstance(whole, Parts) else None

    def at(self, rule: AchievementRule) -> Tree:
        """Return what earning the achievement for another time takes."""
        within = rule if rule.is_spanned else None
        own = replace(self.own, threshold=rule.threshold, within=within)
        rest = self.rest
        whole = own if rest is None else Parts(2, (own, rest))
        return replace(self, rule=rule, own=own, requirement=whole)

    def placed(self, slots: Slots) -> Tree:
        """Return the tree whose goals know their slots."""
        counted, slot = slots[self.own.counted]
        own = replace(self.own, counted=counted, slot=slot)
        return replace(self, own=own, requirement=with_slots(self.requirement, slots))

    def waits_for(self, activities: frozenset[int], slots: frozenset[int]) -> bool:
        """Say whether it depends on filters, but on nothing that entries count for.

        The entries are of ``activities``, and may count in ``slots``.
        """
        goals = self.goals
        own = {goal.slot for goal in goals if goal.slot is not None}
        plain = {goal.counted.about for goal in goals if goal.slot is None}
        return bool(own) and not (self.has_lacks or own & slots or plain & activities)

    def units(self, activities: frozenset[int]) -> int:
        """Return the units that it takes, if ``activities`` are only one."""
        if len(activities) != 1:
            return 0
        [activity_id] = activities
        return units_needed(self.requirement, activity_id)

    @property
    def goals(self) -> list[Goal]:
        """The leaves that measure something."""
        return [leaf for leaf in leaves_of(self.requirement) if isinstance(leaf, Goal)]

    @property
    def lasting_goals(self) -> list[Goal]:
        """The goals that measure all time, which tallies can answer."""
        return [goal for goal in self.goals if goal.within is None]


class Asked(NamedTuple):
    """The tallies that a read asks for: those that it does not find are zero."""

    #: Ids of activities, and of filters.
    tallies: frozenset[int] = frozenset()
    filters: frozenset[int] = frozenset()


#: A read that asks for nothing.
NOT_ASKED: Final = Asked()


class Affected(NamedTuple):
    """The trees that entries of some activities can unlock, and their tallies."""

    trees: tuple[Tree, ...]
    asked: Asked
    #: Ids of the achievements that are earned again, or in a season only.
    special: frozenset[int] = frozenset()
    #: The fewest units with which any of these can be met, if there is one activity.
    units: int = 0
    #: Trees that the counts of the entries cannot unlock, but something else can, such
    #: as a level; a read does not ask for their filters.
    dormant: tuple[Tree, ...] = ()
    #: The dormant trees by what their leaves measure, each with its threshold, and by
    #: the id of an achievement that must be held.
    thresholds: Mapping[Measure, Sequence[tuple[int, Tree]]] = MappingProxyType({})
    holdings: Mapping[int, Sequence[Tree]] = MappingProxyType({})

    @property
    def wary(self) -> list[Tree]:
        """The trees that require that something is not held."""
        return [tree for tree in self.trees if tree.has_lacks]


class Trees:
    """The trees of a catalogue."""

    def __init__(
        self,
        rules: Iterable[AchievementRule],
        ids: Ids,
        filters: Iterable[FilterRule] = (),
    ) -> None:
        made = [make_tree(rule, ids) for rule in rules if rule.is_tree]
        self.filters = tuple(filters)
        active = [tree for tree in made if tree.rule.is_active]
        self.has_lacks = any(tree.has_lacks for tree in active)
        used = [goal.counted for tree in active for goal in tree.lasting_goals]
        counted = [each for each in used if not each.counting.is_plain]
        counted += [each.counted for each in self.filters]
        #: Everything that is counted, in slots.
        self.counted = tuple(dict.fromkeys(counted))
        slots = {each: slot for slot, each in enumerate(self.counted)}
        others = [goal.counted for tree in made for goal in tree.goals]
        places = {each: (each, slots.get(each)) for each in [*others, *self.counted]}
        #: By id of the achievement, whatever its status.
        self.known = {tree.rule.id: tree.placed(places) for tree in made}
        self.active = tuple(self.known[tree.rule.id] for tree in active)
        #: Those of them that are earned once, at any time.
        self.plain = tuple(each for each in self.active if not each.rule.is_special)
        #: The filters of each slot, and the one among them that answers.
        self.filter_ids: dict[int, list[int]] = {}
        self.answering: dict[int, int] = {}
        for each in self.filters:
            slot = slots[each.counted]
            self.filter_ids.setdefault(slot, []).append(each.id)
            if each.is_built:
                self.answering[slot] = each.id
        self.known_filters = frozenset(each.id for each in self.filters)
        #: Whether anything has to be counted or judged.
        self.are_used = bool(self.counted or self.active)
        #: Finds the slots in which an entry may count.
        self.slots = SlotIndex(self.counted)
        self._affected: dict[Any, Affected] = {}

    @property
    def needs_ledgers(self) -> bool:
        """Whether stored state may leave open if somebody meets a tree."""
        goals = {goal for tree in self.active for goal in tree.lasting_goals}
        return self.has_lacks or any(not self._is_answered(goal) for goal in goals)

    def _is_answered(self, goal: Goal) -> bool:
        criterion, about, counting = goal.counted
        if criterion == _LONGEST_STREAK and about not in {None, NOWHERE}:
            return False
        return counting.is_plain or goal.slot in self.answering

    def answer_of(self, goal: Goal) -> int | None:
        """Return the id of the filter whose tallies answer; None if there is none."""
        return None if goal.slot is None else self.answering.get(goal.slot)

    def affected_by(
        self, activities: frozenset[int], slots: frozenset[int] | None = None
    ) -> Affected:
        """Return what entries of ``activities`` can unlock, now or by what follows.

        ``slots`` are those in which the entries may count; None is for all.
        """
        known, key = self._affected, (activities, slots)
        if key not in known:
            if len(known) >= _MAX_KEPT:
                known.clear()
            known[key] = self._find_affected(activities, slots)
        return known[key]

    def _find_affected(
        self, activities: frozenset[int], slots: frozenset[int] | None
    ) -> Affected:
        found = [
            tree
            for tree in self.active
            if tree.is_general or activities & tree.activities
        ]
        dormant, trees, asking = list[Tree](), list[Tree](), list[Tree]()
        for tree in found:
            if tree.rule.is_special:
                asking.append(tree)
                continue
            waits = slots is not None and tree.waits_for(activities, slots)
            (dormant if waits else trees).append(tree)
        tallies, filters = set[int](), set[int]()
        for goal in (g for tree in [*trees, *asking] for g in tree.lasting_goals):
            criterion, about, _ = goal.counted
            answer = self.answer_of(goal)
            if answer is not None:
                filters.add(answer)
            elif criterion == _ACTIVITY_COUNT:
                # It is also the most that a filter can count.
                tallies.add(about or NOWHERE)
        units = min((each.units(activities) for each in [*trees, *asking]), default=0)
        asked = Asked(activities | tallies - {NOWHERE}, frozenset(filters))
        general = tuple(tree for tree in dormant if tree.is_general)
        special = frozenset(tree.rule.id for tree in asking)
        trees.sort(key=_by_own)
        alarms = _alarms(general)
        return Affected(tuple(trees), asked, special, units, general, *alarms)


def _alarms(
    trees: Iterable[Tree],
) -> tuple[Mapping[Measure, list[tuple[int, Tree]]], Mapping[int, list[Tree]]]:
    """Return what wakes dormant trees: see ``Affected``."""
    thresholds: dict[Measure, list[tuple[int, Tree]]] = {}
    holdings: dict[int, list[Tree]] = {}
    for tree in trees:
        for leaf in leaves_of(tree.requirement):
            if isinstance(leaf, Possession):
                holdings.setdefault(leaf.achievement_id, []).append(tree)
            elif leaf.slot is None and leaf.counted.criterion != _ACTIVITY_COUNT:
                measure = leaf.counted[:2]
                thresholds.setdefault(measure, []).append((leaf.threshold, tree))
    return thresholds, holdings


def _by_own(tree: Tree) -> tuple[str, int, int, int]:
    """Group the trees that count the same, in order of rising threshold."""
    criterion, about, _ = tree.own.counted
    slot = NO_SLOT if tree.own.slot is None else tree.own.slot
    return criterion, about or NOWHERE, slot, tree.own.threshold


def make_tree(rule: AchievementRule, ids: Ids) -> Tree:
    """Return the tree of an achievement; without conditions, it has one leaf."""
    own = own_goal(rule, own_leaf(rule, ids))
    requirement: Requirement = own
    if rule.conditions is not None:
        requirement = Parts(2, (own, resolve(rule.conditions, ids)))
    leaves = [*leaves_of(requirement)]
    goals = [leaf.counted for leaf in leaves if isinstance(leaf, Goal)]
    counts = [each for each in goals if each.criterion == _ACTIVITY_COUNT]
    return Tree(
        rule,
        requirement,
        own,
        frozenset(each.about or NOWHERE for each in counts),
        len(counts) < len(leaves),
        any(isinstance(leaf, Possession) and not leaf.is_held for leaf in leaves),
    )


def own_goal(rule: AchievementRule, source: Leaf | None = None) -> Goal:
    """Return what the criterion of an achievement counts, and its threshold."""
    counted = Counted(*rule.fact, rule.counting.canonical)
    within = rule if rule.is_spanned else None
    return Goal(counted, rule.threshold, source, within=within)


def own_leaf(rule: AchievementRule, ids: Ids) -> Leaf:
    """Return the criterion of an achievement as a leaf."""
    activity = _key_of(rule.activity_id, ids.activities)
    streak = _key_of(rule.streak_id, ids.streaks)
    return Leaf(rule.criterion, rule.threshold, activity, streak, rule.counting)


def _key_of(pk: int | None, ids: Mapping[str, int]) -> str:
    return next((key for key, each in ids.items() if each == pk), "")
