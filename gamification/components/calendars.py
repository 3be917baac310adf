"""A year of active days as a table: a column for each week."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import chain, groupby, pairwise
from typing import Any, Final

from django.utils import timezone
from django.utils.dates import MONTHS_3, WEEKDAYS_ABBR
from django.utils.formats import date_format, number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.components.streaks import today_of
from gamification.models import ActiveDay
from gamification.services import ProfileSummary, get_calendar, get_progress

#: Shades of days on which the user did something.
_SHADES: Final = 4

#: The offset from UTC of the zone in which each day begins first.
_EASTERNMOST: Final = timedelta(hours=14)

#: The name of a month needs the width of this many weeks.
_ROOM: Final = 3

FIRST_YEAR, LAST_YEAR = 1970, 9998


@dataclass(frozen=True, slots=True)
class Cell:
    """A day; shade 0 is a day without activity, -1 a day of another year."""

    shade: int
    text: str
    #: Whether the day's week has not begun: narrow screens leave such days out.
    is_later: bool = False
    #: Why the day broke no streak although the user did nothing; empty for other days.
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Month:
    """The heading of a month; the name is empty if there is no room for it."""

    name: str
    weeks: int
    is_later: bool
    #: Whether so few weeks of the month have begun that its name has no room there.
    is_new: bool


def calendar_of(user: Any, year: int | None = None) -> dict[str, Any]:
    """Return what the calendar of a year shows, in two queries."""
    progress = get_progress(user)
    year = year or today_of(progress).year
    first, last = date(year, 1, 1), date(year, 12, 31)
    days = get_calendar(user, since=first, until=last)
    mondays = _mondays(first, last)
    return {
        "year": year,
        "active_days": sum(_is_active(day) for day in days),
        "longest_run": _longest_run(days, progress),
        "months": _months(mondays, _today()),
        "rows": _rows(mondays, year, days),
        "shades": range(_SHADES + 1),
        "kinds": _kinds(days),
    }


def _is_active(day: ActiveDay) -> bool:
    return day.kind == ActiveDay.Kind.ACTIVE


def _kinds(days: Sequence[ActiveDay]) -> list[tuple[str, str]]:
    """Return the other kinds that the year has, each with its name."""
    found = {day.kind for day in days if not _is_active(day)}
    return [
        (kind.value, capfirst(str(kind.label)))
        for kind in ActiveDay.Kind
        if kind in found
    ]


def _mondays(first: date, last: date) -> list[date]:
    """Return the beginnings of the weeks that have a day of the year."""
    monday = first - timedelta(days=first.weekday())
    weeks = (last - monday).days // 7 + 1
    return [monday + timedelta(weeks=number) for number in range(weeks)]


def _today() -> date:
    """Return the latest date that it is anywhere on Earth now."""
    return (timezone.now() + _EASTERNMOST).date()


def _months(mondays: Sequence[date], today: date) -> list[Month]:
    """Return the months with their weeks; a week's Thursday decides its month."""
    months = []
    for month, weeks in groupby(mondays, lambda day: (day + timedelta(days=3)).month):
        days = [*weeks]
        name = capfirst(str(MONTHS_3[month])) if len(days) >= _ROOM else ""
        begun = sum(day <= today for day in days)
        is_new = 0 < begun < _ROOM
        months.append(Month(name, len(days), is_later=not begun, is_new=is_new))
    return months


def _rows(
    mondays: Sequence[date], year: int, days: Sequence[ActiveDay]
) -> list[tuple[str, list[Cell]]]:
    """Return the weekdays, each with its days of all weeks."""
    cells = _Cells(year, days)
    return [
        (
            str(WEEKDAYS_ABBR[weekday]),
            [cells.of(monday + timedelta(days=weekday)) for monday in mondays],
        )
        for weekday in range(7)
    ]


class _Cells:
    """Makes cells of the dates of a year."""

    def __init__(self, year: int, days: Sequence[ActiveDay]) -> None:
        self.year = year
        self.days = {day.date: day for day in days}
        self.scale = sorted(day.xp for day in days if _is_active(day))
        self.today = _today()

    def of(self, day: date) -> Cell:
        is_later = day - timedelta(days=day.weekday()) > self.today
        if day.year != self.year:
            return Cell(-1, "", is_later)
        active = self.days.get(day)
        if active is None:
            words = _("nothing") if day <= self.today else ""
            return Cell(0, words and self._said(day, words), is_later)
        if not _is_active(active):
            said = self._said(day, active.get_kind_display())
            return Cell(0, said, is_later, active.kind)
        xp = _("%(xp)s XP") % {"xp": number_format(active.xp, force_grouping=True)}
        return Cell(self._shade(active.xp), self._said(day, xp))

    def _said(self, day: date, what: str) -> str:
        return f"{date_format(day, 'MONTH_DAY_FORMAT')}: {what}"

    def _shade(self, xp: int) -> int:
        """Return how busy the day was among the others, from 1.

        It follows from the day's rank by XP, where equal days share the middle rank.
        With ranks, one day of thousands of XP does not make all others pale.
        """
        place = bisect_left(self.scale, xp) + bisect_right(self.scale, xp)
        return 1 + place * _SHADES // (2 * len(self.scale))


def _longest_run(days: Sequence[ActiveDay], progress: ProfileSummary) -> int:
    """Return the most days in a row; other kinds keep the run but do not count."""
    longest = run = 0
    follows = progress.calendar.follows
    links = (follows(early.date, late.date) for early, late in pairwise(days))
    for day, is_linked in zip(days, chain([False], links), strict=False):
        run = (run if is_linked else 0) + _is_active(day)
        longest = max(longest, run)
    return longest
