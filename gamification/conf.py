"""The app's settings: the one reader of ``settings.GAMIFICATION``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings

from gamification.domain.catalogue import Catalogue
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.levels import LEVEL_THRESHOLDS
from gamification.domain.state import Rules

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/(s|min|hour|day)", re.ASCII)
_SECONDS: Final = {"s": 1, "min": 60, "hour": 3_600, "day": 86_400}


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
    #: How long it is kept how many users hold each achievement; 0 is not at all.
    RARITY_TTL: timedelta = timedelta(hours=1)
    #: Whether users are told how many secret achievements there are.
    SHOW_SECRET_COUNT: bool = False
    #: Records that ``record_activities`` writes in one transaction.
    BATCH_SIZE: int = 10_000
    #: Whether staff are listed on leaderboards and counted in rarity.
    RANKS_STAFF: bool = False
    #: How often a user may ask the API to read, to write, and to record: requests per
    #: ``s``, ``min``, ``hour`` or ``day``; None is no limit. Others keep their rates.
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

    def limit(self, scope: str) -> tuple[int, int] | None:
        """Return how many requests ``scope`` allows in how many seconds; None is any.

        A rate that cannot be read is the default one; a check reports it.
        """
        default = Settings.THROTTLE_RATES[scope]
        rates = self.THROTTLE_RATES
        rate = rates.get(scope, default) if isinstance(rates, Mapping) else default
        return None if rate is None else read_rate(rate) or read_rate(default)

    def rules(self, catalogue: Catalogue) -> Rules:
        """Return the rules that the site's settings make of ``catalogue``."""
        site = site_settings()
        return Rules(
            catalogue,
            tuple(site.get("LEVEL_THRESHOLDS", Settings.LEVEL_THRESHOLDS)),
            tuple(site.get("STREAK_MILESTONES", Settings.STREAK_MILESTONES)),
            site.get("CELEBRATION_TTL", Settings.CELEBRATION_TTL),
        )


def read_rate(rate: object) -> tuple[int, int] | None:
    """Return how many requests a rate allows in how many seconds; None for no rate."""
    match = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    return match and (int(match[1]), _SECONDS[match[2]])


@cache
def _calendar(zone: str, day_start_hour: int) -> Calendar:
    return Calendar((ZoneChange(0, zone),), day_start_hour)


def site_settings() -> Mapping[str, Any]:
    """Return what the site wrote into ``settings.GAMIFICATION``."""
    return getattr(settings, "GAMIFICATION", {})


#: Names that a site may set.
NAMES = frozenset(name for name in vars(Settings) if name.isupper())

conf = Settings()
