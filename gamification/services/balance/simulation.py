"""Simulates other rewards, limits and thresholds over the last days."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from gamification.domain.catalogue import Catalogue
from gamification.domain.estimates import Estimate, Sample
from gamification.domain.levels import is_level_table
from gamification.domain.rules import MAX_COOLDOWN, MAX_QUANTITY, MAX_REWARD, MAX_TOTAL
from gamification.exceptions import InvalidRequestError
from gamification.models import Achievement, Activity
from gamification.services.balance.report import last_days
from gamification.services.balance.sql import ONE_BY_ONE, Rate, every_so_many
from gamification.services.balance.worlds import (
    WORLDS,
    RatePair,
    Records,
    SimulatedNumber,
    both,
    play_records,
)
from gamification.services.catalogue.lookup import unknown_definition
from gamification.services.levels.table import current_thresholds
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import check_whole


@dataclass(frozen=True, slots=True)
class ActivityNumbers:
    """Other numbers of an activity."""

    xp_reward: int
    #: Units per user and day; None for no limit.
    daily_limit: int | None = None
    #: Seconds between rewarded records; None for no cooldown.
    cooldown: int | None = None


@dataclass(frozen=True, slots=True)
class RewardProposal:
    """Other numbers, by key; everything else stays as it is."""

    activities: Mapping[str, ActivityNumbers] = field(default_factory=dict)
    #: XP for an unlock.
    achievements: Mapping[str, int] = field(default_factory=dict)
    thresholds: Sequence[int] | None = None


class UnlockComparison(NamedTuple):
    """An achievement, and the users who would unlock it in addition."""

    name: str
    today: Estimate
    proposed: Estimate


@dataclass(frozen=True, slots=True)
class Simulation:
    """The result of a proposal for a period."""

    since: date
    until: date
    #: One of this many users was read; sums of XP are extrapolated to all.
    every: int
    #: Users whose levels and unlocks were played, and all users.
    played: int
    population: int
    #: XP by key, for everything with other numbers.
    activities: Mapping[str, SimulatedNumber]
    achievements: Mapping[str, SimulatedNumber]
    #: XP of the achievements that users would unlock in addition.
    followed: SimulatedNumber
    #: Users by level.
    levels: Mapping[int, SimulatedNumber]
    #: The achievements that users would unlock in addition, by key.
    unlocks: Mapping[str, UnlockComparison]
    #: Users whose level would be higher, or lower, than with today's numbers.
    raised: Estimate
    lowered: Estimate

    @property
    def is_exact(self) -> bool:
        """Whether all users were played."""
        return self.played >= self.population


@naming_errors
def simulate_rewards(proposal: RewardProposal, *, days: int = 30) -> Simulation:
    """Return the XP and levels that ``proposal`` would have given in the last ``days``.

    It is compared with what today's numbers would have given for the same records. Both
    are worked out from the ledger: units that a daily limit or a cooldown withheld
    count if the new ones allow it, from the first day of the period on. Then it plays
    each user, to find the levels and the unlocks that follow. With very many users, it
    estimates from a sample.

    Raises ``InvalidRequestError``, ``UnknownActivityError``,
    ``UnknownAchievementError``.
    """
    began, (since, until) = time.monotonic(), last_days(days)
    pairs = [*_activities(proposal), *_achievements(proposal)]
    thresholds = tuple(proposal.thresholds or current_thresholds())
    if not is_level_table(thresholds):
        message = f"Level thresholds must start at 0 and rise, up to {MAX_TOTAL:,}."
        raise InvalidRequestError(message)
    slowness = ONE_BY_ONE if any(pair.has_cooldown for pair in pairs) else 1
    every = every_so_many(since, until, slowness=slowness)
    records = Records.of(pairs, since, until, every)
    sample, catalogue, xp = play_records(
        records, proposal.achievements, thresholds, began
    )
    return Simulation(
        since,
        until,
        every,
        sample.size,
        sample.population,
        {pair.key: xp[pair.id] for pair in pairs if pair.id > 0},
        {pair.key: xp[pair.id] for pair in pairs if pair.id < 0},
        SimulatedNumber(0, *(each.value for each in both(sample, "followed"))),
        _levels(sample),
        dict(_unlocks(sample, catalogue)),
        sample.estimate("raised"),
        sample.estimate("lowered"),
    )


def _activities(proposal: RewardProposal) -> Iterator[RatePair]:
    stored = Activity.objects.in_bulk(field_name="key")
    for key, numbers in proposal.activities.items():
        if key not in stored:
            raise unknown_definition(Activity, key)
        _check(numbers)
        row = stored[key]
        now = ActivityNumbers(row.xp_reward, row.daily_limit, row.cooldown)
        if now != numbers:
            recounts = now.cooldown != numbers.cooldown or (
                now.cooldown is not None and now.daily_limit != numbers.daily_limit
            )
            yield RatePair(
                _rate(row, now, recounts=recounts),
                _rate(row, numbers, recounts=recounts),
            )


def _rate(row: Activity, numbers: ActivityNumbers, *, recounts: bool) -> Rate:
    """Return the rate; it ``recounts`` records one by one if there is a cooldown."""
    return Rate(
        row.pk,
        row.key,
        numbers.xp_reward,
        numbers.daily_limit,
        has_cooldown=numbers.cooldown is not None,
        cooldown=numbers.cooldown if recounts else None,
    )


def _check(numbers: ActivityNumbers) -> None:
    check_whole("XP reward", numbers.xp_reward, least=0, most=MAX_REWARD)
    if numbers.daily_limit is not None:
        check_whole("daily limit", numbers.daily_limit, least=1, most=MAX_QUANTITY)
    if numbers.cooldown is not None:
        check_whole("cooldown", numbers.cooldown, least=1, most=MAX_COOLDOWN)


def _achievements(proposal: RewardProposal) -> Iterator[RatePair]:
    stored = Achievement.objects.in_bulk(field_name="key")
    for key, reward in proposal.achievements.items():
        if key not in stored:
            raise unknown_definition(Achievement, key)
        check_whole("XP reward", reward, least=0, most=MAX_REWARD)
        now = stored[key].xp_reward
        if reward != now:
            pk = -stored[key].pk
            yield RatePair(Rate(pk, key, now), Rate(pk, key, reward))


def _levels(sample: Sample) -> dict[int, SimulatedNumber]:
    levels = sorted({level for _, level in sample.names("level")})
    return {
        level: SimulatedNumber(
            *(sample.estimate(("level", (world, level))).value for world in WORLDS)
        )
        for level in levels
    }


def _unlocks(
    sample: Sample, catalogue: Catalogue
) -> Iterator[tuple[str, UnlockComparison]]:
    """Yield key and comparison of each achievement, most users first."""
    known = catalogue.achievements
    found = {
        key: UnlockComparison(known[key].name, *both(sample, "unlock", key))
        for key in {key for _, key in sample.names("unlock")}
    }
    yield from sorted(found.items(), key=lambda each: (-each[1].proposed.value, each))
