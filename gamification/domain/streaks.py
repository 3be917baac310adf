"""Streaks as runs over a set of dates.

A date is active if it was not neutral when an activity was recorded on it. It stays
active even if a later change of zone makes it neutral.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.days import ONE_DAY, Calendar


class StreakState(TextChoices):
    """Whether a streak is alive, at risk, or broken today.

    It is frozen if freezes will cover what was missed once the user is active again.
    """

    ACTIVE = "active", _("active")
    AT_RISK = "at_risk", _("at risk")
    FROZEN = "frozen", _("frozen")
    PAUSED = "paused", _("paused")
    BROKEN = "broken", _("broken")


@dataclass(frozen=True, slots=True)
class Streak:
    """A user's current and longest runs of active dates, in days."""

    #: Length of the run that ends at ``last_active_on``.
    current: int = 0
    longest: int = 0
    last_active_on: date | None = None


@dataclass(frozen=True, slots=True)
class StreakStatus:
    """A streak as it stands at one instant."""

    state: StreakState
    #: Periods, such as days; 0 once broken.
    current: int
    longest: int
    last_active_on: date | None
    #: When it breaks unless the user is active before that; None once broken.
    lost_at: datetime | None
    key: str = "daily"
    #: The name that staff gave it.
    name: str = ""
    #: ``day``, ``week`` or ``month``, and the active dates that one of them needs.
    unit: str = "day"
    goal: int = 1
    #: Active dates in the period that is open.
    done: int = 0
    #: Freezes in stock, how many of them the next active date will use, and the most
    #: that the stock holds.
    freezes: int = 0
    freezes_needed: int = 0
    freeze_cap: int = 0
    #: Active dates until the next freeze is earned; None if none are.
    next_freeze_in: int | None = None
    #: The last date of the pause that holds today.
    paused_until: date | None = None
    #: The dates that freezes will cover; if there are none, those that broke it last,
    #: of the last 90 days. For a week or month, its last date.
    missed: tuple[date, ...] = ()
    #: The dates that a repair has to credit; for a week or month, its last ones, as
    #: many as its goal lacks.
    lacking: tuple[date, ...] = ()
    #: When it broke last, and how long it was then.
    broken_at: datetime | None = None
    lost: int = 0
    #: How many of the dates that broke it freezes in stock would have covered.
    coverable: int = 0


def measure_streak(dates: Iterable[date], calendar: Calendar) -> Streak:
    """Return the streak over ``dates``, which may be unsorted and repeat."""
    longest = current = 0
    last: date | None = None
    for day in sorted(set(dates)):
        if last is None or not calendar.follows(last, day):
            current = 0
        current, last = current + 1, day
        longest = max(longest, current)
    return Streak(current, longest, last)


def extend_streak(
    streak: Streak, day: date, dates: Collection[date], calendar: Calendar
) -> Streak:
    """Return the streak after ``day`` became active.

    ``dates`` are all active dates; they matter only if ``day`` lies before the last
    one.
    """
    last = streak.last_active_on
    if last is None or last < day:
        linked = last is not None and calendar.follows(last, day)
        current = streak.current + 1 if linked else 1
        return Streak(current, max(streak.longest, current), day)
    return lengthened(streak, *_run_around(day, dates, calendar))


def lengthened(streak: Streak, length: int, end: date) -> Streak:
    """Return ``streak`` after one of its runs became so long; that run ends at ``end``.

    The last active date is the same as before.
    """
    current = length if end == streak.last_active_on else streak.current
    return Streak(current, max(streak.longest, length), streak.last_active_on)


def streak_status(streak: Streak, calendar: Calendar, now: datetime) -> StreakStatus:
    """Return the status of ``streak`` at ``now``; an inactive today breaks nothing."""
    today, last = calendar.date_of(now), streak.last_active_on
    if last is not None and streak.current:
        if last >= today:
            return _status(StreakState.ACTIVE, streak, calendar, now)
        if calendar.follows(last, today):
            return _status(StreakState.AT_RISK, streak, calendar, now)
    return StreakStatus(StreakState.BROKEN, 0, streak.longest, last, None)


def _status(
    state: StreakState, streak: Streak, calendar: Calendar, now: datetime
) -> StreakStatus:
    """Return the status of a streak that is alive."""
    last = streak.last_active_on or date.min
    # The user loses it when the next day that counts ends without an activity.
    counting = last + ONE_DAY
    while calendar.is_neutral(counting):
        counting += ONE_DAY
    lost_at = calendar.begins(counting + ONE_DAY, after=now)
    return StreakStatus(state, streak.current, streak.longest, last, lost_at)


def _run_around(
    day: date, dates: Collection[date], calendar: Calendar
) -> tuple[int, date]:
    """Return the length of the run through ``day`` and the date at which it ends."""
    length = 1
    for step in (-ONE_DAY, ONE_DAY):
        end = here = day
        while (here := here + step) in dates or calendar.is_neutral(here):
            if here in dates:
                length, end = length + 1, here
    return length, end
