"""Finds the users who meet an achievement, as far as stored numbers tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from django.db.models import Case, Count, Exists, OuterRef, Q, Value, When
from django.db.models.lookups import GreaterThanOrEqual

from gamification.domain.catalogue import Catalogue
from gamification.domain.conditions import Quantity
from gamification.domain.criteria import Criterion
from gamification.domain.requirements import (
    NOWHERE,
    Goal,
    Parts,
    Possession,
    Requirement,
)
from gamification.models import (
    ActivityTally,
    FilterTally,
    UserAchievement,
)
from gamification.storage.filters import FilterValue, has_pending_counts

#: Criteria that measure a column of the user's row.
COLUMNS: Final[Mapping[str, str]] = {
    Criterion.ACTIVE_DAYS: "active_days",
    Criterion.LONGEST_STREAK: "longest_streak",
    Criterion.LEVEL: "level",
    Criterion.TOTAL_XP: "total_xp",
}


class Meeting(NamedTuple):
    """A condition of users' rows."""

    #: None accepts every user.
    condition: Q | None
    #: Whether it is met by exactly those who meet the requirement; otherwise it is met
    #: by more users.
    is_exact: bool = True


#: Nothing is known.
_ANYBODY: Final = Meeting(None, is_exact=False)
_NOBODY: Final = Meeting(Q(pk__in=[]))


def meeting(requirement: Requirement, catalogue: Catalogue) -> Meeting:
    """Return the condition of the users who meet ``requirement``."""
    match requirement:
        case Goal():
            return _goal(requirement, catalogue)
        case Possession(pk, is_held):
            if pk == NOWHERE:
                return _NOBODY
            # Achievements that must not be held are judged at an earlier moment.
            return Meeting(_holding(pk)) if is_held else _ANYBODY
    parts = [meeting(part, catalogue) for part in requirement.parts]
    return _together(requirement, parts)


def _together(group: Parts, parts: list[Meeting]) -> Meeting:
    known = [part.condition for part in parts if part.condition is not None]
    least = group.least - (len(parts) - len(known))
    is_exact = all(part.is_exact for part in parts)
    if least <= 0:
        return Meeting(None, is_exact=is_exact)
    met = Value(0) + Value(0)
    for condition in known:
        met += Case(When(condition, then=Value(1)), default=Value(0))
    return Meeting(Q(GreaterThanOrEqual(met, least)), is_exact)


def _goal(goal: Goal, catalogue: Catalogue) -> Meeting:
    criterion, about, counting = goal.counted
    if about == NOWHERE or criterion == Criterion.MANUAL:
        return _NOBODY
    if goal.within is not None:
        return _at_most(goal)
    if not counting.is_plain:
        return _counted(goal, catalogue)
    if criterion == Criterion.ACTIVITY_COUNT:
        return Meeting(tally_reaches(about or NOWHERE, goal.threshold))
    if criterion == Criterion.ACHIEVEMENTS:
        return Meeting(holding_many(goal.threshold))
    if about is not None:
        return _ANYBODY
    return Meeting(Q(**{f"{COLUMNS[criterion]}__gte": goal.threshold}))


def tally_reaches(activity_id: int, threshold: Any) -> Q:
    """Return the condition of having done an activity so often.

    ``threshold`` may be an expression over the columns of the user's row.
    """
    tallies = ActivityTally.objects.filter(user=OuterRef("user"))
    return Q(Exists(tallies.filter(activity=activity_id, count__gte=threshold)))


def _holding(achievement_id: int) -> Q:
    unlocks = UserAchievement.objects.filter(user=OuterRef("user"))
    return Q(Exists(unlocks.filter(achievement=achievement_id, revoked_at=None)))


def holding_many(threshold: int) -> Q:
    """Return the condition of holding so many achievements."""
    held = UserAchievement.objects.filter(revoked_at=None)
    by_user = held.order_by().values("user")
    by_user = by_user.annotate(held=Count("achievement", distinct=True))
    return Q(user__in=by_user.filter(held__gte=threshold).values("user"))


def _counted(goal: Goal, catalogue: Catalogue) -> Meeting:
    trees, counted = catalogue.trees, goal.counted
    pk = trees.answer_of(goal)
    if pk is None:
        return _at_most(goal)
    tallies = FilterTally.objects.filter(filter=pk)
    has_pending = has_pending_counts(pk)
    if counted.has_dates:
        some = tallies.filter(user=OuterRef("user"), count__gt=0)
        return Meeting(Q(Exists(some)) | has_pending, is_exact=False)
    is_distinct = counted.is_distinct
    value = FilterValue(pk, is_distinct=is_distinct)
    with_pending = Q(GreaterThanOrEqual(value, goal.threshold))
    if is_distinct:
        values = tallies.filter(count__gt=0).order_by().values("user")
        many = values.annotate(n=Count("user")).filter(n__gte=goal.threshold)
        enough = Q(user__in=many.values("user"))
    else:
        reached = tallies.filter(user=OuterRef("user"), count__gte=goal.threshold)
        enough = Q(Exists(reached))
    # Most users are told apart without a look at pending counts, which takes longer.
    most = _at_most(goal).condition or Q()
    return Meeting(~has_pending & enough | has_pending & most & with_pending)


def _at_most(goal: Goal) -> Meeting:
    """Return a condition that all meet who reach a goal that the ledger counts."""
    criterion, about, counting = goal.counted
    if criterion != Criterion.ACTIVITY_COUNT:
        return _ANYBODY
    is_sum = counting.quantity == Quantity.SUM
    least = 1 if is_sum else goal.threshold
    return Meeting(tally_reaches(about or NOWHERE, least), is_exact=False)
