"""Finds the revocable achievements that a user loses with what had earned them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import TypeAlias

from gamification.domain.catalogue import Facts
from gamification.domain.history import StandingEntry, reversal_of
from gamification.domain.judging import Judge
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.outcomes import NO_REASON, Entry
from gamification.domain.requirements import is_met
from gamification.domain.rewards import Place
from gamification.domain.rules import AchievementRule
from gamification.domain.totals import RunningTotals, Start

#: Achievements that a user holds, each with the XP that it gave. One that can be earned
#: again is there once for each time.
Held = Mapping[AchievementRule, int]

#: XP at which each level begins.
Thresholds = Sequence[int]

#: Says whether an achievement is met by these facts, which do without these others.
Meets: TypeAlias = Callable[
    [AchievementRule, Facts, AbstractSet[AchievementRule]], bool
]


class Trial:
    """Judges whether a user would still meet trees without some achievements."""

    def __init__(
        self,
        totals: RunningTotals,
        at: Start,
        rewards: Mapping[Place, StandingEntry],
        now: datetime,
        more: Sequence[Entry] = (),
    ) -> None:
        """Judge what was booked before ``at``, and ``more`` entries."""
        self._totals = totals
        self._at = at
        self._rewards = rewards
        self._now = now
        self._more = more
        #: Whether the ledger decides, which the state lacks.
        self.is_open = False

    def __call__(
        self,
        rule: AchievementRule,
        facts: Facts,
        without: AbstractSet[AchievementRule],
    ) -> bool:
        """Say whether ``rule`` is met ``without`` others, or only the ledger tells."""
        if not rule.is_tree:
            return facts.meet(rule)
        gone = {(each.id, each.number) for each in without}
        kept = {pk for pk, number in self._rewards if (pk, number) not in gone}
        at = self._at._replace(
            total_xp=facts.total_xp,
            level=facts.level,
            held=self._at.held - ({pk for pk, _number in gone} - kept),
        )
        rewards = [self._rewards[place] for place in gone]
        taken = [reversal_of(e, now=self._now, reason=NO_REASON) for e in rewards]
        judge = Judge(self._totals, at, entries=[*self._more, *taken], keeps=True)
        verdict = is_met(self._totals.rules.catalogue.tree_of(rule).requirement, judge)
        self.is_open = self.is_open or verdict is None
        return verdict is not False


def find_lost(
    held: Held,
    before: tuple[Facts, Meets],
    after: tuple[Facts, Meets],
    thresholds: Thresholds,
    at_risk: AbstractSet[AchievementRule],
) -> list[AchievementRule]:
    """Return the achievements ``at_risk``, among ``held``, that a reversal takes.

    ``before`` and ``after`` are the facts around the reversal, with all of ``held``,
    and what judges them. An achievement is lost if it was met before and is not met any
    more. Its own reward does not keep it, nor do the rewards of others that are lost,
    unless nothing else kept it before: staff may have taken XP.
    """
    facts, meets = before
    rest = {
        rule: xp
        for rule, xp in held.items()
        if rule in at_risk and meets(rule, facts, frozenset())
    }
    earned = _earned(rest, {}, held, before, thresholds)
    lost: dict[AchievementRule, int] = {}
    while True:
        kept = {rule: xp for rule, xp in rest.items() if rule in earned}
        still = _earned(kept, lost, held, after, thresholds)
        now = _without(lost, held, after[0], thresholds)
        gone = [
            rule
            for rule in rest
            if rule not in still
            and (rule in earned or not after[1](rule, now, lost.keys()))
        ]
        if not gone:
            return [*lost]
        lost |= {rule: rest.pop(rule) for rule in gone}


def _earned(
    held: Held,
    lost: Held,
    held_before: Held,
    at: tuple[Facts, Meets],
    thresholds: Thresholds,
) -> set[AchievementRule]:
    """Return those of ``held`` that are met without rewards of the others or lost.

    ``held_before`` has all that were held before something was lost.
    """
    facts, meets = at
    earned = set[AchievementRule]()
    while True:
        others = {rule: xp for rule, xp in held.items() if rule not in earned}
        others = {**lost, **others}
        without = _without(others, held_before, facts, thresholds)
        more = {rule for rule in held if meets(rule, without, others.keys())}
        if more == earned:
            return earned
        earned = more


def _without(gone: Held, held: Held, facts: Facts, thresholds: Thresholds) -> Facts:
    """Return ``facts`` without those of ``held`` that are ``gone``, and their XP."""
    total = facts.total_xp - sum(gone.values())
    kept = {rule.id for rule in held if rule not in gone}
    lost = {rule.id for rule in gone} - kept
    achievements = facts.achievements - len(lost)
    level = calculate_level_from_xp(total, thresholds)
    return facts._replace(total_xp=total, level=level, achievements=achievements)
