"""The app's settings: the one reader of ``settings.GAMIFICATION``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import Any

from django.conf import settings

from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.progression import LEVEL_THRESHOLDS
from gamification.domain.rules import Catalogue
from gamification.domain.standing import Rules


class Settings:
    """Keys of ``settings.GAMIFICATION``, read on every access.

    The attributes are the defaults.
    """

    #: Total XP at which each level begins, from level 1: starts at 0 and rises.
    LEVEL_THRESHOLDS: tuple[int, ...] = LEVEL_THRESHOLDS
    #: IANA zone of users who never chose one; None is Django's ``TIME_ZONE``.
    DEFAULT_TIME_ZONE: str | None = None
    #: Hour of the user's clock at which a day begins, 0 to 23.
    DAY_START_HOUR: int = 0
    #: How old a record may be, unless it comes from an import or from staff.
    MAX_BACKDATE: timedelta = timedelta(hours=48)
    #: How far ahead of the server's clock a record may be.
    MAX_CLOCK_SKEW: timedelta = timedelta(minutes=5)
    #: Lengths of a streak, in days, that are celebrated when first reached.
    STREAK_MILESTONES: tuple[int, ...] = (3, 7, 14, 30, 50, 100, 200, 365, 500, 1_000)
    #: How long a celebration waits for its user.
    CELEBRATION_TTL: timedelta = timedelta(days=7)
    #: Records that ``record_activities`` writes in one transaction.
    BATCH_SIZE: int = 10_000
    #: Whether staff are listed on leaderboards and counted in rarity.
    RANKS_STAFF: bool = False
    #: How often a user may ask the API to read, to write, and to record: requests per
    #: ``s``, ``min``, ``hour`` or ``day``; None is no limit.
    THROTTLE_RATES: Mapping[str, str | None] = MappingProxyType(
        {"read": "600/min", "write": "120/min", "record": "600/min"}
    )
    #: Whether a record over HTTP must have a key.
    REQUIRE_KEYS: bool = False
    #: The unique field of users that names them in the API; None is their user name,
    #: or the primary key where that is an address of mail.
    PUBLIC_USER_FIELD: str | None = None

    def __getattribute__(self, name: str) -> Any:
        default = object.__getattribute__(self, name)
        return site_settings().get(name, default)

    @property
    def default_calendar(self) -> Calendar:
        """The days of a user who never chose a zone."""
        site = site_settings()
        zone = site.get("DEFAULT_TIME_ZONE", Settings.DEFAULT_TIME_ZONE)
        hour = site.get("DAY_START_HOUR", Settings.DAY_START_HOUR)
        return _calendar(zone or settings.TIME_ZONE, hour)

    def rules(self, catalogue: Catalogue) -> Rules:
        """Return the rules that the site's settings make of ``catalogue``."""
        site = site_settings()
        return Rules(
            catalogue,
            tuple(site.get("LEVEL_THRESHOLDS", Settings.LEVEL_THRESHOLDS)),
            tuple(site.get("STREAK_MILESTONES", Settings.STREAK_MILESTONES)),
            site.get("CELEBRATION_TTL", Settings.CELEBRATION_TTL),
        )


@cache
def _calendar(zone: str, day_start_hour: int) -> Calendar:
    return Calendar((ZoneChange(0, zone),), day_start_hour)


def site_settings() -> Mapping[str, Any]:
    """Return what the site wrote into ``settings.GAMIFICATION``."""
    return getattr(settings, "GAMIFICATION", {})


#: Names that a site may set.
NAMES = frozenset(name for name in vars(Settings) if name.isupper())

conf = Settings()
