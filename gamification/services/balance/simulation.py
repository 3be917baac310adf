"""Simulates other rewards, limits and thresholds over the last days."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connections

from gamification.conf import conf
from gamification.domain.catalogue import MAX_COOLDOWN, MAX_QUANTITY, MAX_REWARD
from gamification.domain.levels import is_level_table
from gamification.exceptions import InvalidRequestError
from gamification.models import Achievement, Activity, write_alias
from gamification.models.users import prepare_key
from gamification.services.balance.cooldowns import recount
from gamification.services.balance.report import last_days
from gamification.services.balance.sql import (
    NEW_TOTAL,
    Rate,
    day_sums,
    due_sql,
    every_so_many,
    level_sql,
    simulation_sql,
    whole_rows,
)
from gamification.services.catalogue.lookup import unknown_definition
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


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """A number as it was, and as it would have been."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """The result of a proposal for a period."""

    since: date
    until: date
    #: One of so many users was read; the numbers are extrapolated to all.
    every: int
    #: XP by key, for everything with other numbers.
    activities: Mapping[str, BeforeAfter]
    achievements: Mapping[str, BeforeAfter]
    #: Users by level.
    levels: Mapping[int, BeforeAfter]
    #: Users whose level would have been higher, or lower.
    raised: int
    lowered: int


@naming_errors
def simulate_rewards(proposal: RewardProposal, *, days: int = 30) -> Simulation:
    """Return the XP and levels that ``proposal`` would have given in the last ``days``.

    It is worked out from the ledger: units that a daily limit or a cooldown withheld
    count if the new ones allow it, from the first day of the period on. With very
    many users it is estimated from a sample. It takes at most five queries.

    Raises ``InvalidRequestError``, ``UnknownActivityError``,
    ``UnknownAchievementError``.
    """
    since, until = last_days(days)
    rates = [*_activities(proposal), *_achievements(proposal)]
    thresholds = tuple(proposal.thresholds or conf.LEVEL_THRESHOLDS)
    if not is_level_table(thresholds):
        raise InvalidRequestError("Level thresholds must start at 0 and rise.")
    every = every_so_many(since, until)
    cooled = [rate for rate in rates if rate.cooldown is not None]
    summed = [rate for rate in rates if rate.cooldown is None]
    recounted = recount(cooled, since, until, every)
    rows = _run(summed, thresholds, since, until, every, recounted.deltas)
    rows += [(1, pk, every * a, every * b) for pk, (a, b) in recounted.xp.items()]
    xp = {
        rate: BeforeAfter(before, after) for is_xp, rate, before, after in rows if is_xp
    }
    moves = [row[1:] for row in rows if not row[0]]
    none = BeforeAfter(0, 0)
    return Simulation(
        since,
        until,
        every,
        {rate.key: xp.get(rate.id, none) for rate in rates if rate.id > 0},
        {rate.key: xp.get(rate.id, none) for rate in rates if rate.id < 0},
        _levels(moves),
        raised=sum(users for before, after, users in moves if after > before),
        lowered=sum(users for before, after, users in moves if after < before),
    )


def _activities(proposal: RewardProposal) -> Iterator[Rate]:
    stored = Activity.objects.using(write_alias()).in_bulk(field_name="key")
    for key, numbers in proposal.activities.items():
        if key not in stored:
            raise unknown_definition(Activity, key)
        _check(numbers)
        row = stored[key]
        limits = (numbers.daily_limit, numbers.cooldown)
        counts_anew = limits != (row.daily_limit, row.cooldown)
        if counts_anew or numbers.xp_reward != row.xp_reward:
            yield Rate(
                row.pk,
                key,
                numbers.xp_reward,
                numbers.daily_limit,
                counts_anew=counts_anew,
                cooldown=numbers.cooldown if counts_anew else None,
            )


def _check(numbers: ActivityNumbers) -> None:
    check_whole("XP reward", numbers.xp_reward, least=0, most=MAX_REWARD)
    if numbers.daily_limit is not None:
        check_whole("daily limit", numbers.daily_limit, least=1, most=MAX_QUANTITY)
    if numbers.cooldown is not None:
        check_whole("cooldown", numbers.cooldown, least=1, most=MAX_COOLDOWN)


def _achievements(proposal: RewardProposal) -> Iterator[Rate]:
    stored = Achievement.objects.using(write_alias()).in_bulk(field_name="key")
    for key, reward in proposal.achievements.items():
        if key not in stored:
            raise unknown_definition(Achievement, key)
        check_whole("XP reward", reward, least=0, most=MAX_REWARD)
        if reward != stored[key].xp_reward:
            yield Rate(-stored[key].pk, key, reward)


def _levels(moves: Sequence[Sequence[int]]) -> dict[int, BeforeAfter]:
    counts: dict[int, list[int]] = {}
    for old, new, users in moves:
        counts.setdefault(old, [0, 0])[0] += users
        counts.setdefault(new, [0, 0])[1] += users
    return {level: BeforeAfter(*counts[level]) for level in sorted(counts)}


def _run(
    rates: Sequence[Rate],
    thresholds: Sequence[int],
    since: date,
    until: date,
    every: int,
    deltas: Mapping[Any, int],
) -> list[tuple[int, ...]]:
    """Return the rows of ``simulation_sql``; ``deltas`` are XP by user, on top."""
    placeholder, more = _as_json(deltas)
    days, values = day_sums(rates, since, until, every).query.sql_with_params()
    after, rewards = due_sql(rates)
    level, steps = level_sql(NEW_TOTAL, thresholds)
    sql = simulation_sql(days, after, level, placeholder, every)
    return whole_rows(sql, [*rewards, *values, more, *steps])


def _as_json(deltas: Mapping[Any, int]) -> tuple[str, str]:
    """Return numbers by user as JSON, with the placeholder for ``json_each``."""
    connection = connections[write_alias()]
    numbers = {
        str(prepare_key(key, connection.alias)): xp for key, xp in deltas.items()
    }
    parameter = "%s::json" if connection.vendor == "postgresql" else "%s"
    return parameter, json.dumps(numbers)
