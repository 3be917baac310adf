"""Requirements of achievements, with ids instead of keys, and whether they are met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from gamification.domain.conditions import (
    Condition,
    ConditionGroup,
    Holding,
    Leaf,
    Quantity,
    read_leaf,
)
from gamification.domain.counting import Counted
from gamification.domain.criteria import Criterion
from gamification.domain.streak_rules import DAILY

if TYPE_CHECKING:
    from gamification.domain.rules import AchievementRule

#: The id of something that no longer exists.
NOWHERE: Final = 0


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that is counted, and the value that it must reach."""

    counted: Counted
    threshold: int
    #: As staff wrote it; None for the criterion of an achievement.
    source: Leaf | None = None
    #: Its place among what a catalogue counts; None if it has none.
    slot: int | None = None
    #: The achievement whose season or period alone counts; None for all time.
    within: AchievementRule | None = None


@dataclass(frozen=True, slots=True)
class Possession:
    """An achievement that must be held, or must not."""

    achievement_id: int
    is_held: bool
    source: Holding


@dataclass(frozen=True, slots=True)
class Parts:
    """Requirements of which at least ``least`` must be met."""

    least: int
    parts: tuple[Requirement, ...]
    #: As staff wrote it; None for an achievement's criterion with its conditions.
    source: ConditionGroup | None = None


Requirement: TypeAlias = Goal | Possession | Parts

#: The slot of what is counted, if it has one, and the one object that stands for it.
Slots: TypeAlias = Mapping[Counted, tuple[Counted, int | None]]

#: Says whether a leaf is met; None if that is not known.
Judge: TypeAlias = Callable[[Goal | Possession], bool | None]


class Ids(NamedTuple):
    """The ids of what conditions name, by key."""

    activities: Mapping[str, int]
    streaks: Mapping[str, int]
    achievements: Mapping[str, int]


def resolve(condition: Condition, ids: Ids) -> Requirement:
    """Return ``condition`` with ids; what does not exist any more is never met."""
    match condition:
        case ConditionGroup(least, parts):
            return Parts(least, tuple(resolve(part, ids) for part in parts), condition)
        case Holding(key, is_held):
            pk = ids.achievements.get(key, NOWHERE)
            return Possession(pk, is_held, condition)
    return Goal(_counted(condition, ids), condition.threshold, condition)


def counted_of(definition: Mapping[str, Any], ids: Ids) -> Counted:
    """Return what the filter with this definition counts."""
    return _counted(read_leaf(definition), ids)


def _counted(leaf: Leaf, ids: Ids) -> Counted:
    about = None
    if leaf.activity:
        about = ids.activities.get(leaf.activity, NOWHERE)
    elif leaf.streak not in {"", DAILY}:
        about = ids.streaks.get(leaf.streak, NOWHERE)
    return Counted(leaf.criterion, about, leaf.counting.canonical)


def with_slots(requirement: Requirement, slots: Slots) -> Requirement:
    """Return ``requirement`` whose goals know their slots, and share ``Counted``."""
    if isinstance(requirement, Parts):
        parts = tuple(with_slots(part, slots) for part in requirement.parts)
        return replace(requirement, parts=parts)
    if isinstance(requirement, Goal):
        counted, slot = slots[requirement.counted]
        return replace(requirement, counted=counted, slot=slot)
    return requirement


def leaves_of(requirement: Requirement) -> Iterator[Goal | Possession]:
    """Yield the leaves from left to right."""
    if isinstance(requirement, Parts):
        for part in requirement.parts:
            yield from leaves_of(part)
    else:
        yield requirement


def units_needed(requirement: Requirement, activity_id: int) -> int:
    """Return the fewest units of an activity that can meet ``requirement``."""
    if isinstance(requirement, Parts):
        needed = sorted(units_needed(each, activity_id) for each in requirement.parts)
        return needed[requirement.least - 1]
    if isinstance(requirement, Possession):
        return 0
    criterion, about, counting = requirement.counted
    is_about = criterion == Criterion.ACTIVITY_COUNT and about == activity_id
    # Each unit is counted once, and adds no more than one value.
    has_limit = is_about and counting.quantity != Quantity.SUM
    return requirement.threshold if has_limit else 0


def is_met(requirement: Requirement, judge: Judge) -> bool | None:
    """Say whether ``requirement`` is met; None if leaves decide that are not known."""
    if not isinstance(requirement, Parts):
        return judge(requirement)
    met, left = 0, len(requirement.parts)
    least, unknown = requirement.least, 0
    for part in requirement.parts:
        verdict = is_met(part, judge)
        left -= 1
        met += verdict is True
        unknown += verdict is None
        if met >= least:
            return True
        if met + unknown + left < least:
            return False
    return None
