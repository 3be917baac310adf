"""The rules of a streak that staff define: its periods, its goal and its freezes.

A streak is a run of periods: days, weeks or months of the user's own dates. Its rules
may change, but only from a later period on: each version keeps the periods before it.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.days import ONE_DAY

#: The key of the streak that every site has, which ``UserGamification`` keeps.
DAILY: Final = "daily"
#: ISO weekdays: Monday is 1.
EVERY_DAY: Final = (1, 2, 3, 4, 5, 6, 7)
#: The most freezes that a stock may hold, and the most dates that earn one.
MAX_FREEZES: Final = 100
MAX_FREEZE_EVERY: Final = 1_000


class StreakUnit(TextChoices):
    """The periods of which a streak is a run."""

    DAY = "day", _("day")
    WEEK = "week", _("week")
    MONTH = "month", _("month")


#: The longest goal of each unit, in dates.
MOST_DATES: Final = {StreakUnit.DAY: 1, StreakUnit.WEEK: 7, StreakUnit.MONTH: 28}


@dataclass(frozen=True, slots=True)
class StreakVersion:
    """The rules of a streak from one date on."""

    since: date = date.min
    unit: str = StreakUnit.DAY.value
    #: Active dates that a period needs.
    goal: int = 1
    #: Ids of the activities that extend the streak; empty for all that extend streaks.
    activities: frozenset[int] = frozenset()
    #: ISO weekdays that count; the others neither count nor break.
    weekdays: tuple[int, ...] = EVERY_DAY
    first_weekday: int = 1
    #: Freezes that a user gets with the first active date.
    initial_freezes: int = 0
    #: Active dates of a run that earn a freeze; None if none do.
    freeze_every: int | None = None
    #: The most freezes in stock.
    freeze_cap: int = 0


class StreakPeriod(NamedTuple):
    """Dates that count together, both included."""

    start: date
    end: date
    version: StreakVersion
    #: Whether no change of the rules cuts it short.
    is_whole: bool = True

    def dates(self) -> Iterator[date]:
        """Yield the dates of the period."""
        for days in range((self.end - self.start).days + 1):
            yield self.start + timedelta(days)


@dataclass(frozen=True, slots=True)
class StreakRule:
    """A streak as decisions need it."""

    id: int
    key: str
    name: str = ""
    is_active: bool = True
    #: In order of time; the first one holds for all time before the second.
    versions: tuple[StreakVersion, ...] = (StreakVersion(),)

    @property
    def is_plain(self) -> bool:
        """Whether its runs follow from consecutive dates alone, without exceptions."""
        return all(
            version.unit == StreakUnit.DAY
            and version.weekdays == EVERY_DAY
            and not version.activities
            and not version.initial_freezes
            and version.freeze_every is None
            for version in self.versions
        )

    def version_on(self, day: date) -> StreakVersion:
        """Return the rules that hold on ``day``."""
        return self.versions[self._place(day)]

    def period_of(self, day: date) -> StreakPeriod:
        """Return the period in which ``day`` lies."""
        place = self._place(day)
        version = self.versions[place]
        start, end = span(version, day)
        first, last = start, end
        if place:
            first = max(start, version.since)
        if place + 1 < len(self.versions):
            last = min(end, self.versions[place + 1].since - ONE_DAY)
        return StreakPeriod(first, last, version, (first, last) == (start, end))

    def following(self, period: StreakPeriod) -> StreakPeriod:
        """Return the period after ``period``."""
        return self.period_of(period.end + ONE_DAY)

    def _place(self, day: date) -> int:
        place = len(self.versions) - 1
        while place and self.versions[place].since > day:
            place -= 1
        return place


def read_version(values: Mapping[str, Any], ids: Mapping[str, int]) -> StreakVersion:
    """Return the rules that are stored as ``values``.

    ``ids`` has the ids of activities by key. Where none of those that extend the streak
    is known, nothing extends it.
    """
    since, keys = values["since"], values["activities"]
    chosen = frozenset(ids.get(key, 0) for key in keys)
    return StreakVersion(
        since=date.fromisoformat(str(since)) if since else date.min,
        unit=values["unit"],
        goal=values["goal"],
        activities=chosen,
        weekdays=tuple(values["weekdays"]) or EVERY_DAY,
        first_weekday=values["first_weekday"],
        initial_freezes=values["initial_freezes"],
        freeze_every=values["freeze_every"],
        freeze_cap=values["freeze_cap"],
    )


#: The stored fields of a version, without the date since which it holds.
VERSION_FIELDS: Final = (
    "unit",
    "goal",
    "activities",
    "weekdays",
    "first_weekday",
    "initial_freezes",
    "freeze_every",
    "freeze_cap",
)

#: A daily streak that forgives nothing.
STRICT: Final = StreakRule(0, DAILY)


def span(version: StreakVersion, day: date) -> tuple[date, date]:
    """Return the first and the last date of the whole period around ``day``."""
    if version.unit == StreakUnit.DAY:
        return day, day
    if version.unit == StreakUnit.MONTH:
        return day.replace(day=1), day.replace(day=monthrange(day.year, day.month)[1])
    start = day - timedelta((day.isoweekday() - version.first_weekday) % 7)
    return start, start + timedelta(6)
