"""From instants to a user's own calendar dates.

A day is a date in the zone that was in effect for the user at that instant. This
module never adds 24 hours to get to the next day: some days last 23, 24.5 or 25 hours,
and some dates never existed (Samoa's 2011-12-30).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from math import inf
from typing import Final, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

#: A date that lasted less than this for the user neither extends nor breaks a streak.
SHORTEST_DAY: Final = timedelta(hours=12)

#: At most one zone change takes effect in this time.
ZONE_CHANGE_INTERVAL: Final = timedelta(hours=24)

ONE_DAY: Final = timedelta(days=1)

#: The instant from which timestamps count.
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

#: The last instant that staff can choose: all that is worked out from it exists.
LAST: Final = datetime(3000, 1, 1, tzinfo=UTC)

#: No instant that a calendar has to handle is earlier, or later.
_EARLIEST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


#: When the years begin in which clocks may have skipped a date.
_A_YEAR: Final = timedelta(days=365)
_YEARS: Final = tuple(
    datetime(1840, 1, 1, tzinfo=UTC) + n * _A_YEAR for n in range(261)
)


def instant_at(microseconds: int) -> datetime:
    """Return the instant that is this many microseconds after the start of 1970."""
    return EPOCH + timedelta(microseconds=microseconds)


At = TypeVar("At", bound=date)


def shifted(at: At, by: timedelta) -> At:
    """Return what is ``by`` later than ``at``; where the calendar ends, ``at``."""
    try:
        return at + by
    except OverflowError:
        return at


def in_zone(at: datetime, zone: tzinfo) -> datetime:
    """Return ``at`` as clocks in ``zone`` show it; where the calendar ends, ``at``."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at


class ZoneChange(NamedTuple):
    """An IANA zone and when it took effect, in seconds since 1970 (UTC)."""

    since: float
    zone: str


class Calendar(NamedTuple):
    """A user's days: the zones in order of time, and the hour at which a day begins.

    The first zone also holds for all time before it. It is a tuple because caches ask
    for its hash with every record.
    """

    zones: tuple[ZoneChange, ...]
    day_start_hour: int = 0

    def zone_at(self, instant: datetime) -> ZoneInfo:
        """Return the zone in effect at ``instant``."""
        if len(self.zones) == 1:
            return ZoneInfo(self.zones[0].zone)
        moment = instant.timestamp()
        current = self.zones[0]
        for change in self.zones[1:]:
            if change.since <= moment:
                current = change
        return ZoneInfo(current.zone)

    def clock_at(self, instant: datetime) -> datetime:
        """Return what the user's clock shows, with UTC in place of the zone."""
        shown = instant.astimezone(self.zone_at(instant))
        return shown.replace(tzinfo=UTC, fold=0)

    def date_of(self, instant: datetime) -> date:
        """Return the user's date at ``instant``, an aware datetime."""
        local = instant.astimezone(self.zone_at(instant))
        if self.day_start_hour:
            # Drop the zone, so that the subtraction is in wall time.
            local = local.replace(tzinfo=None) - timedelta(hours=self.day_start_hour)
        return local.date()

    def begins(self, day: date, after: datetime = _EARLIEST) -> datetime:
        """Return the first instant from ``after`` on whose date is ``day`` or later."""
        earliest, hour = after.timestamp(), self.day_start_hour
        instants = (
            (max(since, earliest, _begins(day, zone, hour)), until)
            for since, until, zone in self._segments()
        )
        first = min(instant for instant, until in instants if instant < until)
        return datetime.fromtimestamp(first, UTC)

    def ended(self, day: date, now: datetime) -> datetime:
        """Return when ``day`` ended for the last time until ``now``.

        A flight to the west brings a date back that had ended.
        """
        at = self.begins(day + ONE_DAY)
        for change in self.zones[1:]:
            since = datetime.fromtimestamp(change.since, UTC)
            if at < since <= now and self.date_of(since) <= day:
                at = self.begins(day + ONE_DAY, after=since)
        return at

    def dates_of_changes(self, instant: datetime) -> Iterator[date]:
        """Yield the dates with which zones begin that took effect from ``instant`` on.

        After a flight to the west, that is a date which had ended.
        """
        moment = instant.timestamp()
        for change in self.zones[1:]:
            if change.since >= moment:
                yield self.date_of(datetime.fromtimestamp(change.since, UTC))

    def clocks(self) -> Iterator[tuple[datetime, datetime, ZoneInfo]]:
        """Yield when each zone takes effect, until when it does, and the zone."""
        for since, until, zone in self._segments():
            begins = _EARLIEST if since == -inf else datetime.fromtimestamp(since, UTC)
            ends = _LATEST if until == inf else datetime.fromtimestamp(until, UTC)
            yield begins, ends, zone

    def is_neutral(self, day: date) -> bool:
        """Say whether ``day`` lasted less than 12 hours, too short for a streak."""
        return _existed(self, day) < SHORTEST_DAY

    @property
    def neutral_dates(self) -> tuple[date, ...]:
        """All neutral dates, in order."""
        return _neutral_dates(self)

    def follows(self, earlier: date, later: date) -> bool:
        """Say whether ``later`` comes next, with only neutral dates in between."""
        gap = (later - earlier).days
        return gap == 1 or (
            gap > 1
            and all(self.is_neutral(earlier + timedelta(n)) for n in range(1, gap))
        )

    def with_zone(self, zone: str, now: datetime) -> Calendar:
        """Return the calendar after the user chose ``zone`` at ``now``.

        The change takes effect at once, or 24 hours after the previous change took
        effect. It replaces a change that is still pending.
        """
        moment, past = now.timestamp(), self.as_of(now).zones
        if past[-1].zone == zone:
            return self._replace(zones=past)
        since = moment
        if len(past) > 1:
            since = max(moment, past[-1].since + ZONE_CHANGE_INTERVAL.total_seconds())
        return self._replace(zones=(*past, ZoneChange(since, zone)))

    def as_of(self, now: datetime) -> Calendar:
        """Return the calendar without a change that is still pending at ``now``."""
        if len(self.zones) == 1:
            return self
        moment = now.timestamp()
        if self.zones[-1].since <= moment:
            return self
        past = [change for change in self.zones if change.since <= moment]
        return self._replace(zones=tuple(past) or self.zones[:1])

    def _segments(self) -> Iterator[tuple[float, float, ZoneInfo]]:
        starts = [-inf, *(change.since for change in self.zones[1:]), inf]
        for index, change in enumerate(self.zones):
            yield starts[index], starts[index + 1], ZoneInfo(change.zone)


