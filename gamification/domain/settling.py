"""Unlocks what the booked entries of a user earn, and what follows from that."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from functools import partial
from typing import Final, TypeAlias

from gamification.domain.backfill import Moment, met_at, qualifies
from gamification.domain.boosting import boosted_reward
from gamification.domain.catalogue import by_threshold
from gamification.domain.history import lasting_with
from gamification.domain.judging import Judge, woken
from gamification.domain.outcomes import (
    NO_REASON,
    Entry,
    EntryKind,
    Reason,
    Unlock,
)
from gamification.domain.requirements import is_met
from gamification.domain.rewards import UnlockRow, reward_of, row_of, unlock_of
from gamification.domain.rules import AchievementRule
from gamification.domain.state import NONE, Rules, UserState
from gamification.domain.totals import RunningTotals, Start
from gamification.domain.trees import Affected, Tree

#: The most unlocks that follow from one entry; the next entry brings the others. So
#: rewards that earn each other, which only a direct write can store, have an end.
MAX_UNLOCKS: Final = 1_000

#: An achievement, and which time of earning it, or for which period.
_Place: TypeAlias = tuple[int, int, date | None]


def _place_of(rule: AchievementRule) -> _Place:
    return rule.id, rule.number, rule.period


class SettledTotals(RunningTotals):
    """The totals of one user, with the achievements that they unlock."""

    def __init__(self, state: UserState, rules: Rules, now: datetime) -> None:
        super().__init__(state, rules)
        self.now = now
        #: Whether only the whole ledger, which the state lacks, can date an unlock or
        #: show that there is one. The caller then loads the ledger and makes a new
        #: changeset.
        self.needs_ledger = False
        #: Whether what is settled began with a record.
        self._is_record = False
        #: Achievements that the user missed: one that they rule out came first.
        self._missed: frozenset[_Place] = NONE
        self.unlocks: tuple[UnlockRow, ...] = ()

    def qualifies(self, rule: AchievementRule) -> bool | None:
        """Say whether the user meets ``rule``, does not hold it, and may earn it.

        None says that the ledger decides, which the state lacks.
        """
        state = self.state
        if rule.is_special:
            if state.is_excluded:
                return False
            return bool(self.all_due(rule)) if state.ledger is not None else None
        if not rule.is_tree:
            return qualifies(state, rule, self.streaks.longest())
        if rule.id in self.held | state.revoked or state.is_excluded:
            return False
        tree = self.rules.catalogue.tree_of(rule)
        return self._meets(tree, Judge(self, is_latest=False))

    def all_due(self, rule: AchievementRule) -> list[AchievementRule]:
        """Return what the user has met of a rule to earn again, or in a season.

        The state must have its ledger.
        """
        if self.goals is None:
            return []
        judge = Judge(self, is_latest=False)
        meets = partial(self._meets_rest, judge=judge, is_latest=False)
        return self.goals.all_due(rule, judge, meets)

    def _settle(self, cause: Entry, start: Start) -> list[Unlock]:
        """Unlock what the new state earns, until no further unlock follows.

        At most ``MAX_UNLOCKS`` follow. Users whom staff excluded unlock nothing.
        """
        unlocks: list[Unlock] = []
        if self.state.is_excluded:
            return unlocks
        self._missed = NONE
        trees = self.rules.catalogue.trees
        # The achievement of an award was not held at any moment before it.
        is_award = cause.kind == EntryKind.ACHIEVEMENT
        is_judged = trees.are_used or self.goals is not None
        is_latest = is_judged and not is_award and start.dates(cause)
        is_dated: bool | None = None
        self._is_record = cause.kind == EntryKind.ACTIVITY
        waiting = deque(self._earned(start, is_latest=is_latest))
        while waiting and len(unlocks) < MAX_UNLOCKS:
            if is_dated is None:
                is_dated, before = start.dates(cause), Before(self, start)
            rule = waiting.popleft()
            # A rule that the user met before, or one after it, needs the ledger.
            is_dated = is_dated and not before.may_meet(rule)
            at = Moment(cause.occurred_at, cause.local_date)
            moment = at if is_dated else self._date_of(rule, at)
            if moment:
                reward = self._reward(rule, moment)
                self.book(reward)
                unlocks.append(self._hold(rule, reward))
                if trees.has_lacks:
                    more = self._earned_between(start, waiting, is_latest=is_latest)
                    waiting += more
            else:
                self._missed |= {_place_of(rule)}
            if not waiting:
                waiting += self._earned(start, is_latest=is_latest)
        return unlocks

    def _earned(self, start: Start, *, is_latest: bool) -> list[AchievementRule]:
        """Return the achievements that the user meets and does not hold."""
        revoked = self.state.revoked
        barred = self.held | revoked if revoked else self.held
        catalogue, earned = self.rules.catalogue, list[AchievementRule]()
        if self.reaches(catalogue.next_thresholds(barred)):
            earned = catalogue.earned(self.changed_facts(), barred)
        if catalogue.trees.plain:
            affected = self._affected
            trees = woken(affected, start, self)
            if self._has_done(affected.units):
                trees += affected.trees
            earned += self._met(trees, barred, is_latest=is_latest)
        if self.goals:
            earned += self._due(start, barred, is_latest=is_latest)
        if catalogue.trees.active:
            earned.sort(key=by_threshold)
        return earned

    @property
    def _affected(self) -> Affected:
        """The trees that the booked entries may unlock."""
        slots = None
        if self._is_record and self.filters is not None:
            slots = self.filters.slots
        trees = self.rules.catalogue.trees
        return trees.affected_by(frozenset(self.tallies), slots)

    def _has_done(self, units: int) -> bool:
        """Say whether the user may have so many units of the only activity booked."""
        if not units:
            return True
        [(activity_id, more)] = self.tallies.items()
        if activity_id not in self.state.asked.tallies:
            return True
        return self.state.tallies.get(activity_id, 0) + more >= units

    def _due(
        self,
        start: Start,
        barred: AbstractSet[int],
        waiting: Collection[AchievementRule] = (),
        *,
        is_latest: bool,
    ) -> list[AchievementRule]:
        """Return what is earned again, or in a season, and is not ``waiting``."""
        goals, judge = self.goals, Judge(self, is_latest=is_latest)
        if goals is None:
            return []
        meets = partial(self._meets_rest, judge=judge, is_latest=is_latest)
        known = {_place_of(rule) for rule in waiting}

        def is_due(goal: AchievementRule) -> bool:
            return _place_of(goal) not in known and meets(goal)

        new = self.entries[start.place :]
        due = goals.due(new, barred, judge, is_due, is_latest=is_latest)
        self.needs_ledger |= goals.needs_ledger
        return due

    def _meets_rest(
        self, goal: AchievementRule, *, judge: Judge, is_latest: bool
    ) -> bool:
        """Say whether the user meets what ``goal`` requires besides its criterion."""
        if _place_of(goal) in self._missed:
            return False
        if goal.conditions is None:
            return True
        # A condition that is met now may not have been met when the season was over.
        if is_latest or not goal.is_spanned:
            rest = self.rules.catalogue.tree_of(goal).rest
            verdict = None if rest is None else is_met(rest, judge)
            if verdict is not None:
                return verdict
        return self._met_at(goal) is not None

    def _earned_between(
        self, start: Start, waiting: Collection[AchievementRule], *, is_latest: bool
    ) -> list[AchievementRule]:
        """Return what is met now, but may not be once ``waiting`` is unlocked."""
        trees = self._affected.wary
        barred = self.held | self.state.revoked | {rule.id for rule in waiting}
        earned = self._met(trees, barred, is_latest=is_latest)
        due = self._due(start, barred, waiting, is_latest=is_latest)
        earned += [goal for goal in due if self.rules.catalogue.tree_of(goal).has_lacks]
        return sorted(earned, key=by_threshold)

    def _met(
        self, trees: Iterable[Tree], barred: AbstractSet[int], *, is_latest: bool
    ) -> list[AchievementRule]:
        """Return what is met of ``trees``, which are sorted as in ``Affected``."""
        judge, met = Judge(self, is_latest=is_latest), list[AchievementRule]()
        counted, value = None, None
        for tree in trees:
            own = tree.own
            # Hundreds of them count only a few things.
            if own.counted is not counted:
                counted, value = own.counted, judge.value(own)
            if value is not None and value < own.threshold:
                continue
            if tree.rule.id in barred or _place_of(tree.rule) in self._missed:
                continue
            if self._meets(tree, judge):
                met.append(tree.rule)
        return met

    def _meets(self, tree: Tree, judge: Judge) -> bool | None:
        """Say whether the user meets ``tree``; None if the ledger must be loaded."""
        verdict = is_met(tree.requirement, judge)
        if verdict is not None:
            return verdict
        if self.state.ledger is None:
            self.needs_ledger = True
            return None
        return self._met_at(tree.rule) is not None

    def _date_of(self, rule: AchievementRule, otherwise: Moment) -> Moment | None:
        """Return when ``rule`` was met, or ``otherwise`` if that cannot be told.

        None says that the user missed it: an achievement that it rules out was
        unlocked first.
        """
        moment = self._met_at(rule)
        if moment is None and self.state.ledger is not None and rule.is_tree:
            tree = self.rules.catalogue.tree_of(rule)
            return None if tree.has_lacks else otherwise
        return moment or otherwise

    def _met_at(self, rule: AchievementRule) -> Moment | None:
        """Return when the ledger, with the booked entries, satisfied ``rule``."""
        if self.state.ledger is None:
            self.needs_ledger = True
            return None
        entries, state = lasting_with(self.state.ledger, self.entries), self.state
        return met_at(rule, entries, state.calendar, self.rules, state.book)

    def _reward(
        self, rule: AchievementRule, moment: Moment, reason: Reason = NO_REASON
    ) -> Entry:
        reward = reward_of(rule, self.state, moment, self.now, reason)
        boosts = self.rules.catalogue.boosts.rules
        return boosted_reward(self, reward) if boosts else reward

    def _hold(self, rule: AchievementRule, reward: Entry) -> Unlock:
        self.held = self.held | {rule.id}
        if self.goals:
            self.goals.hold(rule)
        self.unlocks += (row_of(reward),)
        return unlock_of(rule, reward.amount)


class Before:
    """The achievements that a user met before something was booked."""

    def __init__(self, totals: RunningTotals, start: Start) -> None:
        self._totals = totals
        self._start = start
        self._facts = totals.facts_at(start)

    def may_meet(self, rule: AchievementRule) -> bool:
        """Say whether the user met ``rule``, or only the ledger tells."""
        if not rule.is_tree:
            return self._totals.was_met(rule, self._facts, self._start)
        tree = self._totals.rules.catalogue.tree_of(rule)
        judge = Judge(self._totals, self._start, is_latest=False)
        return is_met(tree.requirement, judge) is not False
