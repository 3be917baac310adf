"""What other numbers would have made of the last days: the what-if of the rewards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db import connections
from django.db.models import Case, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from gamification.conf import conf
from gamification.domain.outcomes import EntryKind
from gamification.domain.progression import is_level_table
from gamification.domain.rules import MAX_QUANTITY, MAX_REWARD
from gamification.exceptions import (
    InvalidRequestError,
    UnknownAchievementError,
    UnknownActivityError,
)
from gamification.models import (
    Achievement,
    Activity,
    LedgerEntry,
    UserGamification,
)
from gamification.services.economy import period
from gamification.services.requests import write_alias


@dataclass(frozen=True, slots=True)
class ActivityNumbers:
    """What an activity would give."""

    xp_reward: int
    #: Units per user's day; None is no limit.
    daily_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
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
class Forecast:
    """What a proposal would have made of a period."""

    since: date
    until: date
    #: XP by the keys of what would give another reward.
    activities: Mapping[str, Change]
    achievements: Mapping[str, Change]
    #: Users by level, before and after.
    levels: Mapping[int, Change]
    #: Users whose level would be higher, or lower.
    raised: int
    lowered: int


def forecast(proposal: Proposal, *, days: int = 30) -> Forecast:
    """Return what ``proposal`` would have made of the last ``days``: three queries.

    It goes by the ledger: units beyond a daily limit count again as far as the new
    one admits them. What a cooldown withheld stays withheld.

    Raises ``InvalidRequestError``, ``UnknownActivityError``,
    ``UnknownAchievementError``.
    """
    since, until = period(days)
    sources = [*_activities(proposal), *_achievements(proposal)]
    thresholds = tuple(proposal.thresholds or conf.LEVEL_THRESHOLDS)
    if not is_level_table(thresholds):
        raise InvalidRequestError("The thresholds do not start at 0 and rise.")
    rows = _run(sources, thresholds, since, until)
    xp = {
        source: Change(before, after) for is_xp, source, before, after in rows if is_xp
    }
    moves = [row[1:] for row in rows if not row[0]]
    none = Change(0, 0)
    return Forecast(
        since,
        until,
        {s.key: xp.get(s.id, none) for s in sources if s.id > 0},
        {s.key: xp.get(s.id, none) for s in sources if s.id < 0},
        _levels(moves),
        raised=sum(users for before, after, users in moves if after > before),
        lowered=sum(users for before, after, users in moves if after < before),
    )


@dataclass(frozen=True, slots=True)
class _Source:
    """Something that would give another reward; achievements have negative ids."""

    id: int
    key: str
    reward: int
    #: The most units of a date, where they are counted anew.
    limit: int | None = None
    counts_anew: bool = False
    has_cooldown: bool = False


def _activities(proposal: Proposal) -> Iterator[_Source]:
    stored = Activity.objects.using(write_alias()).in_bulk(field_name="key")
    for key, numbers in proposal.activities.items():
        if key not in stored:
            raise UnknownActivityError(activity=key)
        _check("XP reward", numbers.xp_reward, 0, MAX_REWARD)
        if numbers.daily_limit is not None:
            _check("daily limit", numbers.daily_limit, 1, MAX_QUANTITY)
        row = stored[key]
        if (numbers.xp_reward, numbers.daily_limit) != (row.xp_reward, row.daily_limit):
            yield _Source(
                row.pk,
                key,
                numbers.xp_reward,
                numbers.daily_limit,
                counts_anew=numbers.daily_limit != row.daily_limit,
                has_cooldown=row.cooldown is not None,
            )


def _achievements(proposal: Proposal) -> Iterator[_Source]:
    stored = Achievement.objects.using(write_alias()).in_bulk(field_name="key")
    for key, reward in proposal.achievements.items():
        if key not in stored:
            raise UnknownAchievementError(achievement=key)
        _check("XP reward", reward, 0, MAX_REWARD)
        if reward != stored[key].xp_reward:
            yield _Source(-stored[key].pk, key, reward)


def _check(name: str, number: int, least: int, most: int) -> None:
    if type(number) is not int or not least <= number <= most:
        message = f"The {name} is not a whole number from {least} to {most:,}."
        raise InvalidRequestError(message)


def _levels(moves: Sequence[Sequence[int]]) -> dict[int, Change]:
    counts: dict[int, list[int]] = {}
    for old, new, users in moves:
        counts.setdefault(old, [0, 0])[0] += users
        counts.setdefault(new, [0, 0])[1] += users
    return {level: Change(*counts[level]) for level in sorted(counts)}


def _run(
    sources: Sequence[_Source], thresholds: Sequence[int], since: date, until: date
) -> list[tuple[int, ...]]:
    """Return rows of (1, source, XP before, XP after) and of (0, level before, level
    after, users), from one statement that reads the ledger once.
    """
    alias = write_alias()
    days, values = _days(sources, since, until).query.sql_with_params()
    after, rewards = _after_sql(sources)
    level, steps = _level_sql("p.total_xp + coalesce(d.delta, 0)", thresholds)
    profiles = UserGamification._meta.db_table
    sql = f"""
