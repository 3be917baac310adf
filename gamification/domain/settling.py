"""Unlocks what the booked entries of a user earn, and what follows from that."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime

from gamification.domain.backfill import Moment, met_at, qualifies
from gamification.domain.boosting import boosted_reward
from gamification.domain.catalogue import AchievementRule, by_threshold
from gamification.domain.history import lasting_with
from gamification.domain.judging import Judge
from gamification.domain.outcomes import (
    NO_REASON,
    Entry,
    EntryKind,
    Reason,
    Unlock,
    UnlockRow,
)
from gamification.domain.requirements import is_met
from gamification.domain.state import NONE, Rules, UserState
from gamification.domain.totals import RunningTotals, Start
from gamification.domain.trees import Tree


class SettledTotals(RunningTotals):
    """The totals of one user, with the achievements that they unlock."""

    def __init__(self, state: UserState, rules: Rules, now: datetime) -> None:
        super().__init__(state, rules)
        self.now = now
        #: Whether dating an unlock takes the whole ledger, which the state lacks, or
        #: finding out if there is one. The caller then loads the ledger and makes a new
        #: changeset.
        self.needs_ledger = False
        #: Ids of what was met until something that it must lack was unlocked before.
        self._missed: frozenset[int] = NONE
        self.unlocks: tuple[UnlockRow, ...] = ()

    def qualifies(self, rule: AchievementRule) -> bool | None:
        """Say whether the user meets ``rule``, does not hold it, and may earn it.

        None says that the ledger decides, which the state lacks.
        """
        if not rule.is_tree:
            return qualifies(self.state, rule, self.streaks.longest())
        state = self.state
        if rule.id in self.held | state.revoked or state.is_excluded:
            return False
        tree = self.rules.catalogue.tree_of(rule)
        return self._meets(tree, Judge(self, is_latest=False))

    def _settle(self, cause: Entry, start: Start) -> list[Unlock]:
        """Unlock what the new state earns, until no further unlock follows."""
        unlocks: list[Unlock] = []
        self._missed = NONE
        trees = self.rules.catalogue.trees
        is_latest = bool(trees) and start.dates(cause)
        is_dated: bool | None = None
        waiting = deque(self._earned(is_latest=is_latest))
        while waiting:
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
                    waiting += self._earned_between(waiting, is_latest=is_latest)
            else:
                self._missed |= {rule.id}
            if not waiting:
                waiting += self._earned(is_latest=is_latest)
        return unlocks

    def _earned(self, *, is_latest: bool) -> list[AchievementRule]:
        """Return the achievements that the user meets and does not hold."""
        revoked = self.state.revoked
        barred = self.held | revoked if revoked else self.held
        if self._missed:
            barred |= self._missed
        catalogue, earned = self.rules.catalogue, list[AchievementRule]()
        if self.reaches(catalogue.next_thresholds(barred)):
            earned = catalogue.earned(self.changed_facts(), barred)
        if catalogue.trees.active:
            affected = catalogue.trees.affected_by(frozenset(self.tallies)).trees
            earned += self._met(affected, barred, is_latest=is_latest)
            earned.sort(key=by_threshold)
        return earned

    def _earned_between(
        self, waiting: Collection[AchievementRule], *, is_latest: bool
    ) -> list[AchievementRule]:
        """Return what is met only until more of ``waiting`` is unlocked."""
        trees = self.rules.catalogue.trees.affected_by(frozenset(self.tallies)).wary
        barred = self.held | self.state.revoked | self._missed
        barred |= {rule.id for rule in waiting}
        earned = self._met(trees, barred, is_latest=is_latest)
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
            if tree.rule.id not in barred and self._meets(tree, judge):
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

        None says that something that it must lack has been unlocked meanwhile, and
        before it.
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
        reward = Entry(
            id=None,
            user_id=self.state.user_id,
            kind=EntryKind.ACHIEVEMENT.value,
            amount=rule.xp_reward,
            occurred_at=moment.instant,
            local_date=moment.day,
            recorded_at=self.now,
            achievement_id=rule.id,
            **reason._asdict(),
        )
        return boosted_reward(self, reward)

    def _hold(self, rule: AchievementRule, reward: Entry) -> Unlock:
        self.held = self.held | {rule.id}
        self.unlocks += (self._unlock_row(rule, reward),)
        return Unlock(rule.key, rule.name, rule.icon, reward.amount)

    def _unlock_row(self, rule: AchievementRule, reward: Entry) -> UnlockRow:
        return UnlockRow(reward.user_id, rule.id, reward.occurred_at, reward.amount)


class Before:
    """What a user met before something was booked."""

    def __init__(self, totals: RunningTotals, start: Start) -> None:
        self._totals = totals
        self._start = start
        self._facts = totals.facts_at(start)

    def may_meet(self, rule: AchievementRule) -> bool:
        """Say whether the user met ``rule``, or only the ledger tells."""
        if not rule.is_tree:
            return self._facts.meet(rule)
        tree = self._totals.rules.catalogue.tree_of(rule)
        judge = Judge(self._totals, self._start, is_latest=False)
        return is_met(tree.requirement, judge) is not False
