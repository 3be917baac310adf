"""The dates on a user's wall calendar, without a line of the package."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)

#: Zones, each with the second since 1970 from which it holds.
Zones = tuple[tuple[float, str], ...]


def date_of(zones: Zones, at: datetime) -> date:
    """Return the date on the user's wall at this instant."""
    zone = [zone for since, zone in zones if since <= at.timestamp()][-1:]
    return at.astimezone(ZoneInfo(zone[0] if zone else zones[0][1])).date()


@lru_cache(maxsize=100_000)
def is_neutral(zones: Zones, day: date) -> bool:
    """Say whether the date was on the user's wall for less than twelve hours."""
    if len(zones) == 1:
        return False
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    quarters = (noon + timedelta(minutes=15 * n) for n in range(-160, 160))
    return sum(date_of(zones, quarter) == day for quarter in quarters) < 48


def follows(zones: Zones, earlier: date, later: date) -> bool:
    between = [earlier + n * DAY for n in range(1, (later - earlier).days)]
    return all(is_neutral(zones, day) for day in between)


def runs_of(days: list[date], zones: Zones) -> list[int]:
    """Return the lengths of the runs of dates without a gap, in order."""
    runs, last = [], None
    for day in sorted(days):
        if last is not None and follows(zones, last, day):
            runs[-1] += 1
        else:
            runs.append(1)
        last = day
    return runs
