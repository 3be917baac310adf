"""A year of active days as plain SVG: a column for each week, a square for each day."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from django.utils import dates, formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gamification.admin.ui.charts import Mark, spelled
from gamification.models import ActiveDay

#: Units of the drawing: from square to square, and what stays free for the words.
STEP: Final = 13
_LEFT: Final = 30
_TOP: Final = 16

#: Weeks before the current one, and the most days that one read returns.
_WEEKS: Final = 52
_MOST_DAYS: Final = 366
#: Shades of days on which something was done.
_SHADES: Final = 4


def first_day(today: date) -> date:
    """Return the day with which a year that ends ``today`` begins."""
    monday = today - timedelta(days=today.weekday(), weeks=_WEEKS)
    return max(monday, today - timedelta(days=_MOST_DAYS - 1))


@dataclass(frozen=True, slots=True)
class Square:
    """A day, with what it says. Shade 0 is a day without anything."""

    x: int
    y: int
    shade: int
    #: Why the day counts; empty where it does not.
    kind: str
    text: str


@dataclass(frozen=True)
class Heatmap:
    """The active days of the year that ends ``today``, the first one first."""

    days: Sequence[ActiveDay]
    today: date

    step = STEP
    width = _LEFT + (_WEEKS + 1) * STEP
    height = _TOP + 7 * STEP

    @property
    def summary(self) -> str:
        """What it shows, in words."""
        count = len(self.days)
        words = ngettext(
            "%(count)s active day since %(since)s",
            "%(count)s active days since %(since)s",
            count,
        )
        since = formats.date_format(first_day(self.today))
        return words % {"count": count, "since": since}

    def squares(self) -> Iterator[Square]:
        """Yield what is drawn."""
        active, day = {each.date: each for each in self.days}, first_day(self.today)
        while day <= self.today:
            yield self._square(day, active.get(day))
            day += timedelta(days=1)

    def months(self) -> list[Mark]:
        """Return the months at the top, each where it begins."""
        first = first_day(self.today)
        begins = [
            day
            for n in range((self.today - first).days + 1)
            if (day := first + timedelta(days=n)).day == 1
        ]
        return [
            Mark(self._x(day), capfirst(dates.MONTHS_3[day.month])) for day in begins
        ]

    def weekdays(self) -> list[Mark]:
        """Return every other weekday, at the left."""
        return [
            Mark(_TOP + n * STEP, str(dates.WEEKDAYS_ABBR[n])) for n in range(0, 7, 2)
        ]

    def _square(self, day: date, active: ActiveDay | None) -> Square:
        x, y = self._x(day), _TOP + day.weekday() * STEP
        words = formats.date_format(day)
        if active is None:
            return Square(x, y, 0, "", words)
        text = _("%(date)s: %(activities)s activities, %(xp)s XP") % {
            "date": words,
            "activities": spelled(active.activities),
            "xp": spelled(active.xp),
        }
        return Square(x, y, self._shade(active.activities), active.kind, text)

    def _x(self, day: date) -> int:
        monday = self.today - timedelta(days=self.today.weekday(), weeks=_WEEKS)
        return _LEFT + (day - monday).days // 7 * STEP

    def _shade(self, activities: int) -> int:
        """Return how busy the day was among the others, from 1.

        One day of hundreds of activities does not make all others pale.
        """
        place = bisect_left(self._counts, activities) / len(self._counts)
        return 1 + int(place * _SHADES)

    @cached_property
    def _counts(self) -> list[int]:
        return sorted(each.activities for each in self.days)
