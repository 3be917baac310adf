"""System checks of databases and of what is stored in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.checks import CheckMessage
from django.db import connections, router
from django.db.models import Count, Model, QuerySet

from gamification.conf import conf
from gamification.domain.levels import is_level_table
from gamification.domain.zones import is_readable, present_name


def check_routers(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Check that the game and its users live in one database."""
    models = [get_user_model(), *apps.get_app_config("gamification").get_models()]
    places = {model._meta.label: router.db_for_write(model) for model in models}
    if len({*places.values()}) == 1:
        return []
    return [
        checks.Error(
            f"DATABASE_ROUTERS separate users from the game: {places}.",
            hint="The tables refer to each other: route them all to one database.",
            id="gamification.E015",
        )
    ]


def check_databases(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Warn of databases on which the app was never tested."""
    achievements = apps.get_model("gamification", "Achievement")
    return [
        checks.Warning(
            f"Gamification is untested on {connections[alias].display_name}.",
            hint="Use PostgreSQL, or SQLite for a small site.",
            id="gamification.W001",
        )
        for alias in databases or ()
        if connections[alias].vendor not in {"postgresql", "sqlite"}
        and _has_columns(alias, achievements, "id")
    ]


def check_sqlite(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Warn of SQLite in Django's default mode, in which writers fail at once."""
    achievements = apps.get_model("gamification", "Achievement")
    return [
        checks.Warning(
            f"Transactions of the SQLite database {alias!r} begin without a lock: a "
            "request that reads before it writes fails while somebody else writes.",
            hint=f'Set DATABASES[{alias!r}]["OPTIONS"]["transaction_mode"] to '
            '"IMMEDIATE".',
            id="gamification.W006",
        )
        for alias in databases or ()
        if connections[alias].vendor == "sqlite"
        and _has_columns(alias, achievements, "id")
        and connections[alias].settings_dict["OPTIONS"].get("transaction_mode")
        not in {"IMMEDIATE", "EXCLUSIVE"}
    ]


def check_catalogue(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Find achievements that nobody can unlock with the present catalogue."""
    model = apps.get_model("gamification", "Achievement")
    columns = ("key", "status", "activity_id", "criterion", "threshold")
    return [
        message
        for alias in databases or ()
        if _has_columns(alias, model, *columns)
        for find in (_uncounted, _unreachable)
        for message in find(model._default_manager.using(alias))
    ]


def _uncounted(achievements: QuerySet[Any]) -> Iterator[CheckMessage]:
    rows = achievements.filter(status="active", activity__is_active=False)
    for key in rows.values_list("key", flat=True):
        yield checks.Warning(
            f"The achievement {key!r} counts an activity that is switched off.",
            hint="Switch the activity on, or retire the achievement.",
            id="gamification.W002",
        )


def _unreachable(achievements: QuerySet[Any]) -> Iterator[CheckMessage]:
    levels = _thresholds(achievements.db)
    others = achievements.exclude(status="draft").count() - 1
    tops = {"level": len(levels) if is_level_table(levels) else None}
    tops["achievements"] = others
    rows = achievements.filter(status="active", criterion__in=tops)
    for key, criterion, threshold in rows.values_list("key", "criterion", "threshold"):
        top = tops[criterion]
        if top is not None and threshold > top:
            yield checks.Warning(
                f"The achievement {key!r} cannot be reached: it needs {threshold} "
                f"{_UNITS[criterion]}, and there are only {top}.",
                hint="Lower its threshold, or retire the achievement.",
                id="gamification.W004",
            )


def _thresholds(alias: str) -> Sequence[int]:
    """Return the XP at which levels begin, by the settings or by their table."""
    levels = apps.get_model("gamification", "Level")
    if conf.pins_levels or not _has_columns(alias, levels, "threshold"):
        return conf.LEVEL_THRESHOLDS
    rows = levels._default_manager.using(alias).order_by("number")
    return [*rows.values_list("threshold", flat=True)] or conf.LEVEL_THRESHOLDS


#: The units of thresholds that have a highest value, by criterion.
_UNITS = {"level": "levels", "achievements": "other achievements"}


def check_levels(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Find tables of levels that no user can climb."""
    levels = apps.get_model("gamification", "Level")
    return [
        checks.Error(
            "The stored levels are not numbered from 1, or do not start at 0 and rise.",
            hint="Save them anew on the page “Levels” of the admin, or by a file.",
            id="gamification.E023",
        )
        for alias in databases or ()
        if _has_columns(alias, levels, "number", "threshold")
        and not _is_ladder(levels._default_manager.using(alias))
    ]


def _is_ladder(levels: QuerySet[Any]) -> bool:
    """Say whether there are no levels, or some that rise from level 1 at 0 XP."""
    rows = [*levels.order_by("number").values_list("number", "threshold")]
    numbers, thresholds = [row[0] for row in rows], [row[1] for row in rows]
    is_complete = numbers == [*range(1, len(rows) + 1)]
    return not rows or (is_complete and is_level_table(thresholds))


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


def _has_columns(alias: str, model: type[Model], *columns: str) -> bool:
    """Say whether the database has these columns, which a migration may still add.

    Checks run before the very first migration, too.
    """
    connection, table = connections[alias], model._meta.db_table
    if table not in connection.introspection.table_names():
        return False
    with connection.cursor() as cursor:
        found = connection.introspection.get_table_description(cursor, table)
    return {column.name for column in found}.issuperset(columns)