WITH days AS (SELECT user_id, origin, xp, {after} AS after FROM ({days}) AS days),
deltas AS (SELECT user_id, sum(after - xp) AS delta FROM days GROUP BY user_id)
SELECT 1, origin, sum(xp), sum(after) FROM days GROUP BY origin
UNION ALL SELECT 0, before, after, count(*) FROM (
    SELECT p.level AS before, {level} AS after
    FROM {profiles} p LEFT JOIN deltas d ON d.user_id = p.user_id) AS moves
GROUP BY before, after"""
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, [*rewards, *values, *steps])
        return [tuple(map(int, row)) for row in cursor.fetchall()]


def _days(sources: Sequence[_Source], since: date, until: date) -> QuerySet[Any, Any]:
    """Return what users did and got of each source, by date where that matters."""
    # Nothing has the id 0; an empty list would be no query at all.
    activities = [0, *(source.id for source in sources if source.id > 0)]
    achievements = [0, *(-source.id for source in sources if source.id < 0)]
    entries: QuerySet[Any] = LedgerEntry.objects.using(write_alias()).order_by()
    entries = entries.filter(
        Q(activity__in=activities) | Q(achievement__in=achievements),
        local_date__gte=since,
        local_date__lte=until,
    )
    origin = Coalesce("activity_id", F("achievement_id") * Value(-1))
    by = ["user_id", "origin"]
    if any(source.counts_anew for source in sources):
        by.append("local_date")
    # A reward that was taken back counts for none.
    sign = Case(When(kind=EntryKind.REVERSAL, then=-1), default=1)
    grouped: QuerySet[Any, Any] = (
        entries.annotate(origin=origin)
        .values(*by)
        .annotate(
            units=Sum("quantity"),
            paid=Sum("rewarded"),
            unlocks=Sum(sign),
            xp=Sum("amount"),
        )
    )
    return grouped


def _after_sql(sources: Sequence[_Source]) -> tuple[str, list[int]]:
    """Return the XP of a row of ``_days`` with the new numbers."""
    cases, values = [], list[int]()
    for source in sources:
        units, limit = _units_sql(source)
        cases.append(f"WHEN origin = %s THEN %s * ({units})")
        values += [source.id, source.reward, *limit]
    return (f"CASE {' '.join(cases)} END" if cases else "0"), values


def _units_sql(source: _Source) -> tuple[str, list[int]]:
    if source.id < 0:
        return "unlocks", []
    if not source.counts_anew:
        return "paid", []
    units = "paid" if source.has_cooldown else "units"
    if source.limit is None:
        return units, []
    limit = source.limit
    return f"CASE WHEN {units} > %s THEN %s ELSE {units} END", [limit, limit]


def _level_sql(total: str, thresholds: Sequence[int]) -> tuple[str, list[int]]:
    """Return the level of a total: that before the first threshold above it."""
    steps = "".join(
        f" WHEN {total} < %s THEN {level}"
        for level, _ in enumerate(thresholds[1:], start=1)
    )
    return f"CASE{steps} ELSE {len(thresholds)} END", [*thresholds[1:]]
