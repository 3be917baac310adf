"""The SQL that adds up the ledger by other rewards and limits.

The simulation of rewards and the preview of a recalculation both use it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from typing import Any, Final

from django.db import connections
from django.db.models import Case, F, Max, Min, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Coalesce

from gamification.domain.outcomes import EntryKind
from gamification.models import LedgerEntry, UserGamification, write_alias

#: The most days of users that are read, before a sample of the users stands for all:
#: 20,000 users for a year, or more users for a shorter period, down to a month.
SAMPLE: Final = 20_000 * 365
_LEAST_DAYS: Final = 30

#: The total of a user in ``simulation_sql``.
NEW_TOTAL: Final = "p.total_xp + coalesce(d.delta, 0) + coalesce(m.delta, 0)"


@dataclass(frozen=True, slots=True)
class Rate:
    """The XP for one unit of an activity, or for an unlock of an achievement."""

    #: The id of an activity, or the negative id of an achievement.
    id: int
    key: str
    reward: int
    #: The most units of a date, if ``counts_anew``.
    limit: int | None = None
    #: Whether units are counted again by this limit and cooldown. Otherwise the units
    #: that were rewarded are rewarded again.
    counts_anew: bool = False
    #: Whether only units that were rewarded are counted again.
    has_cooldown: bool = False
    #: Seconds between rewarded records, if ``counts_anew``.
    cooldown: int | None = None


def every_so_many(since: date, until: date) -> int:
    """Return n where one of n users is read, so that it does not take long.

    It is 1 unless there are very many users. A sum then stands for n times as many.
    """
    ids = UserGamification.objects.using(write_alias()).order_by()
    low, high = ids.aggregate(low=Min("pk"), high=Max("pk")).values()
    if low is None:
        return 1
    days = max(_LEAST_DAYS, (until - since).days + 1)
    users: int = high - low + 1
    return ceil(users * days / SAMPLE)


def entries_of(
    rates: Collection[Rate], since: date, until: date, every: int = 1
) -> QuerySet[Any]:
    """Return the entries of the activities and achievements of ``rates``, unordered.

    Only one of ``every`` so many users is read.
    """
    # No row has the id 0. For an empty list, Django would return no query.
    activities = [0, *(rate.id for rate in rates if rate.id > 0)]
    achievements = [0, *(-rate.id for rate in rates if rate.id < 0)]
    entries: QuerySet[Any] = LedgerEntry.objects.using(write_alias()).order_by()
    entries = entries.filter(
        Q(activity__in=activities) | Q(achievement__in=achievements),
        local_date__gte=since,
        local_date__lte=until,
    )
    if every > 1:
        profiles = UserGamification.objects.using(write_alias()).order_by()
        sample = profiles.annotate(remainder=F("pk") % every).filter(remainder=0)
        entries = entries.filter(user__in=sample.values("user_id"))
    return entries


def day_sums(
    rates: Collection[Rate], since: date, until: date, every: int = 1
) -> QuerySet[Any, Any]:
    """Return the units and the XP of each user, by ``origin``: the id of a rate.

    If one of the rates counts anew, the sums are by date, too.
    """
    origin = Coalesce("activity_id", F("achievement_id") * Value(-1))
    by = ["user_id", "origin"]
    if any(rate.counts_anew for rate in rates):
        by.append("local_date")
    # An unlock that was reversed counts as none.
    sign = Case(When(kind=EntryKind.REVERSAL, then=-1), default=1)
    sums: QuerySet[Any, Any] = (
        entries_of(rates, since, until, every)
        .annotate(origin=origin)
        .values(*by)
        .annotate(
            units=Sum("quantity"),
            paid=Sum("rewarded"),
            unlocks=Sum(sign),
            xp=Sum("amount"),
        )
    )
    return sums


def due_sql(rates: Collection[Rate]) -> tuple[str, list[int]]:
    """Return SQL for the XP that ``rates`` give for a row of ``day_sums``.

    Like all functions here, it returns the parameters of the SQL, too.
    """
    cases, values = [], list[int]()
    for rate in rates:
        units, limit = _units_sql(rate)
        cases.append(f"WHEN origin = %s THEN %s * ({units})")
        values += [rate.id, rate.reward, *limit]
    return (f"CASE {' '.join(cases)} END" if cases else "0"), values


def level_sql(total: str, thresholds: Sequence[int]) -> tuple[str, list[int]]:
    """Return SQL for the level of a total: the one before the next threshold."""
    steps = "".join(
        f" WHEN {total} < %s THEN {level}"
        for level, _ in enumerate(thresholds[1:], start=1)
    )
    # With one level there are no steps, and SQL has no CASE without them.
    level = f"CASE{steps} ELSE {len(thresholds)} END" if steps else "1"
    return level, [*thresholds[1:]]


def _units_sql(rate: Rate) -> tuple[str, list[int]]:
    if rate.id < 0:
        return "unlocks", []
    if not rate.counts_anew:
        return "paid", []
    units = "paid" if rate.has_cooldown else "units"
    if rate.limit is None:
        return units, []
    return f"CASE WHEN {units} > %s THEN %s ELSE {units} END", [rate.limit, rate.limit]


def simulation_sql(days: str, after: str, level: str, deltas: str, every: int) -> str:
    """Return the statement of a simulation, which reads the ledger once.

    It is made of other SQL: ``day_sums``, their XP ``after``, the ``level`` of
    ``NEW_TOTAL``, and ``deltas`` that come on top, as JSON. It returns rows of (1,
    rate, XP before, XP after) and of (0, level before, level after, users).
    """
    profiles = UserGamification._meta.db_table
    return f"""
WITH days AS (SELECT user_id, origin, xp, {after} AS after FROM ({days}) AS days),
deltas AS (
    SELECT user_id, CAST(sum(after - xp) AS bigint) AS delta
    FROM days GROUP BY user_id),
more AS (
    SELECT key AS user_key, CAST(CAST(value AS text) AS bigint) AS delta
    FROM json_each({deltas}) AS given)
SELECT 1, origin, {every} * sum(xp), {every} * sum(after) FROM days GROUP BY origin
UNION ALL SELECT 0, before, after, {every} * count(*) FROM (
    SELECT p.level AS before, {level} AS after
    FROM {profiles} p LEFT JOIN deltas d ON d.user_id = p.user_id
    LEFT JOIN more m ON m.user_key = CAST(p.user_id AS text)
    WHERE p.id %% {every} = 0) AS moves
GROUP BY before, after"""


def whole_rows(sql: str, values: Sequence[Any]) -> list[tuple[int, ...]]:
    """Return the rows of a statement, all columns of which are whole numbers."""
    with connections[write_alias()].cursor() as cursor:
        cursor.execute(sql, values)
        return [tuple(map(int, row)) for row in cursor.fetchall()]
