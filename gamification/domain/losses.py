"""Finds the revocable achievements that a user loses with what had earned them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from gamification.domain.catalogue import AchievementRule, Facts

#: Achievements that a user holds, each with the XP that it gave.
Held = Mapping[AchievementRule, int]

#: Returns the level of a total of XP.
LevelAt = Callable[[int], int]


def find_lost(
    held: Held, before: Facts, after: Facts, level_at: LevelAt
) -> list[AchievementRule]:
    """Return the achievements of ``held`` that a reversal takes with it.

    ``before`` and ``after`` are the facts around the reversal, with all of ``held``. An
    achievement is lost if it was met before and is not met any more. Its own reward
    does not keep it, nor do the rewards of others that are lost, unless nothing else
    kept it before: staff may have taken XP.
    """
    rest = {rule: xp for rule, xp in held.items() if before.meet(rule)}
    earned, lost = _earned(rest, before, level_at), list[AchievementRule]()
    while True:
        kept = {rule: xp for rule, xp in rest.items() if rule in earned}
        still = _earned(kept, after, level_at)
        gone = [
            rule
            for rule in rest
            if rule not in still and (rule in earned or not after.meet(rule))
        ]
        if not gone:
            return lost
        after = _without([rest.pop(rule) for rule in gone], after, level_at)
        lost += gone


def _earned(held: Held, facts: Facts, level_at: LevelAt) -> set[AchievementRule]:
    """Return those of ``held`` that are met without the rewards of the others."""
    earned = set[AchievementRule]()
    while True:
        others = [xp for rule, xp in held.items() if rule not in earned]
        without = _without(others, facts, level_at)
        more = {rule for rule in held if without.meet(rule)}
        if more == earned:
            return earned
        earned = more


def _without(rewards: Collection[int], facts: Facts, level_at: LevelAt) -> Facts:
    """Return ``facts`` without achievements that gave these rewards."""
    total = facts.total_xp - sum(rewards)
    held = facts.achievements - len(rewards)
    return facts._replace(total_xp=total, level=level_at(total), achievements=held)
