"""What other numbers would have made of the last days: the what-if of the rewards."""

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
from gamification.exceptions import (
    InvalidRequestError,
    UnknownAchievementError,
    UnknownActivityError,
)
from gamification.models import Achievement, Activity, UserGamification, write_alias
from gamification.services.balance.cooldowns import recount
from gamification.services.balance.report import last_days
from gamification.services.balance.sql import (
    Rate,
    day_sums,
    due_sql,
    every_so_many,
    level_sql,
    whole_rows,
)
from gamification.services.validation import check_whole


@dataclass(frozen=True, slots=True)
class ActivityNumbers:
    """What an activity would give."""

    xp_reward: int
    #: Units per user's day; None is no limit.
    daily_limit: int | None = None
    #: Seconds between rewarded records; None is none.
    cooldown: int | None = None


@dataclass(frozen=True, slots=True)
class RewardProposal:
    """Other numbers, by key; what is not named stays as it is."""

    activities: Mapping[str, ActivityNumbers] = field(default_factory=dict)
    #: XP of an unlock.
    achievements: Mapping[str, int] = field(default_factory=dict)
    thresholds: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """XP of the period, as it was and as it would have been."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a proposal would have made of a period."""

    since: date
    until: date
    #: Of how many users each one was looked at; the numbers are made to stand for all.
    every: int
    #: XP by the keys of what would give another reward.
    activities: Mapping[str, Change]
    achievements: Mapping[str, Change]
    #: Users by level, before and after.
    levels: Mapping[int, Change]
    #: Users whose level would be higher, or lower.
    raised: int
    lowered: int


def simulate_rewards(proposal: RewardProposal, *, days: int = 30) -> Simulation:
    """Return what ``proposal`` would have made of the last ``days``.

    It goes by the ledger: what a daily limit or a cooldown withheld counts again as
    far as the new ones admit it, from the first day of the period on. Where there are
    very many users, it looks at some, and estimates. Takes five queries at the most.

    Raises ``InvalidRequestError``, ``UnknownActivityError``,
    ``UnknownAchievementError``.
    """
    since, until = last_days(days)
    rates = [*_activities(proposal), *_achievements(proposal)]
    thresholds = tuple(proposal.thresholds or conf.LEVEL_THRESHOLDS)
    if not is_level_table(thresholds):
        raise InvalidRequestError("The thresholds do not start at 0 and rise.")
    every = every_so_many(since, until)
    cooled = [rate for rate in rates if rate.cooldown is not None]
    summed = [rate for rate in rates if rate.cooldown is None]
    recounted = recount(cooled, since, until, every)
    rows = _run(summed, thresholds, since, until, every, recounted.deltas)
    rows += [(1, pk, every * a, every * b) for pk, (a, b) in recounted.xp.items()]
    xp = {rate: Change(before, after) for is_xp, rate, before, after in rows if is_xp}
    moves = [row[1:] for row in rows if not row[0]]
    none = Change(0, 0)
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
            raise UnknownActivityError(activity=key)
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
            raise UnknownAchievementError(achievement=key)
        check_whole("XP reward", reward, least=0, most=MAX_REWARD)
        if reward != stored[key].xp_reward:
            yield Rate(-stored[key].pk, key, reward)


def _levels(moves: Sequence[Sequence[int]]) -> dict[int, Change]:
    counts: dict[int, list[int]] = {}
    for old, new, users in moves:
        counts.setdefault(old, [0, 0])[0] += users
        counts.setdefault(new, [0, 0])[1] += users
    return {level: Change(*counts[level]) for level in sorted(counts)}


def _run(
    rates: Sequence[Rate],
    thresholds: Sequence[int],
    since: date,
    until: date,
    every: int,
    deltas: Mapping[Any, int],
) -> list[tuple[int, ...]]:
    """Return rows of (1, rate, XP before, XP after) and of (0, level before, level
    after, users), from one statement that reads the ledger once.

    ``deltas`` are XP of users that come on top.
    """
    text, more = _as_json(deltas)
    days, values = day_sums(rates, since, until, every).query.sql_with_params()
    after, rewards = due_sql(rates)
    total = "p.total_xp + coalesce(d.delta, 0) + coalesce(m.delta, 0)"
    level, steps = level_sql(total, thresholds)
    profiles = UserGamification._meta.db_table
    sql = f"""
WITH days AS (SELECT user_id, origin, xp, {after} AS after FROM ({days}) AS days),
deltas AS (
    SELECT user_id, CAST(sum(after - xp) AS bigint) AS delta
    FROM days GROUP BY user_id),
more AS (
    SELECT key AS user_key, CAST(CAST(value AS text) AS bigint) AS delta
    FROM json_each({text}) AS given)
SELECT 1, origin, {every} * sum(xp), {every} * sum(after) FROM days GROUP BY origin
UNION ALL SELECT 0, before, after, {every} * count(*) FROM (
    SELECT p.level AS before, {level} AS after
    FROM {profiles} p LEFT JOIN deltas d ON d.user_id = p.user_id
    LEFT JOIN more m ON m.user_key = CAST(p.user_id AS text)
    WHERE p.id %% {every} = 0) AS moves
GROUP BY before, after"""
    return whole_rows(sql, [*rewards, *values, more, *steps])


def _as_json(deltas: Mapping[Any, int]) -> tuple[str, str]:
    """Return numbers by user as JSON, and how a statement takes it.

    Both databases have a ``json_each`` that reads it.
    """
    connection = connections[write_alias()]
    user: Any = UserGamification._meta.get_field("user")
    stored = user.target_field.get_db_prep_value
    numbers = {str(stored(pk, connection)): xp for pk, xp in deltas.items()}
    parameter = "%s::json" if connection.vendor == "postgresql" else "%s"
    return parameter, json.dumps(numbers)
