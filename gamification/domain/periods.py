"""Calendar periods: the day, the week, the month, and all time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.days import ONE_DAY, Calendar


class Window(TextChoices):
    """The length of a period."""

    DAY = "day", _("day")
    WEEK = "week", _("week")
    MONTH = "month", _("month")
    ALL = "all", _("all time")


#: The form of a period's name, and the suffix that turns it into the name of a date.
_PATTERNS: Final = {
    Window.DAY: (re.compile(r"\d{4}-\d\d-\d\d", re.ASCII), ""),
    Window.WEEK: (re.compile(r"\d{4}-W\d\d", re.ASCII), "-1"),
    Window.MONTH: (re.compile(r"\d{4}-\d\d", re.ASCII), "-01"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time from ``starts_at`` until just before ``ends_at``, both in UTC.

    Both are None for all time.
    """

    window: Window
    starts_at: datetime | None
    ends_at: datetime | None
    #: The IANA zone of its calendar.
    zone: str
    #: Its first date; None for all time.
    first_day: date | None = None

    @property
    def name(self) -> str:
        """Its name, such as ``2026-11-23``, ``2026-W48``, ``2026-11``, or ``all``."""
        if self.first_day is None:
            return "all"
        if self.window is Window.WEEK:
            year, week, _ = self.first_day.isocalendar()
            return f"{year:04}-W{week:02}"
        return self.first_day.isoformat()[: 10 if self.window is Window.DAY else 7]

    def has(self, instant: datetime) -> bool:
        """Say whether ``instant`` belongs to the period."""
        if self.starts_at is None or self.ends_at is None:
            return True
        return self.starts_at <= instant < self.ends_at


def current_period(window: Window, calendar: Calendar, now: datetime) -> Period:
    """Return the period of ``calendar`` to which the date of ``now`` belongs.

    Weeks follow ISO 8601: they begin on Monday, and may span two years.
    """
    zone = calendar.zone_at(now).key
    if window is Window.ALL:
        return Period(window, None, None, zone)
    return _period_around(window, calendar, calendar.date_of(now), zone)


def named_period(window: Window, calendar: Calendar, name: str) -> Period:
    """Return the period of this name, or raise ``ValueError``.

    Raises ``OverflowError`` for a period at an end of the calendar.
    """
    zone = calendar.zones[-1].zone
    if window is Window.ALL:
        if name != Window.ALL:
            raise ValueError(name)
        return Period(window, None, None, zone)
    pattern, rest = _PATTERNS[window]
    if not pattern.fullmatch(name):
        raise ValueError(name)
    return _period_around(window, calendar, date.fromisoformat(name + rest), zone)


def first_day(window: Window, day: date) -> date:
    """Return the first date of the period that has ``day``; not for all time."""
    return _bounds(window, day)[0]


def last_day(window: Window, day: date) -> date:
    """Return the last date of the period that has ``day``; not for all time."""
    return _bounds(window, day)[1] - ONE_DAY


def _period_around(window: Window, calendar: Calendar, day: date, zone: str) -> Period:
    first, after = _bounds(window, day)
    begins, ends = calendar.begins(first), calendar.begins(after)
    return Period(window, begins, ends, zone, first)


def _bounds(window: Window, day: date) -> tuple[date, date]:
    """Return the first dates of the period around ``day`` and of the next one."""
    if window is Window.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    if window is Window.MONTH:
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    return day, day + ONE_DAY
