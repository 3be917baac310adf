"""The app's settings: the one reader of ``settings.GAMIFICATION``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from django.conf import settings

from gamification.domain.boosts import BoostStrategy
from gamification.domain.catalogue import Catalogue
from gamification.domain.categories import Category, are_categories, merge_categories
from gamification.domain.days import Calendar, ZoneChange
from gamification.domain.levels import (
    LEVEL_THRESHOLDS,
    LevelRule,
    make_table,
    thresholds_of,
)
from gamification.domain.state import Rules

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/(s|min|hour|day)", re.ASCII)
_SECONDS: Final = {"s": 1, "min": 60, "hour": 3_600, "day": 86_400}


class Settings:
    """Keys of ``settings.GAMIFICATION``, read on every access.

    The attributes are the defaults.
    """

    #: Total XP at which each level begins, from level 1 on; starts at 0 and rises. A
    #: site that sets it pins the levels: staff can then not edit them.
    LEVEL_THRESHOLDS: tuple[int, ...] = LEVEL_THRESHOLDS
    #: IANA zone of users who never chose one; None means Django's ``TIME_ZONE``.
    DEFAULT_TIME_ZONE: str | None = None
    #: Hour of the user's clock at which a day begins, 0 to 23.
    DAY_START_HOUR: int = 0
    #: How old a record may be, unless it is ``historical``.
    MAX_BACKDATE: timedelta = timedelta(hours=48)
    #: How far a record may be ahead of the server's clock.
    MAX_CLOCK_SKEW: timedelta = timedelta(minutes=5)
    #: Lengths of a streak, in days, that are celebrated when first reached.
    STREAK_MILESTONES: tuple[int, ...] = (3, 7, 14, 30, 50, 100, 200, 365, 500, 1_000)
    #: Dates that users may pause their streaks at a time, and in any 365 days.
    MAX_PAUSE_DAYS: int = 60
    MAX_PAUSE_DAYS_A_YEAR: int = 90
    #: Whether users may repair up to 2 missed dates within 48 hours of the break.
    USERS_REPAIR_STREAKS: bool = False
    #: How long a celebration waits for its user.
    CELEBRATION_TTL: timedelta = timedelta(days=7)
    #: How long the number of holders of each achievement is cached; 0 means never.
    RARITY_TTL: timedelta = timedelta(hours=1)
    #: Whether users are told how many secret achievements there are.
    SHOW_SECRET_COUNT: bool = False
    #: Records that ``record_activities`` writes in one transaction.
    BATCH_SIZE: int = 10_000
    #: Whether statements that come often are sent to PostgreSQL prepared; None means
    #: yes, until the app notices a pooler that loses them.
    PREPARED_STATEMENTS: bool | None = None
    #: IANA zone of the leaderboards' periods; None means ``DEFAULT_TIME_ZONE``.
    LEADERBOARD_ZONE: str | None = None
    #: Callables, or paths of callables, by the names of scopes: each returns the users
    #: whom a viewer compares with, or None if the viewer is outside.
    LEADERBOARD_SCOPES: Mapping[str, Any] = MappingProxyType({})
    #: Lookups of users, such as ``employment__company``, by the names of scopes: each
    #: has a board of its own for all users with the same value.
    LEADERBOARD_GROUPS: Mapping[str, str] = MappingProxyType({})
    #: Whether scores are kept as records arrive, so that boards are read by index.
    KEEP_LEADERBOARDS: bool = True
    #: How the factors of several boosts are combined: ``product``, ``highest`` or
    #: ``additive``.
    BOOST_STRATEGY: str = BoostStrategy.PRODUCT.value
    #: Whether staff are listed on leaderboards and counted in rarity.
    RANKS_STAFF: bool = False
    #: Whether staff may award achievements to themselves and adjust their own XP.
    ALLOW_SELF_AWARDS: bool = False
    #: Requests that one user may send to the API per ``s``, ``min``, ``hour`` or
    #: ``day``; None means no limit. A scope that a site leaves out keeps its default.
    THROTTLE_RATES: Mapping[str, str | None] = MappingProxyType(
        {"read": "600/min", "write": "120/min", "record": "600/min"}
    )
    #: Whether a record over HTTP must have a key.
    REQUIRE_KEYS: bool = False
    #: The unique field that names users in the API; None means the username, or the
    #: primary key if the username is an ``EmailField``.
    PUBLIC_USER_FIELD: str | None = None
    #: The site's categories of achievements, besides or instead of the app's: by key,
    #: each with a ``name``, an ``icon`` and an ``order``, or None to leave it out.
    CATEGORIES: Mapping[str, Mapping[str, Any] | None] = MappingProxyType({})
    #: The catalogue of a fresh database: True for the app's examples, False for none,
    #: or the site's own: a file, or the dotted path of a dictionary like one.
    SEED_CATALOGUE: bool | str | Path = True
    #: Folder among the static files that has the site's own badges, such as
    #: "shop/badges"; they replace the app's badges of the same name.
    BADGE_FOLDER: str | None = None

    def __getattribute__(self, name: str) -> Any:
        default = object.__getattribute__(self, name)
        # Other attributes are methods, which no setting replaces.
        return site_settings().get(name, default) if name in NAMES else default

    @property
    def default_calendar(self) -> Calendar:
        """The calendar of users who never chose a zone."""
        site = site_settings()
        zone = site.get("DEFAULT_TIME_ZONE", Settings.DEFAULT_TIME_ZONE)
        hour = site.get("DAY_START_HOUR", Settings.DAY_START_HOUR)
        return _calendar(zone or settings.TIME_ZONE, hour)

    @property
    def leaderboard_calendar(self) -> Calendar:
        """The calendar of the leaderboards' periods."""
        default = self.default_calendar
        zone = self.LEADERBOARD_ZONE or default.zones[0].zone
        return _calendar(zone, default.day_start_hour)

    @property
    def categories(self) -> list[Category]:
        """The categories of achievements, in order."""
        site = self.CATEGORIES
        # A check reports what cannot be used.
        return merge_categories(site if are_categories(site) else {})

    @property
    def pins_levels(self) -> bool:
        """Whether the site's settings define the levels, instead of its staff."""
        return "LEVEL_THRESHOLDS" in site_settings()

    def level_table(self, stored: Sequence[LevelRule]) -> tuple[LevelRule, ...]:
        """Return the levels in effect, given those that staff have ``stored``."""
        return make_table(self._thresholds(thresholds_of(stored)), stored)

    def _thresholds(self, stored: tuple[int, ...]) -> tuple[int, ...]:
        site = site_settings()
        if "LEVEL_THRESHOLDS" in site:
            return tuple(site["LEVEL_THRESHOLDS"])
        return stored or Settings.LEVEL_THRESHOLDS

    def limit(self, scope: str) -> tuple[int, int] | None:
        """Return numbers of requests and seconds for ``scope``; None means no limit.

        The default replaces an invalid rate, which a check reports.
        """
        default = Settings.THROTTLE_RATES[scope]
        rates = self.THROTTLE_RATES
        rate = rates.get(scope, default) if isinstance(rates, Mapping) else default
        return None if rate is None else read_rate(rate) or read_rate(default)

    def rules(self, catalogue: Catalogue) -> Rules:
        """Return the rules of the game: ``catalogue`` and the site's settings."""
        site = site_settings()
        return Rules(
            catalogue,
            self._thresholds(catalogue.thresholds),
            tuple(site.get("STREAK_MILESTONES", Settings.STREAK_MILESTONES)),
            site.get("CELEBRATION_TTL", Settings.CELEBRATION_TTL),
            site.get("KEEP_LEADERBOARDS", Settings.KEEP_LEADERBOARDS),
            site.get("BOOST_STRATEGY", Settings.BOOST_STRATEGY),
        )


def read_rate(rate: object) -> tuple[int, int] | None:
    """Return the number of requests and of seconds; None for an invalid rate."""
    match = _RATE.fullmatch(rate) if isinstance(rate, str) else None
    return match and (int(match[1]), _SECONDS[match[2]])


@cache
def _calendar(zone: str, day_start_hour: int) -> Calendar:
    return Calendar((ZoneChange(0, zone),), day_start_hour)


def site_settings() -> Mapping[str, Any]:
    """Return what the site wrote into ``settings.GAMIFICATION``.

    A check reports anything else than a dictionary, which counts as nothing.
    """
    # Where nothing is written, asking ``settings`` itself takes ten times as long.
    present = object.__getattribute__(settings, "_wrapped")
    site = getattr(present, "GAMIFICATION", {})
    return site if isinstance(site, dict) else {}


#: Names that a site may set.
NAMES = frozenset(name for name in vars(Settings) if name.isupper())

conf = Settings()
