"""What the game gives: XP by day and source, levels, unlocks, the time to each level.

All of it is read in a fixed number of statements, for staff who tune the rewards.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
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
    write_alias,
)
from gamification.services.cache import tolerating_errors

#: The most days that are looked back on.
MAX_DAYS = 365
#: How many users the time to a level is taken from.
SAMPLE = 1_000
#: What takes more seconds than this is kept, and for how long.
SLOW = 1.0
KEPT: Final = timedelta(minutes=5)
#: Where the cache has it; the number grows with every change of what is kept there.
CACHE_KEY: Final = "gamification:report:1"


@dataclass(frozen=True, slots=True)
class XPSource:
    """Where XP comes from: an activity by its id, or all of another kind."""

    kind: str
    activity_id: int | None = None


@dataclass(frozen=True, slots=True)
class UnlockCounts:
    """How many users hold an achievement, and how many got it in the period."""

    holders: int = 0
    recent: int = 0


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """What the game gave in a period."""

    #: The first date and the last.
    since: date
    until: date
    #: XP by date and source; dates without any are left out.
    xp: Mapping[date, Mapping[XPSource, int]]
    #: Users by level.
    levels: Mapping[int, int]
    #: By achievement id.
    unlocks: Mapping[int, UnlockCounts]
    #: Days from the first entry until each level was reached, by level: the median of
    #: those users of the sample who reached it.
    days_to_level: Mapping[int, float]
    #: Users who were looked at for that.
    sampled: int
    worked_out_at: datetime


def get_balance_report(*, days: int = 30) -> BalanceReport:
    """Return what the game gave in the last ``days``, today included: five queries.

    What took long to work out is kept in the cache for five minutes.

    Raises ``InvalidRequestError`` for less than 1 day or more than 365.
    """
    since, until = last_days(days)
    key, began = f"{CACHE_KEY}:{since}:{until}", monotonic()
    with tolerating_errors():
        if kept := cache.get(key):
            return BalanceReport(*kept)
    report = _work_out(since, until)
    if monotonic() - began > SLOW:
        # One by one, so that another version of the code sees what it cannot use.
        value = [getattr(report, field.name) for field in fields(report)]
        with tolerating_errors():
            cache.set(key, value, KEPT.total_seconds())
    return report


def _work_out(since: date, until: date) -> BalanceReport:
    reached, sampled = _days_to_level()
    return BalanceReport(
        since,
        until,
        _xp(since, until),
        _levels(),
        _unlocks(since),
        reached,
        sampled,
        timezone.now(),
    )


def last_days(days: int) -> tuple[date, date]:
    """Return the first date and the last of the last ``days`` of the site's zone.

    Raises ``InvalidRequestError``.
    """
    if type(days) is not int or not 1 <= days <= MAX_DAYS:
        raise InvalidRequestError(f"The days are not 1 to {MAX_DAYS}.", days=days)
    today = conf.default_calendar.date_of(timezone.now())
    return today - timedelta(days=days - 1), today


def _xp(since: date, until: date) -> dict[date, dict[XPSource, int]]:
    entries = LedgerEntry.objects.using(write_alias()).order_by()
    # A user's date may be ahead of the site's. Nothing is recorded before it occurs,
    # and no zone is a day ahead; so an index finds the entries of the last days.
    begin = datetime.combine(since, time(), UTC) - timedelta(days=1)
    within = entries.filter(
        local_date__gte=since,
        local_date__lte=until,
        recorded_at__gte=begin - conf.MAX_CLOCK_SKEW,
    )
    groups = within.values_list("local_date", "activity_id", "kind")
    days: dict[date, dict[XPSource, int]] = {}
    for day, activity_id, kind, xp in groups.annotate(xp=Sum("amount")):
        # What an activity gave is less what was taken back of it.
        source = XPSource("activity", activity_id) if activity_id else XPSource(kind)
        day_xp = days.setdefault(day, {})
        day_xp[source] = day_xp.get(source, 0) + xp
    return dict(sorted(days.items()))


def _levels() -> dict[int, int]:
    rows = UserGamification.objects.using(write_alias()).order_by()
    counts = rows.values_list("level").annotate(users=Count("pk"))
    return dict(sorted(counts))


def _unlocks(since: date) -> dict[int, UnlockCounts]:
    begin = conf.default_calendar.begins(since)
    rows = UserAchievement.objects.using(write_alias()).filter(revoked_at=None)
    counts = (
        rows.order_by()
        .values_list("achievement_id")
        .annotate(
            holders=Count("pk"), recent=Count("pk", filter=Q(unlocked_at__gte=begin))
        )
    )
    return {pk: UnlockCounts(holders, recent) for pk, holders, recent in counts}


def _days_to_level() -> tuple[dict[int, float], int]:
    profiles = UserGamification.objects.using(write_alias()).order_by()
    user_ids = profiles.filter(pk__in=_some_ids(profiles)).values("user_id")
    entries = LedgerEntry.objects.using(write_alias()).filter(user__in=user_ids)
    lines = entries.order_by("user_id", "occurred_at", "id")
    histories = groupby(lines.values_list("user_id", "occurred_at", "amount"), _first)
    reached: dict[int, list[float]] = {}
    sampled = 0
    for _, history in histories:
        sampled += 1
        for level, days in _climb([line[1:] for line in history]):
            reached.setdefault(level, []).append(days)
    return {level: median(days) for level, days in sorted(reached.items())}, sampled


def _some_ids(profiles: QuerySet[UserGamification]) -> Sequence[int]:
    """Return ids of users' rows: many are drawn from, the same ones each time."""
    ends = profiles.aggregate(low=Min("pk"), high=Max("pk"))
    if ends["low"] is None:
        return ()
    ids = range(ends["low"], ends["high"] + 1)
    return random.Random(SAMPLE).sample(ids, min(SAMPLE, len(ids)))  # noqa: S311


def _first(line: tuple[object, ...]) -> object:
    return line[0]


def _climb(history: Iterable[tuple[datetime, int]]) -> Iterable[tuple[int, float]]:
    """Yield each level above 1 when it is first reached, with the days until then."""
    total, highest = 0, 1
    begin: datetime | None = None
    for at, amount in history:
        begin = begin or at
        total += amount
        level = calculate_level_from_xp(total, conf.LEVEL_THRESHOLDS)
        days = (at - begin).total_seconds() / 86_400
        yield from ((step, days) for step in range(highest + 1, level + 1))
        highest = max(highest, level)