def _begins(day: date, zone: ZoneInfo, hour: int) -> float:
    # A wall time inside a gap maps to the far side of it (PEP 495, fold=0).
    return datetime.combine(day, time(hour), tzinfo=zone).timestamp()


@lru_cache(maxsize=1_024)
def _neutral_dates(calendar: Calendar) -> tuple[date, ...]:
    """Return the neutral dates: near a change of zone, or near a skip of clocks."""
    instants = [
        instant_at(round(change.since * 1_000_000)) for change in calendar.zones[1:]
    ]
    for change in calendar.zones:
        instants += _skips(change.zone)
    near = {at.date() + timedelta(n) for at in instants for n in range(-2, 3)}
    return tuple(day for day in sorted(near) if calendar.is_neutral(day))


@lru_cache(maxsize=1_024)
def _skips(zone: str) -> tuple[datetime, ...]:
    """Return when clocks in ``zone`` went forward by half a day or more.

    They did so for good: when a country changed to the other side of the date line.
    """
    return tuple(
        _skip_between(year, ZoneInfo(zone))
        for year in _YEARS
        if _offset(year + _A_YEAR, ZoneInfo(zone)) - _offset(year, ZoneInfo(zone))
        >= SHORTEST_DAY
    )


def _skip_between(begin: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of the skip in the year from ``begin`` on, to an hour."""
    end = begin + _A_YEAR
    while end - begin > timedelta(hours=1):
        middle = begin + (end - begin) / 2
        has_skipped = _offset(end, zone) - _offset(middle, zone) < SHORTEST_DAY
        begin, end = (begin, middle) if has_skipped else (middle, end)
    return begin


def _offset(instant: datetime, zone: ZoneInfo) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta(0)


@lru_cache(maxsize=65_536)
def _existed(calendar: Calendar, day: date) -> timedelta:
    """Return how long ``day`` lasted for the user, all zones together."""
    hour, seconds = calendar.day_start_hour, 0.0
    for since, until, zone in calendar._segments():  # noqa: SLF001 - cached method
        opens, closes = _begins(day, zone, hour), _begins(day + ONE_DAY, zone, hour)
        seconds += max(0.0, min(closes, until) - max(opens, since))
    return timedelta(seconds=seconds)
