"""Calendar periods: the day, the week, the month, and all time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.days import ONE_DAY, Calendar


class Window(TextChoices):
    """The length of a period."""

    DAY = "day", _("day")
    WEEK = "week", _("week")
    MONTH = "month", _("month")
    ALL = "all", _("all time")


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


def current_period(window: Window, calendar: Calendar, now: datetime) -> Period:
    """Return the period of ``calendar`` to which the date of ``now`` belongs.

    Weeks follow ISO 8601: they begin on Monday, and may span two years.
    """
    zone = calendar.zone_at(now).key
    if window is Window.ALL:
        return Period(window, None, None, zone)
    first, after = _bounds(window, calendar.date_of(now))
    return Period(window, calendar.begins(first), calendar.begins(after), zone)


def _bounds(window: Window, day: date) -> tuple[date, date]:
    """Return the first dates of the period around ``day`` and of the next one."""
    if window is Window.WEEK:
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=7)
    if window is Window.MONTH:
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    return day, day + ONE_DAY
