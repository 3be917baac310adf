"""The balance report: XP by day and source, levels, unlocks, days to each level.

It helps staff to tune rewards, and takes a fixed number of statements.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from itertools import groupby
from math import ceil
from statistics import median
from time import monotonic
from typing import Final

from django.core.cache import cache
from django.db.models import Count, Max, Min, Q, QuerySet, Sum
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.levels import calculate_level_from_xp
from gamification.exceptions import InvalidRequestError
from gamification.models import (
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.services.balance.sql import (
    SAMPLE as SAMPLED_DAYS,
)
from gamification.services.balance.sql import (
    days_of,
    entries_between,
)
from gamification.services.cache import scoped_key, tolerating_errors
from gamification.services.levels.table import current_thresholds
from gamification.services.unit_of_work import naming_errors

#: The longest period, in days.
MAX_DAYS = 365
#: The users in the sample for the days to each level.
SAMPLE = 1_000
#: A report that takes more seconds than this is cached, and for how long.
SLOW = 1.0
KEPT: Final = timedelta(minutes=5)
#: The key in the cache; its number changes whenever the fields of a report do.
CACHE_KEY: Final = "gamification:report:3"
#: Days of users from which a sample of the users stands for all: 1,000,000 users for
#: half a year.
MANY: Final = 180_000_000


@dataclass(frozen=True, slots=True)
class XPSource:
    """A source of XP: an activity by its id, or all entries of another kind."""

    kind: str
    activity_id: int | None = None


@dataclass(frozen=True, slots=True)
class UnlockCounts:
    """How many users hold an achievement, and how often it was unlocked lately."""

    holders: int = 0
    #: Holders who first unlocked it in the period.
    new_holders: int = 0
    #: Unlocks in the period. Some achievements are earned more than once.
    recent: int = 0


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """XP, levels and unlocks of a period."""

    #: The first date and the last.
    since: date
    until: date
    #: XP by date and source; dates without any are left out.
    xp: Mapping[date, Mapping[XPSource, int]]
    #: Users by level.
    levels: Mapping[int, int]
    #: By achievement id.
    unlocks: Mapping[int, UnlockCounts]
    #: Median days from a user's first entry to each level, by level, among the users
    #: of the sample who reached it.
    days_to_level: Mapping[int, float]
    #: Users in the sample.
    sampled: int
    worked_out_at: datetime
    #: XP is estimated from one in this many users.
    every: int = 1


@naming_errors
def get_balance_report(*, days: int = 30) -> BalanceReport:
    """Return the report of the last ``days``, including today, by six queries.

    A report that takes long is cached for five minutes.

    Raises ``InvalidRequestError`` for less than 1 day or more than 365.
    """
    since, until = last_days(days)
    key, began = scoped_key(f"{CACHE_KEY}:{since}:{until}"), monotonic()
    with tolerating_errors():
        if kept := cache.get(key):
            return BalanceReport(*kept)
    report = _work_out(since, until)
    if monotonic() - began > SLOW:
        # Field by field: another version of the code then notices what it cannot use.
        value = [getattr(report, field.name) for field in fields(report)]
        with tolerating_errors():
            cache.set(key, value, KEPT.total_seconds())
    return report


def _work_out(since: date, until: date) -> BalanceReport:
    (reached,), sampled = days_to_levels(current_thresholds())
    levels = _levels()
    days = days_of(sum(levels.values()), since, until)
    every = 1 if days <= MANY else ceil(days / SAMPLED_DAYS)
    return BalanceReport(
        since,
        until,
        _xp(since, until, every),
        levels,
        _unlocks(since),
        reached,
        sampled,
        timezone.now(),
        every,
    )


def last_days(days: int) -> tuple[date, date]:
    """Return the first and the last date of the last ``days`` in the site's time zone.

    Raises ``InvalidRequestError``.
    """
    if type(days) is not int or not 1 <= days <= MAX_DAYS:
        raise InvalidRequestError(
            f"Ask for 1 to {MAX_DAYS} days, not {days!r}.", days=days
        )
    today = conf.default_calendar.date_of(timezone.now())
    return today - timedelta(days=days - 1), today


def _xp(since: date, until: date, every: int) -> dict[date, dict[XPSource, int]]:
    groups = entries_between(since, until, every).values_list(
        "local_date", "activity_id", "kind"
    )
    days: dict[date, dict[XPSource, int]] = {}
    for day, activity_id, kind, xp in groups.annotate(xp=Sum("amount")):
        # Reversals of an activity are deducted from its XP.
        source = XPSource("activity", activity_id) if activity_id else XPSource(kind)
        day_xp = days.setdefault(day, {})
        day_xp[source] = day_xp.get(source, 0) + every * xp
    return dict(sorted(days.items()))


def _levels() -> dict[int, int]:
    rows = UserGamification.objects.order_by()
    counts = rows.values_list("level").annotate(users=Count("pk"))
    return dict(sorted(counts))


def _unlocks(since: date) -> dict[int, UnlockCounts]:
    begin = conf.default_calendar.begins(since)
    rows = UserAchievement.objects.filter(revoked_at=None).order_by()
    counts = rows.values_list("achievement_id").annotate(
        holders=Count("user", distinct=True),
        earlier=Count("user", distinct=True, filter=Q(unlocked_at__lt=begin)),
        recent=Count("pk", filter=Q(unlocked_at__gte=begin)),
    )
    return {
        pk: UnlockCounts(holders, holders - earlier, recent)
        for pk, holders, earlier, recent in counts
    }


@naming_errors
def days_to_levels(
    *tables: Sequence[int],
) -> tuple[list[dict[int, float]], int]:
    """Return the median days to each level with each table, and the users sampled.

    The days are those from a user's first entry on, of the sampled users who reached
    the level.
    """
    profiles = UserGamification.objects.order_by()
    user_ids = profiles.filter(pk__in=_some_ids(profiles)).values("user_id")
    entries = LedgerEntry.objects.filter(user__in=user_ids)
    lines = entries.order_by("user_id", "occurred_at", "id")
    histories = groupby(lines.values_list("user_id", "occurred_at", "amount"), _first)
    reached: list[dict[int, list[float]]] = [{} for _ in tables]
    sampled = 0
    for _, lines_of_user in histories:
        sampled += 1
        history = [line[1:] for line in lines_of_user]
        for table, days_by_level in zip(tables, reached, strict=True):
            for level, days in _climb(history, table):
                days_by_level.setdefault(level, []).append(days)
    medians = [
        {level: median(days) for level, days in sorted(each.items())}
        for each in reached
    ]
    return medians, sampled


def _some_ids(profiles: QuerySet[UserGamification]) -> Sequence[int]:
    """Return ids of a random sample of the rows, the same one each time."""
    ends = profiles.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["low"] is None:
        return ()
    ids = range(ends["low"], ends["high"] + 1)
    return random.Random(SAMPLE).sample(ids, min(SAMPLE, len(ids)))  # noqa: S311


def _first(line: tuple[object, ...]) -> object:
    return line[0]


def _climb(
    history: Iterable[tuple[datetime, int]], thresholds: Sequence[int]
) -> Iterable[tuple[int, float]]:
    """Yield each level above 1 that was reached, with the days until then."""
    total, highest = 0, 1
    begin: datetime | None = None
    for at, amount in history:
        begin = begin or at
        total += amount
        level = calculate_level_from_xp(total, thresholds)
        days = (at - begin).total_seconds() / 86_400
        yield from ((step, days) for step in range(highest + 1, level + 1))
        highest = max(highest, level)
