"""When a boost holds: from one time to another, on one clock or on each user's own.

A boost without a time zone holds on each user's own clock. The fields of its times, in
UTC, are then what the clock shows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

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


def instant_for(at: datetime, zone: str, calendar: Calendar) -> datetime:
    """Return when it is ``at`` for the user: the same instant, or on the user's clock.

    Where the clock jumps over that time, it is the moment after the jump.
    """
    if zone:
        return at
    own: ZoneInfo = calendar.zone_at(at)
    return in_zone(at.replace(tzinfo=own), UTC)
