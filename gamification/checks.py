"""System checks: they name mistakes in the configuration, and how to mend them."""

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
from django.db.models import Count, Field, Model
from django.utils.module_loading import import_string

from gamification.conf import NAMES, Settings, conf, read_rate, site_settings
from gamification.domain.levels import is_level_table
from gamification.domain.zones import is_readable, is_time_zone, present_name

#: Longer durations lead beyond the years that a datetime can hold.
_LONGEST = timedelta(days=36_500)


def register_checks() -> None:
    """Let ``manage.py check`` run the checks of this module."""
    register(check_settings, Tags.compatibility)
    register(check_databases, Tags.database)
    register(check_catalogue, Tags.database)
    register(check_stored_zones, Tags.database)


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
            "USE_TZ is off, but a user's days need datetimes with a time zone.",
            hint="Set USE_TZ = True, or leave it out.",
            id="gamification.E012",
        )


def _check_names() -> Iterator[CheckMessage]:
    for name in sorted(map(str, site_settings().keys() - NAMES)):
        close = get_close_matches(name.upper(), NAMES, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Known: {sorted(NAMES)}."
        yield Error(
            f"settings.GAMIFICATION has {name!r}, which is not a setting.",
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
    # A duplicate would be celebrated twice, which the database refuses.
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


def _are_scopes(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str) and (callable(find) or _is_path(find))
        for name, find in value.items()
    )


def _is_path(value: object) -> bool:
    try:
        return callable(import_string(str(value)))
    except ImportError:
        return False


def _is_folder(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, str) and all(
        part not in {"", ".", ".."} for part in value.split("/")
    )


class _Rule(NamedTuple):
    """A condition that the values of some settings must meet."""

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
        ("DEFAULT_TIME_ZONE", "LEADERBOARD_ZONE"),
        _is_time_zone,
        "is not an IANA time zone",
        'Use a name such as "Europe/Paris", or None for the site\'s.',
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
        "is not a list of different numbers of days",
        "Give a tuple of whole numbers, such as (7, 30, 100).",
    ),
    _Rule(
        "E008",
        ("BATCH_SIZE",),
        lambda value: _is_whole(value, 1),
        "is not a whole number of records",
        "Use 10_000, or less if transactions should be shorter.",
    ),
    _Rule(
        "E009",
        ("KEEP_LEADERBOARDS", "RANKS_STAFF", "SHOW_SECRET_COUNT", "REQUIRE_KEYS"),
        lambda value: isinstance(value, bool),
        "is neither True nor False",
        "Use True or False, without quotes.",
    ),
    _Rule(
        "E010",
        ("THROTTLE_RATES",),
        _are_rates,
        "does not give valid rates for read, write and record",
        'Give requests per s, min, hour or day, such as {"read": "600/min"}, or None.',
    ),
    _Rule(
        "E011",
        ("PUBLIC_USER_FIELD",),
        _is_name_of_users,
        "is not a unique and required field of the user model",
        'Name one, such as "username", or use None for the username.',
    ),
    _Rule(
        "E014",
        ("LEADERBOARD_SCOPES",),
        _are_scopes,
        "does not name a callable for each scope",
        'Give paths of callables, such as {"friends": "shop.friends.friends_of"}.',
    ),
    _Rule(
        "E013",
        ("BADGE_FOLDER",),
        _is_folder,
        "is not a folder among the static files",
        'Give one without slashes at its ends, such as "shop/badges", or None.',
    ),
)


def check_databases(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Warn of databases on which the app was never tested."""
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
    """Find achievements that nobody can unlock with the present catalogue."""
    achievements = apps.get_model("gamification", "Achievement")
    return [
        checks.Warning(
            f"The achievement {key!r} counts an activity that is switched off.",
            hint="Switch the activity on, or retire the achievement.",
            id="gamification.W002",
        )
        for alias in databases or ()
        if _has_columns(alias, achievements, "key", "status", "activity_id")
        for key in achievements._default_manager.using(alias)
        .filter(status="active", activity__is_active=False)
        .values_list("key", flat=True)
    ]


def check_stored_zones(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Find users' time zones that this system does not know."""
    profiles = apps.get_model("gamification", "UserGamification")
    return [
        checks.Warning(
            f"The time zone {zone!r} of {count} users is unknown on this system.",
            hint="Install or upgrade the tzdata package; until then, their days follow "
            "the site's zone.",
            id="gamification.W003",
        )
        for alias in databases or ()
        if _has_columns(alias, profiles, "time_zone")
        for zone, count in profiles._default_manager.using(alias)
        .exclude(time_zone="")
        .order_by("time_zone")
        .values_list("time_zone")
        .annotate(Count("pk"))
        if not (is_readable(zone) or is_readable(present_name(zone)))
    ]


def _has_table(alias: str) -> bool:
    # Database checks run before the very first migration.
    table = apps.get_model("gamification", "Achievement")._meta.db_table
    return table in connections[alias].introspection.table_names()


def _has_columns(alias: str, model: type[Model], *columns: str) -> bool:
    """Say whether the database has these columns, which a migration may still add."""
    connection, table = connections[alias], model._meta.db_table
    if table not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, table)
    return {column.name for column in found}.issuperset(columns)
