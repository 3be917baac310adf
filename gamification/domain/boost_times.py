"""When a boost holds: from one time to another, on one clock or on each user's own.

A boost without a time zone holds on each user's own clock. The fields of its times, in
UTC, are then what the clock shows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Final

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.days import Calendar, in_zone, shifted

#: How far clocks are ahead of UTC, and behind, where they are furthest.
AHEAD: Final = timedelta(hours=14)
BEHIND: Final = timedelta(hours=12)


class BoostState(TextChoices):
    """Whether a boost holds now, somewhere."""

    PLANNED = "planned", _("planned")
    RUNNING = "running", _("running")
    OVER = "over", _("over")


def earliest(at: datetime, zone: str) -> datetime:
    """Return the first instant at which it is ``at`` anywhere."""
    return at if zone else shifted(at, -AHEAD)


def latest(at: datetime, zone: str) -> datetime:
    """Return the last instant at which it is ``at`` anywhere."""
    return at if zone else shifted(at, BEHIND)


def state_at(
    now: datetime,
    starts_at: datetime,
    ends_at: datetime,
    zone: str,
    *,
    is_active: bool = True,
) -> BoostState:
    """Return the state of a boost with these times.

    A boost that is not active when it would begin never holds: it is over.
    """
    if now < earliest(starts_at, zone):
        return BoostState.PLANNED
    is_running = is_active and now < latest(ends_at, zone)
    return BoostState.RUNNING if is_running else BoostState.OVER


def spans_for(
    starts_at: datetime, ends_at: datetime, zone: str, calendar: Calendar
) -> list[tuple[datetime, datetime]]:
    """Return in which spans of time a boost holds for the user, in order.

    On the user's own clock, a change of zone can end it early, or begin it once more,
    and so can the hour that clocks repeat when summer time ends.
    """
    if zone:
        return [(starts_at, ends_at)]
    spans: list[tuple[datetime, datetime]] = []
    for since, until, own in calendar.clocks():
        turns = {since, until, *_turns(starts_at, own), *_turns(ends_at, own)}
        times = sorted(turn for turn in turns if since <= turn <= until)
        for begins, ends in pairwise(times):
            if not starts_at <= in_zone(begins, own).replace(tzinfo=UTC) < ends_at:
                continue
            if spans and spans[-1][1] == begins:
                begins = spans.pop()[0]
            spans.append((begins, ends))
    return spans


def _turns(at: datetime, own: tzinfo) -> list[datetime]:
    """Return when clocks that show a time before ``at`` may begin to show a later one.

    Where clocks show ``at`` twice, or jump over it, that is also when they change.
    """
    first, second = sorted(
        in_zone(at.replace(tzinfo=own, fold=fold), UTC) for fold in (0, 1)
    )
    if first == second:
        return [first]
    return [first, _change_between(first, second, own), second]


def _change_between(begin: datetime, end: datetime, own: tzinfo) -> datetime:
    """Return the first instant with the offset from UTC that clocks have at ``end``."""
    offset = in_zone(end, own).utcoffset()
    while end - begin > timedelta.resolution:
        middle = begin + (end - begin) / 2
        if in_zone(middle, own).utcoffset() == offset:
            end = middle
        else:
            begin = middle
    return end
