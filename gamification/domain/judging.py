"""Says whether a user meets a tree, from the stored state and what was booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Final

from gamification.domain.backfill import last_value
from gamification.domain.conditions import Quantity
from gamification.domain.criteria import Criterion, Measure
from gamification.domain.history import lasting_with
from gamification.domain.outcomes import Entry
from gamification.domain.requirements import NOWHERE, Goal, Possession
from gamification.domain.rules import NEVER
from gamification.domain.totals import RunningTotals, Start
from gamification.domain.trees import Affected, Tree

_ACTIVITY_COUNT: Final = Criterion.ACTIVITY_COUNT.value
_LONGEST_STREAK: Final = Criterion.LONGEST_STREAK.value
_ACHIEVEMENTS: Final = Criterion.ACHIEVEMENTS.value


class Judge:
    """The leaves of trees, as they are for one user at one moment."""

    def __init__(
        self,
        totals: RunningTotals,
        at: Start | None = None,
        *,
        is_latest: bool = True,
        entries: Sequence[Entry] = (),
        keeps: bool = False,
    ) -> None:
        """Judge what was booked before ``at``, or all of it, with more ``entries``.

        ``is_latest`` says that nothing in the ledger is later: what is held now was
        then held at that moment, too. With ``keeps``, it judges whether an achievement
        stays held, and ignores those that must not be held: they mattered only when it
        was unlocked.
        """
        self._totals = totals
        self._at = at or totals.start()
        self._is_now = at is None
        self._is_latest = is_latest
        self._entries = entries
        self._keeps = keeps

    def __call__(self, leaf: Goal | Possession) -> bool | None:
        """Say whether a leaf is met; None if only the ledger tells."""
        if isinstance(leaf, Possession):
            return self._is_possessed(leaf)
        value = self.value(leaf)
        if value is not None:
            return value >= leaf.threshold
        return None if self.limit(leaf) >= leaf.threshold else False

    def _is_possessed(self, leaf: Possession) -> bool | None:
        if leaf.achievement_id == NOWHERE:
            return False
        if self._keeps and not leaf.is_held:
            return True
        is_held = leaf.achievement_id in self._at.held
        if is_held and not leaf.is_held and not self._is_latest:
            return None
        return is_held == leaf.is_held

    def value(self, goal: Goal) -> int | None:
        """Return the value that a goal measures; None if only the ledger tells."""
        criterion, about, counting = goal.counted
        if about == NOWHERE:
            return 0
        goals = self._totals.goals
        if goals is not None and goal.within is not None:
            return goals.inside(goal, self._place)
        if criterion == _LONGEST_STREAK and not (counting.is_plain and about is None):
            return self._longest_streak(goal)
        if not counting.is_plain:
            return self._counted(goal)
        if criterion == _ACTIVITY_COUNT:
            return self._tally(about or NOWHERE)
        return plain_value(criterion, self._at)

    @cached_property
    def facts(self) -> Mapping[Measure, int]:
        """The measures over all time, of the activities that are known."""
        return dict(self._totals.facts().measures())

    @property
    def _place(self) -> int | None:
        return None if self._is_now else self._at.place

    def _counted(self, goal: Goal) -> int | None:
        filters, slot = self._totals.filters, goal.slot
        if filters is None or slot is None:
            return self._from_ledger(goal)
        if self._is_now:
            return filters.value(slot)
        return filters.value_at(slot, self._at.place, self._entries)

    def _tally(self, activity_id: int) -> int | None:
        state, totals = self._totals.state, self._totals
        stored = state.tallies.get(activity_id)
        if stored is None:
            is_known = activity_id in state.asked.tallies or not state.last_occurred_at
            if not is_known and state.ledger is None:
                return None
            past = () if is_known else state.ledger or ()
            stored = sum(e.quantity for e in past if e.activity_id == activity_id)
        later = totals.entries[self._at.place :]
        later_units = sum(e.quantity for e in later if e.activity_id == activity_id)
        return stored + totals.tallies.get(activity_id, 0) - later_units

    def _longest_streak(self, goal: Goal) -> int | None:
        """Return the longest run, within a window if the goal has one."""
        _, about, counting = goal.counted
        state, catalogue = self._totals.state, self._totals.rules.catalogue
        others = {rule.id for rule in catalogue.other_streaks}
        if about is not None and about not in others:
            return 0
        if about is not None and counting.is_plain and about in self._at.streaks:
            return self._at.streaks[about]
        if about is None and self._is_strict:
            return self._counted(goal)
        if state.last_occurred_at is None and not self._totals.entries:
            return 0
        return self._from_ledger(goal)

    @property
    def _is_strict(self) -> bool:
        is_strict = self._totals.rules.catalogue.is_strict
        return is_strict and not self._totals.state.has_exceptions

    def _from_ledger(self, goal: Goal) -> int | None:
        totals, state = self._totals, self._totals.state
        if state.ledger is None:
            return None
        entries = lasting_with(state.ledger, totals.entries[: self._at.place])
        return last_value(goal, entries, state.calendar, totals.rules, state.book)

    def limit(self, goal: Goal) -> int:
        """Return the most that an unknown value can be."""
        most = self._limit(goal)
        goals = self._totals.goals
        return most if goals is None else min(most, goals.limit(goal, self._place))

    def _limit(self, goal: Goal) -> int:
        criterion, about, counting = goal.counted
        if criterion == _ACTIVITY_COUNT and counting.quantity != Quantity.SUM:
            tally = self._tally(about or NOWHERE)
            return NEVER if tally is None else tally
        if criterion == Criterion.ACTIVE_DAYS:
            return self._at.active_days
        if criterion == _LONGEST_STREAK and about is None and self._is_strict:
            return self._at.longest_streak
        if criterion == _ACHIEVEMENTS:
            return len(self._at.held)
        if criterion == Criterion.LEVEL:
            return self._at.peak_level
        if criterion == _LONGEST_STREAK and goal.within is not None:
            return self._longest(about)
        return NEVER

    def _longest(self, streak_id: int | None) -> int:
        """Return the longest run of all time."""
        at = self._at
        return at.longest_streak if streak_id is None else at.streaks.get(streak_id, 0)


#: The field of ``Start`` that has the value of all time of each criterion.
_FIELDS: Final = {
    Criterion.ACTIVE_DAYS.value: "active_days",
    Criterion.LONGEST_STREAK.value: "longest_streak",
    Criterion.LEVEL.value: "level",
    Criterion.TOTAL_XP.value: "total_xp",
}


def plain_value(criterion: str, at: Start) -> int:
    """Return what a criterion measures of everything that happened."""
    if criterion == _ACHIEVEMENTS:
        return len(at.held)
    field = _FIELDS.get(criterion)
    return getattr(at, field) if field else 0


def woken(affected: Affected, start: Start, totals: RunningTotals) -> list[Tree]:
    """Return the dormant trees that something since ``start`` may let the user meet."""
    if not affected.dormant:
        return []
    now, found = totals.start(), list[Tree]()
    for (criterion, about), trees in affected.thresholds.items():
        if about is None:
            before, after = plain_value(criterion, start), plain_value(criterion, now)
        else:
            before, after = start.streaks.get(about, 0), now.streaks.get(about, 0)
        if before < after:
            found += [each for least, each in trees if before < least <= after]
    if len(now.held) > len(start.held):
        for pk in now.held - start.held:
            found += affected.holdings.get(pk, ())
    return [*dict.fromkeys(found)]
