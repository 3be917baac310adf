"""The streak, and the days of the current week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from gamification.conf import conf
from gamification.models import ActiveDay, StreakDefinition
from gamification.services import (
    ProfileSummary,
    get_calendar,
    get_progress,
    get_streaks,
)

Kind: Final = ActiveDay.Kind

#: The key of the streak that every site has.
DAILY: Final = "daily"

_MINUTE: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the week, with its state in a word."""

    weekday: int
    #: ``done``, ``today``, ``missed``, ``coming``, ``neutral``, or a kind of day.
    state: str
    word: str
    is_today: bool

    @property
    def name(self) -> str:
        return str(WEEKDAYS[self.weekday])

    @property
    def short_name(self) -> str:
        return str(WEEKDAYS_ABBR[self.weekday])


def streak_of(user: Any) -> dict[str, Any]:
    """Return what the streak shows, in two queries."""
    progress = get_progress(user)
    today = today_of(progress)
    monday = today - timedelta(days=today.weekday())
    sunday = monday + timedelta(days=6)
    active = get_calendar(user, since=monday, until=sunday)
    kinds = {each.date: each.kind for each in active}
    done = [day for day, kind in kinds.items() if kind == Kind.ACTIVE]
    begun = min(done, default=today) if len(done) >= progress.active_days else monday
    dates = [monday + timedelta(days=number) for number in range(7)]
    return {
        "streak": progress.streak,
        "paused_until": progress.streak.paused_until,
        **_until(progress, today),
        "days": [
            _day(each, today, kinds, progress) if each >= begun else _before(each)
            for each in dates
        ],
    }


def today_of(progress: ProfileSummary) -> date:
    """Return the current date on the user's own calendar."""
    return progress.calendar.date_of(timezone.now())


def _date_of(local: datetime) -> date:
    """Return the date to which a time of the user's clock belongs."""
    return (local - timedelta(hours=conf.DAY_START_HOUR)).date()


def _until(progress: ProfileSummary, today: date) -> dict[str, Any]:
    """Return the last minute to keep the streak, and in how many days that is."""
    lost_at = progress.streak.lost_at
    if lost_at is None:
        return {}
    zone = ZoneInfo(progress.time_zone)
    # Templates would convert an aware datetime to the zone of the page.
    until, now = (
        at.astimezone(zone).replace(tzinfo=None)
        for at in (lost_at - _MINUTE, timezone.now())
    )
    return {
        "until": until,
        "until_in": (_date_of(until) - today).days,
        # Where days begin at 4:00, tomorrow's 3:59 by the clock belongs to today.
        "is_tomorrow": (until.date() - now.date()).days == 1,
    }


def _day(
    day: date, today: date, kinds: Mapping[date, str], progress: ProfileSummary
) -> Day:
    if day in kinds:
        state, word = _kind(kinds[day])
    elif day == today:
        state, word = "today", _("Open")
    elif day > today:
        state, word = "coming", _("Not yet")
    elif progress.streak.freezes_needed and day in progress.streak.missed:
        state, word = "frozen", _("Freeze")
    elif progress.calendar.is_neutral(day):
        state, word = "neutral", _("Does not count")
    else:
        state, word = "missed", _("Missed")
    return Day(day.weekday(), state, word, is_today=day == today)


def _before(day: date) -> Day:
    """Return a day from before the user was ever active."""
    return Day(day.weekday(), "neutral", "–", is_today=False)


def _kind(kind: str) -> tuple[str, str]:
    word = _("Done") if kind == Kind.ACTIVE else capfirst(str(Kind(kind).label))
    return ("done" if kind == Kind.ACTIVE else kind), word


def other_streaks_of(user: Any) -> dict[str, Any]:
    """Return all streaks but the daily one, by one query where there are none."""
    if not StreakDefinition.objects.filter(is_active=True).exclude(key=DAILY).exists():
        return {"streaks": ()}
    return {"streaks": [each for each in get_streaks(user) if each.key != DAILY]}
