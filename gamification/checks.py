"""System checks: they name mistakes in the settings, and how to fix them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db.models import Field
from django.utils.module_loading import import_string

from gamification.conf import NAMES, Settings, conf, read_rate, site_settings
from gamification.database_checks import (
    check_catalogue,
    check_databases,
    check_levels,
    check_routers,
    check_sqlite,
    check_stored_zones,
)
from gamification.domain.boosts import BoostStrategy
from gamification.domain.categories import are_categories
from gamification.domain.levels import MAX_LEVELS, is_level_table
from gamification.domain.rules import MAX_TOTAL
from gamification.domain.zones import is_time_zone

#: Longer durations lead beyond the years that a datetime can hold.
_LONGEST = timedelta(days=36_500)
#: A board stores the name of its grouping, which is empty where it has all users.
_LONGEST_NAME = 50


def register_checks() -> None:
    """Let ``manage.py check`` run the checks of this module."""
    register(check_settings, Tags.compatibility)
    register(check_routers, Tags.compatibility)
    register(check_databases, Tags.database)
    register(check_sqlite, Tags.database)
    register(check_catalogue, Tags.database)
    register(check_levels, Tags.database)
    register(check_stored_zones, Tags.database)


def check_settings(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Check ``settings.GAMIFICATION``."""
    if not isinstance(getattr(settings, "GAMIFICATION", {}), dict):
        return [
            Error(
                "settings.GAMIFICATION is not a dictionary.",
                hint="Write GAMIFICATION = {...}, or leave it out.",
                id="gamification.E001",
            )
        ]
    problems = [*_check_time_zones(), *_check_names(), *_check_values()]
    return problems or [*_check_scopes(), *_check_seed()]


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


def _check_scopes() -> Iterator[CheckMessage]:
    for name in sorted(conf.LEADERBOARD_SCOPES.keys() & conf.LEADERBOARD_GROUPS.keys()):
        yield Error(
            f"LEADERBOARD_SCOPES and LEADERBOARD_GROUPS both have {name!r}.",
            hint="Give one of them another name.",
            id="gamification.E024",
        )


def _check_seed() -> Iterator[CheckMessage]:
    """Find what the site's own catalogue has that ``apply`` would refuse."""
    from gamification.services.catalogue.defaults import seed_problems

    for place, message in seed_problems():
        yield Error(
            f"SEED_CATALOGUE cannot be stored. {place}: {message}",
            hint="Migrations would store it as it is. Correct the catalogue first.",
            id="gamification.E021",
        )


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


def _are_groupings(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(name, str)
        and 1 <= len(name) <= _LONGEST_NAME
        and isinstance(lookup, str)
        and _is_lookup(lookup)
        for name, lookup in value.items()
    )


def _is_lookup(lookup: str) -> bool:
    """Say whether users can be filtered by ``lookup``."""
    try:
        get_user_model()._default_manager.values_list(lookup)
    except FieldError:
        return False
    return True


def _is_path(value: object) -> bool:
    return callable(_imported(value))


def _imported(path: object) -> Any:
    """Return what an absolute dotted path names; None if it names nothing."""
    try:
        return None if str(path).startswith(".") else import_string(str(path))
    except ImportError:
        return None


def _is_folder(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, str) and all(
        part not in {"", ".", ".."} for part in value.split("/")
    )


def _is_seed(value: object) -> bool:
    if isinstance(value, bool):
        return True
    if not isinstance(value, (str, Path)):
        return False
    if str(value).endswith(".json"):
        return Path(value).is_file()
    return isinstance(_imported(value), Mapping)


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
        f"does not start at 0 and rise, up to {MAX_TOTAL:,}",
        f"Give up to {MAX_LEVELS} whole numbers of XP, such as (0, 50, 150).",
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
        "E019",
        ("MAX_PAUSE_DAYS", "MAX_PAUSE_DAYS_A_YEAR"),
        lambda value: _is_whole(value, 0, 366),
        "is not a whole number of days from 0 to 366",
        "Use 60, or 0 if users may not pause streaks.",
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
        (
            "RANKS_STAFF",
            "KEEP_LEADERBOARDS",
            "ALLOW_SELF_AWARDS",
            "SHOW_SECRET_COUNT",
            "REQUIRE_KEYS",
            "USERS_REPAIR_STREAKS",
        ),
        lambda value: isinstance(value, bool),
        "is neither True nor False",
        "Use True or False, without quotes.",
    ),
    _Rule(
        "E020",
        ("BOOST_STRATEGY",),
        lambda value: value in BoostStrategy.values,
        "is not a way to combine factors",
        'Use "product", "highest" or "additive".',
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
        "E013",
        ("BADGE_FOLDER",),
        _is_folder,
        "is not a folder among the static files",
        'Give one without slashes at its ends, such as "shop/badges", or None.',
    ),
    _Rule(
        "E014",
        ("SEED_CATALOGUE",),
        _is_seed,
        "is neither True, False, an existing JSON file nor the path of a dictionary",
        'Name your own, such as BASE_DIR / "game.json" or "shop.game.SEEDS".',
    ),
    _Rule(
        "E016",
        ("CATEGORIES",),
        are_categories,
        "does not have valid categories",
        'Give each key a name, an icon and an order, such as {"habits": {"name": '
        '_("habits"), "icon": "sprout", "order": 1}}, or None to leave one out.',
    ),
    _Rule(
        "E017",
        ("LEADERBOARD_SCOPES",),
        _are_scopes,
        "does not name a callable for each scope",
        'Give paths of callables, such as {"friends": "shop.friends.friends_of"}.',
    ),
    _Rule(
        "E018",
        ("LEADERBOARD_GROUPS",),
        _are_groupings,
        "does not name a lookup of users for each scope, by 1 to 50 characters",
        'Give one that filter() takes, such as {"company": "employment__company"}.',
    ),
    _Rule(
        "E022",
        ("PREPARED_STATEMENTS",),
        lambda value: value is None or isinstance(value, bool),
        "is neither None, True nor False",
        "Use None, so that the app finds out by itself, or True or False.",
    ),
)
