"""Recalculates past records with today's rewards and limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gamification.domain.boosted import worth_of
from gamification.domain.history import StandingEntry
from gamification.domain.rules import ActivityRule


class Due(NamedTuple):
    """A record, and the worth that it should have."""

    standing: StandingEntry
    #: Units that earn XP.
    rewarded: int
    #: XP of a unit.
    xp_reward: int

    @property
    def amount(self) -> int:
        """XP to add to the record, at its own factor; negative if it has too much."""
        base = self.rewarded * self.xp_reward
        return worth_of(base, self.standing.entry.boosts) - self.standing.worth

    @property
    def is_change(self) -> bool:
        """Whether the record has to be corrected."""
        stored = self.standing.rewarded, self.standing.xp_reward
        return bool(self.amount) or stored != (self.rewarded, self.xp_reward)


def recalculate_day(
    standing: Sequence[StandingEntry], rule: ActivityRule
) -> Iterator[Due]:
    """Yield each record of one activity and date with the worth it should have.

    ``standing`` is in order of occurrence. The date rewards as many units as the limit
    allows; if the activity has a cooldown, withheld units stay withheld. If the limit
    allows fewer units than before, the latest records lose theirs first.
    """
    units = [each.rewarded for each in standing]
    if not rule.cooldown:
        room = _limit(rule, sum(each.entry.quantity for each in standing)) - sum(units)
        for place, each in enumerate(standing):
            more = max(0, min(each.withheld, room))
            units[place] += more
            room -= more
    excess = sum(units) - _limit(rule, sum(units))
    for place in reversed(range(len(units))):
        less = max(0, min(units[place], excess))
        units[place] -= less
        excess -= less
    for each, rewarded in zip(standing, units, strict=True):
        yield Due(each, rewarded, rule.xp_reward)


def day_worth(rule: ActivityRule, *, units: int, rewarded: int) -> int:
    """Return the XP that a date should give for an activity, from its sums."""
    counted = rewarded if rule.cooldown else units
    return _limit(rule, counted) * rule.xp_reward


def _limit(rule: ActivityRule, units: int) -> int:
    """Return how many of ``units`` earn XP on a date."""
    return units if rule.daily_limit is None else min(rule.daily_limit, units)
