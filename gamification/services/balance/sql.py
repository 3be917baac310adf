"""What users' days would give by some numbers: sums over the ledger.

The what-if of the rewards and the recalculation of the past both rest on it.
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

#: How many days of users are looked at to tell what would become of all: 20,000 users
#: for a year, or more for less, down to a month.
SAMPLE: Final = 20_000 * 365
_LEAST_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of an activity gives, or an achievement, whose id is negative."""

    id: int
    key: str
    reward: int
    #: The most units of a date, where they are counted anew.
    limit: int | None = None
    counts_anew: bool = False
    #: Whether only units that were rewarded are counted anew.
    has_cooldown: bool = False
    #: Seconds between rewarded records, where those are counted anew.
    cooldown: int | None = None


def every_so_many(since: date, until: date) -> int:
    """Return of how many users each one is looked at, so that it does not take long.

    That is 1 unless there are very many. What is counted stands for so many users.
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
    """Return the entries of what ``rates`` name, in no order.

    Of ``every`` so many users one is looked at.
    """
    # Nothing has the id 0; an empty list would be no query at all.
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
        drawn = profiles.annotate(turn=F("pk") % every).filter(turn=0)
        entries = entries.filter(user__in=drawn.values("user_id"))
    return entries


def day_sums(
    rates: Collection[Rate], since: date, until: date, every: int = 1
) -> QuerySet[Any, Any]:
    """Return what users did and got of what ``rates`` name, by user and ``origin``.

    That is the id of a rate. Where one of them counts anew, sums are by date also.
    """
    origin = Coalesce("activity_id", F("achievement_id") * Value(-1))
    by = ["user_id", "origin"]
    if any(rate.counts_anew for rate in rates):
        by.append("local_date")
    # A reward that was taken back counts for none.
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
    """Return the XP that ``rates`` give for a row of ``day_sums``, and its values."""
    cases, values = [], list[int]()
    for rate in rates:
        units, limit = _units_sql(rate)
        cases.append(f"WHEN origin = %s THEN %s * ({units})")
        values += [rate.id, rate.reward, *limit]
    return (f"CASE {' '.join(cases)} END" if cases else "0"), values


def level_sql(total: str, thresholds: Sequence[int]) -> tuple[str, list[int]]:
    """Return the level of a total: that before the first threshold above it."""
    steps = "".join(
        f" WHEN {total} < %s THEN {level}"
        for level, _ in enumerate(thresholds[1:], start=1)
    )
    # A table of one level has no steps, and no database takes a case without one.
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


def whole_rows(sql: str, values: Sequence[Any]) -> list[tuple[int, ...]]:
    """Return the rows of a statement whose columns are all whole numbers."""
    with connections[write_alias()].cursor() as cursor:
        cursor.execute(sql, values)
        return [tuple(map(int, row)) for row in cursor.fetchall()]
