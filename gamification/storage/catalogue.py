"""Reads the catalogue into the values on which decisions are based."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, tzinfo
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from django.db import connections

from gamification.domain.catalogue import Catalogue
from gamification.domain.conditions import PLAIN, read_condition, read_counting
from gamification.domain.levels import LevelRule
from gamification.domain.requirements import counted_of
from gamification.domain.rules import AchievementRule, ActivityRule
from gamification.domain.streak_rules import VERSION_FIELDS, StreakRule, read_version
from gamification.domain.trees import FilterRule
from gamification.models import (
    Achievement,
    Activity,
    Boost,
    CountFilter,
    Level,
    StreakDefinition,
)
from gamification.storage.boosts import BOOST_FIELDS, make_boost
from gamification.storage.json_rows import fetch_row, read_instant, rows_sql

#: The columns of ``ActivityRule`` and so on, in the order of their values.
ACTIVITY_FIELDS: Final = tuple(field.name for field in fields(ActivityRule))
ACHIEVEMENT_FIELDS: Final = tuple(
    field.name
    for field in fields(AchievementRule)
    if field.name not in {"number", "period"}
)
STREAK_FIELDS: Final = (
    *("id", "key", "name", "is_active", "since", "former"),
    *VERSION_FIELDS,
)
FILTER_FIELDS: Final = ("id", "definition", "is_built")


def catalogue_sql(vendor: str) -> list[str]:
    """Return columns of SQL for all rows of the catalogue, each a text of JSON."""
    return [
        rows_sql(Activity, ACTIVITY_FIELDS, vendor),
        rows_sql(Achievement, ACHIEVEMENT_FIELDS, vendor),
        levels_sql(vendor),
        rows_sql(StreakDefinition, STREAK_FIELDS, vendor),
        rows_sql(Boost, BOOST_FIELDS, vendor, where="is_active"),
        rows_sql(CountFilter, FILTER_FIELDS, vendor),
    ]


def load_catalogue(alias: str) -> Catalogue:
    """Return the catalogue as it is now, in one query."""
    connection = connections[alias]
    tables = fetch_row(alias, *catalogue_sql(connection.vendor))
    return make_catalogue(*tables, zone=connection.timezone)


@lru_cache(maxsize=8)
def make_catalogue(
    activities: str,
    achievements: str,
    levels: str,
    streaks: str,
    boosts: str,
    filters: str,
    zone: tzinfo = UTC,
) -> Catalogue:
    """Return the catalogue with the rows that ``catalogue_sql`` gave.

    The same rows make the same catalogue, which nobody changes. Times without an offset
    are of ``zone``.
    """
    rules = [ActivityRule(*row) for row in _read(activities)]
    ids = {rule.key: rule.id for rule in rules}
    catalogue = Catalogue(
        rules,
        [make_achievement(row, zone) for row in _read(achievements)],
        make_levels(levels),
        [_streak(row, ids) for row in _read(streaks)],
        [make_boost(row, ids, zone) for row in _read(boosts)],
    )
    known = [
        FilterRule(pk, counted_of(definition, catalogue.ids), is_built)
        for pk, definition, is_built in _read(filters)
    ]
    return catalogue.with_filters(known) if known else catalogue


def _read(rows: str) -> list[list[Any]]:
    """Return rows in the order of their first values, which differ."""
    return sorted(json.loads(rows), key=itemgetter(0))


def levels_sql(vendor: str) -> str:
    """Return SQL for all levels, as a column of another query."""
    return rows_sql(Level, LevelRule._fields, vendor)


def make_levels(rows: str) -> list[LevelRule]:
    """Return the levels that ``levels_sql`` gave, in order."""
    return [LevelRule(*row) for row in _read(rows)]


def load_levels(alias: str) -> list[LevelRule]:
    """Return the levels that staff have defined, in order, in one query."""
    return make_levels(*fetch_row(alias, levels_sql(connections[alias].vendor)))


def _streak(row: Sequence[Any], ids: Mapping[str, int]) -> StreakRule:
    values = dict(zip(STREAK_FIELDS, row, strict=True))
    versions = [read_version(each, ids) for each in (*values["former"], values)]
    return StreakRule(
        values["id"],
        values["key"],
        values["name"],
        values["is_active"],
        tuple(versions),
    )


def make_achievement(row: Sequence[Any], zone: tzinfo = UTC) -> AchievementRule:
    """Return the achievement with the values of ``ACHIEVEMENT_FIELDS``."""
    values = dict(zip(ACHIEVEMENT_FIELDS, row, strict=True))
    counting, conditions = values["counting"], values["conditions"]
    values["counting"] = read_counting(counting) if counting else PLAIN
    values["conditions"] = read_condition(conditions) if conditions else None
    for name in ("starts_at", "ends_at"):
        if isinstance(values[name], str):
            values[name] = read_instant(values[name], zone)
    return AchievementRule(**values)


def rule_of(achievement: Achievement) -> AchievementRule:
    """Return the rule of an achievement, which need not be saved."""
    values = [getattr(achievement, name) for name in ACHIEVEMENT_FIELDS[1:]]
    return make_achievement([achievement.pk or 0, *values])
