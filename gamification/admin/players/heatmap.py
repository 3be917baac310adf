"""A year of active days as SVG, with a column per week and a square per day."""

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

from gamification.admin.ui.charts import EdgeLabel
from gamification.admin.ui.formatting import format_number
from gamification.models import ActiveDay

#: The distance between squares in SVG units, and the margins for labels.
STEP: Final = 13
_LEFT: Final = 30
_TOP: Final = 16

#: The number of weeks before the current one, and the longest calendar that can be
#: read.
_WEEKS: Final = 52
_MAX_DAYS: Final = 366
#: The number of shades for active days.
_SHADES: Final = 4


def first_day(today: date) -> date:
    """Return the first day of the year that ends ``today``."""
    monday = today - timedelta(days=today.weekday(), weeks=_WEEKS)
    return max(monday, today - timedelta(days=_MAX_DAYS - 1))


@dataclass(frozen=True, slots=True)
class Square:
    """A day with its text on hover. Shade 0 is a day without activity."""

    x: int
    y: int
    shade: int
    #: The kind of active day; empty if the day is not one.
    kind: str
    text: str


@dataclass(frozen=True)
class Heatmap:
    """The active days of the year that ends ``today``, in ascending order."""

    days: Sequence[ActiveDay]
    today: date

    step = STEP
    width = _LEFT + (_WEEKS + 1) * STEP
    height = _TOP + 7 * STEP

    @property
    def summary(self) -> str:
        """The number of active days, as text."""
        count = sum(each.kind == ActiveDay.Kind.ACTIVE for each in self.days)
        text = ngettext(
            "%(count)s active day since %(since)s",
            "%(count)s active days since %(since)s",
            count,
        )
        since = formats.date_format(first_day(self.today))
        return text % {"count": count, "since": since}

    def squares(self) -> Iterator[Square]:
        """Yield a square for each day."""
        active, day = {each.date: each for each in self.days}, first_day(self.today)
        while day <= self.today:
            yield self._square(day, active.get(day))
            day += timedelta(days=1)

    def months(self) -> list[EdgeLabel]:
        """Return the names of the months, each above its first week."""
        first = first_day(self.today)
        first_days = [
            day
            for n in range((self.today - first).days + 1)
            if (day := first + timedelta(days=n)).day == 1
        ]
        return [
            EdgeLabel(self._x(day), capfirst(dates.MONTHS_3[day.month]))
            for day in first_days
        ]

    def weekdays(self) -> list[EdgeLabel]:
        """Return the names of every other weekday."""
        return [
            EdgeLabel(_TOP + n * STEP, str(dates.WEEKDAYS_ABBR[n]))
            for n in range(0, 7, 2)
        ]

    def _square(self, day: date, active: ActiveDay | None) -> Square:
        x, y = self._x(day), _TOP + day.weekday() * STEP
        date_text = formats.date_format(day)
        if active is None:
            return Square(x, y, 0, "", date_text)
        if active.kind != ActiveDay.Kind.ACTIVE:
            text = f"{date_text}: {active.get_kind_display()}"
            return Square(x, y, 0, active.kind, text)
        text = _("%(date)s: %(activities)s activities, %(xp)s XP") % {
            "date": date_text,
            "activities": format_number(active.activities),
            "xp": format_number(active.xp),
        }
        return Square(x, y, self._shade(active.activities), active.kind, text)

    def _x(self, day: date) -> int:
        monday = self.today - timedelta(days=self.today.weekday(), weeks=_WEEKS)
        return _LEFT + (day - monday).days // 7 * STEP

    def _shade(self, activities: int) -> int:
        """Return the shade for a number of activities, by its rank among the days.

        With ranks, one very busy day does not make all others pale.
        """
        rank = bisect_left(self._counts, activities) / len(self._counts)
        return 1 + int(rank * _SHADES)

    @cached_property
    def _counts(self) -> list[int]:
        active = (day for day in self.days if day.kind == ActiveDay.Kind.ACTIVE)
        return sorted(each.activities for each in active)
