"""Seasons: the time in which an achievement counts what happens."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

from django.db.models.enums import TextChoices
from django.utils.translation import gettext_lazy as _

from gamification.domain.days import Calendar, shifted

#: How far a user's date can be from the date of an instant in UTC, and one day more.
MARGIN: Final = timedelta(days=3)


class SeasonState(TextChoices):
    """Whether an achievement's season is to come, is now, or is over."""

    UPCOMING = "upcoming", _("upcoming")
    OPEN = "open", _("open")
    ENDED = "ended", _("ended")


class Season(NamedTuple):
    """A time from ``starts_at`` until just before ``ends_at``; one of them may be open.

    Without a ``zone``, both are what the clock of each user shows, written as if it
    were UTC.
    """

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    zone: str = ""

    def contains(self, instant: datetime, calendar: Calendar) -> bool:
        """Say whether ``instant`` is part of the season of a user."""
        return self.state_at(instant, calendar) is SeasonState.OPEN

    def state_at(self, instant: datetime, calendar: Calendar) -> SeasonState:
        """Return the state of the season at ``instant``, for a user."""
        moment = instant if self.zone else calendar.clock_at(instant)
        if self.starts_at is not None and moment < self.starts_at:
            return SeasonState.UPCOMING
        if self.ends_at is not None and moment >= self.ends_at:
            return SeasonState.ENDED
        return SeasonState.OPEN

    def is_inner(self, day: date) -> bool:
        """Say whether all of ``day`` is part of the season, wherever a user is."""
        first, last = self.dates
        return shifted(first, 2 * MARGIN) <= day <= shifted(last, -2 * MARGIN)

    @property
    def edges(self) -> set[date]:
        """The dates of which only a part can belong to the season."""
        days = set[date]()
        for end in (self.starts_at, self.ends_at):
            if end is not None:
                first = shifted(end.date(), -MARGIN)
                days |= {shifted(first, timedelta(n)) for n in range(2 * MARGIN.days)}
        return days

    @property
    def dates(self) -> tuple[date, date]:
        """The first and the last date that can be part of it, wherever a user is."""
        first = last = None
        if self.starts_at is not None:
            first = shifted(self.starts_at.date(), -MARGIN)
        if self.ends_at is not None:
            last = shifted(self.ends_at.date(), MARGIN)
        return first or date.min, last or date.max
