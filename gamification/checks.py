"""System checks: what is wrong with the configuration, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from typing import Any, NamedTuple

from django.apps import AppConfig, apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import FieldDoesNotExist
from django.db import connections
from django.db.models import Field

from gamification.conf import NAMES, Settings, conf, read_rate, site_settings
from gamification.domain.days import is_time_zone
from gamification.domain.levels import is_level_table

#: Longer ones lead out of the years that there are.
_LONGEST = timedelta(days=36_500)


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
    return [*_check_time_zones(), *_check_names(), *_check_values()]


def _check_time_zones() -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        yield Error(
            "USE_TZ is off, and a user's days need instants that name their zone.",
            hint="Set USE_TZ = True, or leave it out.",
            id="gamification.E012",
        )


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
    for rule in _RULES:
        for name in rule.names:
            value = getattr(conf, name)
            if not rule.holds(value):
                message = f"{name} {rule.wrong}: {value!r}."
                yield Error(message, hint=rule.hint, id=f"gamification.{rule.id}")


def _is_whole(value: object, least: int, most: int | None = None) -> bool:
    if type(value) is not int or value < least:
        return False
    return most is None or value <= most


def _is_time_zone(value: object) -> bool:
    return value is None or is_time_zone(value)


def _is_duration(value: object) -> bool:
    return isinstance(value, timedelta) and timedelta(0) <= value <= _LONGEST


def _are_days(value: object) -> bool:
    if not isinstance(value, (list, tuple)):
        return False
    # One that comes twice would be celebrated twice, which the database refuses.
    return all(_is_whole(day, 1) for day in value) and len({*value}) == len(value)


def _are_rates(value: object) -> bool:
    return (
        isinstance(value, Mapping)
        and value.keys() <= Settings.THROTTLE_RATES.keys()
        and all(rate is None or read_rate(rate) for rate in value.values())
    )


def _is_name_of_users(value: object) -> bool:
    if value is None:
        return True
    try:
        field = get_user_model()._meta.get_field(str(value))
    except FieldDoesNotExist:
        return False
    return isinstance(field, Field) and field.unique and not field.null


class _Rule(NamedTuple):
    """What the values of some settings must be."""

    id: str
    names: tuple[str, ...]
    holds: Callable[[Any], bool]
    wrong: str
    hint: str


_RULES = (
    _Rule(
        "E003",
        ("LEVEL_THRESHOLDS",),
        is_level_table,
        "does not start at 0 and rise",
        "Give a tuple of whole numbers of XP, such as (0, 50, 150).",
    ),
    _Rule(
        "E004",
        ("DEFAULT_TIME_ZONE",),
        _is_time_zone,
        "is no IANA time zone",
        'Use a name such as "Europe/Paris", or None for TIME_ZONE.',
    ),
    _Rule(
        "E005",
        ("DAY_START_HOUR",),
        lambda value: _is_whole(value, 0, 23),
        "is not a whole number from 0 to 23",
        "Use 0 for midnight, 4 for people who stay up late.",
    ),
    _Rule(
        "E006",
        ("MAX_BACKDATE", "MAX_CLOCK_SKEW", "CELEBRATION_TTL", "RARITY_TTL"),
        _is_duration,
        "is not a length of time from 0 to 36,500 days",
        "Use datetime.timedelta, such as timedelta(hours=48).",
    ),
    _Rule(
        "E007",
        ("STREAK_MILESTONES",),
        _are_days,
        "is not a list of days, each once",
        "Give a tuple of whole numbers, such as (7, 30, 100).",
    ),
    _Rule(
        "E008",
        ("BATCH_SIZE",),
        lambda value: _is_whole(value, 1),
        "is not a whole number of records",
        "Use 10_000, or less where transactions should be shorter.",
    ),
    _Rule(
        "E009",
        ("RANKS_STAFF", "SHOW_SECRET_COUNT", "REQUIRE_KEYS"),
        lambda value: isinstance(value, bool),
        "is neither True nor False",
        "Use True or False, without quotes.",
    ),
    _Rule(
        "E010",
        ("THROTTLE_RATES",),
        _are_rates,
        "does not give rates to read, write and record",
        'Give requests per s, min, hour or day, such as {"read": "600/min"}, or None.',
    ),
    _Rule(
        "E011",
        ("PUBLIC_USER_FIELD",),
        _is_name_of_users,
        "is no field of users that is unique and always there",
        'Name one, such as "username", or None for the user name.',
    ),
)


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
