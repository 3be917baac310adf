"""System checks: what is wrong with the configuration, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import Any
from zoneinfo import available_timezones

from django.apps import AppConfig, apps
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from gamification.conf import NAMES, conf, site_settings
from gamification.domain.progression import is_level_table

#: Settings that are lengths of time.
_DURATIONS = ("MAX_BACKDATE", "MAX_CLOCK_SKEW", "CELEBRATION_TTL", "RARITY_TTL")

#: Settings that are switched on or off.
_SWITCHES = ("RANKS_STAFF", "REQUIRE_KEYS", "SHOW_SECRET_COUNT")


def register_checks() -> None:
    """Let ``manage.py check`` run the checks of this module."""
    register(check_settings, Tags.compatibility)
    register(check_databases, Tags.database)
    register(check_catalogue, Tags.database)


def check_settings(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Check ``settings.GAMIFICATION``."""
    if not isinstance(site_settings(), dict):
        return [
            Error(
                "settings.GAMIFICATION is not a dictionary.",
                hint="Write GAMIFICATION = {...}, or leave it out.",
                id="gamification.E001",
            )
        ]
    return [*_check_names(), *_check_values()]


def _check_names() -> Iterator[CheckMessage]:
    for name in sorted(map(str, site_settings().keys() - NAMES)):
        close = get_close_matches(name.upper(), NAMES, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Known: {sorted(NAMES)}."
        yield Error(
            f"settings.GAMIFICATION has {name!r}, which is no setting.",
            hint=hint,
            id="gamification.E002",
        )


def _check_values() -> Iterator[CheckMessage]:
    if not is_level_table(conf.LEVEL_THRESHOLDS):
        yield Error(
            "LEVEL_THRESHOLDS does not start at 0 and rise.",
            hint="Give a tuple of whole numbers of XP, such as (0, 50, 150).",
            id="gamification.E003",
        )
    zone = conf.DEFAULT_TIME_ZONE
    if zone is not None and zone not in available_timezones():
        yield Error(
            f"DEFAULT_TIME_ZONE {zone!r} is no IANA time zone.",
            hint='Use a name such as "Europe/Paris", or None for TIME_ZONE.',
            id="gamification.E004",
        )
    if not _is_whole(conf.DAY_START_HOUR, 0, 23):
        yield Error(
            "DAY_START_HOUR is not a whole number from 0 to 23.",
            hint="Use 0 for midnight, 4 for people who stay up late.",
            id="gamification.E005",
        )
    for name in _DURATIONS:
        value = getattr(conf, name)
        if not isinstance(value, timedelta) or value < timedelta(0):
            yield Error(
                f"{name} is not a length of time.",
                hint="Use datetime.timedelta, such as timedelta(hours=48).",
                id="gamification.E006",
            )
    milestones = conf.STREAK_MILESTONES
    if not isinstance(milestones, (list, tuple)) or not all(
        _is_whole(days, 1) for days in milestones
    ):
        yield Error(
            "STREAK_MILESTONES is not a list of days.",
            hint="Give a tuple of whole numbers, such as (7, 30, 100).",
            id="gamification.E007",
        )
    if not _is_whole(conf.BATCH_SIZE, 1):
        yield Error(
            "BATCH_SIZE is not a whole number of records.",
            hint="Use 10_000, or less where transactions should be shorter.",
            id="gamification.E008",
        )
    for name in _SWITCHES:
        if not isinstance(getattr(conf, name), bool):
            yield Error(
                f"{name} is neither True nor False.",
                hint="Use True or False, without quotes.",
                id="gamification.E009",
            )


def _is_whole(value: object, least: int, most: int | None = None) -> bool:
    if type(value) is not int or value < least:
        return False
    return most is None or value <= most


def check_databases(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Say where the app runs on a database that it was never tested on."""
    return [
        checks.Warning(
            f"Gamification is untested on {connections[alias].display_name}.",
            hint="Use PostgreSQL, or SQLite for a small site.",
            id="gamification.W001",
        )
        for alias in databases or ()
        if connections[alias].vendor not in {"postgresql", "sqlite"}
        and _has_table(alias)
    ]


def check_catalogue(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Find achievements that can never be unlocked as the catalogue stands."""
    achievements = apps.get_model("gamification", "Achievement")
    return [
        checks.Warning(
            f"The achievement {row.key!r} counts an activity that is switched off.",
            hint="Switch the activity on, or retire the achievement.",
            obj=row,
            id="gamification.W002",
        )
        for alias in databases or ()
        if _has_table(alias)
        for row in achievements._default_manager.using(alias).filter(
            status="active", activity__is_active=False
        )
    ]


def _has_table(alias: str) -> bool:
    # Database checks run before the very first migration.
    table = apps.get_model("gamification", "Achievement")._meta.db_table
    return table in connections[alias].introspection.table_names()
