"""Finds the revocable achievements that a user loses with what had earned them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gamification.domain.catalogue import AchievementRule, Facts
from gamification.domain.levels import calculate_level_from_xp

#: Achievements that a user holds, each with the XP that it gave. What can be earned
#: again is there once for each time.
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
        xp = sum(rest.pop(rule) for rule in gone)
        after = _without(xp, _only_in(gone, rest), after, thresholds)
        lost += gone


def _earned(held: Held, facts: Facts, thresholds: Thresholds) -> set[AchievementRule]:
    """Return those of ``held`` that are met without the rewards of the others."""
    earned = set[AchievementRule]()
    while True:
        others = {rule: xp for rule, xp in held.items() if rule not in earned}
        lost = _only_in(others, earned)
        without = _without(sum(others.values()), lost, facts, thresholds)
        more = {rule for rule in held if without.meet(rule)}
        if more == earned:
            return earned
        earned = more


def _only_in(
    rules: Iterable[AchievementRule], others: Iterable[AchievementRule]
) -> int:
    """Return how many achievements are in ``rules``, at no time in ``others``."""
    return len({rule.id for rule in rules} - {rule.id for rule in others})


def _without(xp: int, achievements: int, facts: Facts, thresholds: Thresholds) -> Facts:
    """Return ``facts`` without so many achievements, which gave ``xp``."""
    total, held = facts.total_xp - xp, facts.achievements - achievements
    level = calculate_level_from_xp(total, thresholds)
    return facts._replace(total_xp=total, level=level, achievements=held)
