"""Finds the revocable achievements that a user loses with what had earned them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from gamification.domain.catalogue import AchievementRule, Facts
from gamification.domain.levels import calculate_level_from_xp

#: Achievements that a user holds, each with the XP that it gave.
Held = Mapping[AchievementRule, int]

#: XP at which each level begins.
Thresholds = Sequence[int]


def find_lost(
    held: Held, before: Facts, after: Facts, thresholds: Thresholds
) -> list[AchievementRule]:
    """Return the achievements of ``held`` that a reversal takes with it.

    ``before`` and ``after`` are the facts around the reversal, with all of ``held``. An
    achievement is lost if it was met before and is not met any more. Its own reward
    does not keep it, nor do the rewards of others that are lost, unless nothing else
    kept it before: staff may have taken XP.
    """
    rest = {rule: xp for rule, xp in held.items() if before.meet(rule)}
    earned, lost = _earned(rest, before, thresholds), list[AchievementRule]()
    while True:
        kept = {rule: xp for rule, xp in rest.items() if rule in earned}
        still = _earned(kept, after, thresholds)
        gone = [
            rule
            for rule in rest
            if rule not in still and (rule in earned or not after.meet(rule))
        ]
        if not gone:
            return lost
        after = _without([rest.pop(rule) for rule in gone], after, thresholds)
        lost += gone


def _earned(held: Held, facts: Facts, thresholds: Thresholds) -> set[AchievementRule]:
    """Return those of ``held`` that are met without the rewards of the others."""
    earned = set[AchievementRule]()
    while True:
        others = [xp for rule, xp in held.items() if rule not in earned]
        without = _without(others, facts, thresholds)
        more = {rule for rule in held if without.meet(rule)}
        if more == earned:
            return earned
        earned = more


def _without(rewards: Collection[int], facts: Facts, thresholds: Thresholds) -> Facts:
    """Return ``facts`` without achievements that gave these rewards."""
    total = facts.total_xp - sum(rewards)
    held = facts.achievements - len(rewards)
    level = calculate_level_from_xp(total, thresholds)
    return facts._replace(total_xp=total, level=level, achievements=held)
