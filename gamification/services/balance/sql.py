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
#: How many times as long it takes to count records one by one.
ONE_BY_ONE: Final = 4


@dataclass(frozen=True, slots=True)
class Rate:
    """The XP for one unit of an activity, or for an unlock of an achievement."""

    #: The id of an activity, or the negative id of an achievement.
    id: int
    key: str
    reward: int
    #: The most units of a date that earn XP.
    limit: int | None = None
    #: Whether only units that were rewarded are counted again.
    has_cooldown: bool = False
    #: Seconds between rewarded records.
    cooldown: int | None = None


def every_so_many(since: date, until: date, *, slowness: int = 1) -> int:
    """Return n such that reading one of n users does not take long.

    It is 1 unless there are very many users. A sum then stands for n times as many.
    ``slowness`` is how many times as long it takes to read a user as to sum up the
    entries.
    """
    ids = UserGamification.objects.order_by()
    low, high = ids.aggregate(low=Min("pk"), high=Max("pk")).values()
    users = 0 if low is None else high - low + 1
    return max(1, ceil(days_of(users, since, until) * slowness / SAMPLE))


def days_of(users: int, since: date, until: date) -> int:
    """Return the days to read of all users together; a short period counts as 30."""
    return users * max(_LEAST_DAYS, (until - since).days + 1)


def entries_of(
    rates: Collection[Rate], since: date, until: date, every: int = 1
) -> QuerySet[Any]:
    """Return the entries of the activities and achievements of ``rates``, unordered.

    Only one of ``every`` so many users is read.
    """
    # No row has the id 0. For an empty list, Django would return no query.
    activities = [0, *(rate.id for rate in rates if rate.id > 0)]
    achievements = [0, *(-rate.id for rate in rates if rate.id < 0)]
    return entries_between(since, until, every).filter(
        Q(activity__in=activities) | Q(achievement__in=achievements)
    )


def entries_between(since: date, until: date, every: int = 1) -> QuerySet[Any]:
    """Return the entries of one of ``every`` so many users, unordered."""
    entries: QuerySet[Any] = LedgerEntry.objects.order_by()
    entries = entries.filter(local_date__gte=since, local_date__lte=until)
    if every > 1:
        profiles = UserGamification.objects.order_by()
        sample = profiles.annotate(remainder=F("pk") % every).filter(remainder=0)
        entries = entries.filter(user__in=sample.values("user_id"))
    return entries


def day_sums(
    rates: Collection[Rate],
    since: date,
    until: date,
    every: int = 1,
    *,
    only: Q | None = None,
) -> QuerySet[Any, Any]:
    """Return the units and the XP of each user, by ``origin``: the id of a rate.

    If one of the rates has a daily limit, the sums are by date, too. ``only`` chooses
    among the entries.
    """
    origin = Coalesce("activity_id", F("achievement_id") * Value(-1))
    by = ["user_id", "origin"]
    if any(rate.limit is not None for rate in rates):
        by.append("local_date")
    # An unlock that was reversed counts as none.
    sign = Case(When(kind=EntryKind.REVERSAL, then=-1), default=1)
    sums: QuerySet[Any, Any] = (
        entries_of(rates, since, until, every)
        .filter(only or Q())
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

    A row of another activity or achievement keeps its XP. Like all functions here, it
    returns the parameters of the SQL, too.
    """
    cases, values = [], list[int]()
    for rate in rates:
        units, limit = _units_sql(rate)
        cases.append(f"WHEN origin = %s THEN %s * ({units})")
        values += [rate.id, rate.reward, *limit]
    return (f"CASE {' '.join(cases)} ELSE xp END" if cases else "xp"), values


def _units_sql(rate: Rate) -> tuple[str, list[int]]:
    if rate.id < 0:
        return "unlocks", []
    units = "paid" if rate.has_cooldown else "units"
    if rate.limit is None:
        return units, []
    return f"CASE WHEN {units} > %s THEN %s ELSE {units} END", [rate.limit, rate.limit]


def whole_rows(sql: str, values: Sequence[Any]) -> list[tuple[int, ...]]:
    """Return the rows of a statement, all columns of which are whole numbers."""
    with connections[write_alias()].cursor() as cursor:
        cursor.execute(sql, values)
        return [tuple(map(int, row)) for row in cursor.fetchall()]
