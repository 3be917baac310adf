"""Reads the catalogue into the values on which decisions are based."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import connections
from django.db.models import TextField
from django.db.models.expressions import RawSQL

from gamification.domain.boosts import BoostRule
from gamification.domain.catalogue import AchievementRule, ActivityRule, Catalogue
from gamification.domain.levels import LevelRule
from gamification.domain.streak_rules import (
    VERSION_FIELDS,
    StreakRule,
    read_version,
)
from gamification.models import Achievement, Activity, Level, StreakDefinition
from gamification.storage.boosts import boosts_sql, load_boosts, make_boosts
from gamification.storage.tables import LEVELS, STREAKS

ACTIVITY_FIELDS = [field.name for field in fields(ActivityRule)]
ACHIEVEMENT_FIELDS = [
    field.name
    for field in fields(AchievementRule)
    if field.name not in {"number", "period"}
]
LEVEL_FIELDS = LevelRule._fields
STREAK_FIELDS = ("id", "key", "name", "is_active", "since", "former", *VERSION_FIELDS)
_DOCUMENTS = {"former", "activities", "weekdays"}


def levels_sql(vendor: str) -> str:
    """Return SQL for all rows of levels as JSON, as a column of another query."""
    *names, translations = LEVEL_FIELDS
    columns = ", ".join(names)
    if vendor == "postgresql":
        row = f"json_build_array({columns}, {translations})"
        return f"(SELECT coalesce(json_agg({row}), '[]')::text FROM {LEVELS})"
    row = f"json_array({columns}, json({translations}))"
    return f"(SELECT json_group_array({row}) FROM {LEVELS})"


def make_levels(rows: str) -> list[LevelRule]:
    """Return the levels that ``levels_sql`` gave, in order."""
    return [LevelRule(*row) for row in sorted(json.loads(rows), key=itemgetter(0))]


def load_levels(alias: str) -> list[LevelRule]:
    """Return the levels that staff have defined, in order, in one query."""
    rows = Level.objects.using(alias).order_by("number")
    return [LevelRule(*row) for row in rows.values_list(*LEVEL_FIELDS)]


def streaks_sql(vendor: str) -> str:
    """Return SQL for all rows of streaks as JSON, as a column of another query."""
    if vendor == "postgresql":
        row = f"json_build_array({', '.join(STREAK_FIELDS)})"
        return f"(SELECT coalesce(json_agg({row}), '[]')::text FROM {STREAKS})"
    columns = [f"json({n})" if n in _DOCUMENTS else n for n in STREAK_FIELDS]
    return f"(SELECT json_group_array(json_array({', '.join(columns)})) FROM {STREAKS})"


def make_streaks(rows: str, ids: Mapping[str, int]) -> list[StreakRule]:
    """Return the streaks that ``streaks_sql`` gave, in order of id.

    ``ids`` has the ids of activities by key.
    """
    return [make_streak(row, ids) for row in sorted(json.loads(rows))]


def make_streak(row: Sequence[Any], ids: Mapping[str, int]) -> StreakRule:
    """Return the streak with the values of ``STREAK_FIELDS``."""
    values = dict(zip(STREAK_FIELDS, row, strict=True))
    versions = [read_version(each, ids) for each in (*values["former"], values)]
    return StreakRule(
        values["id"],
        values["key"],
        values["name"],
        bool(values["is_active"]),
        tuple(versions),
    )


def load_streaks(alias: str, ids: Mapping[str, int]) -> list[StreakRule]:
    """Return the streaks that staff have defined, in one query."""
    rows = StreakDefinition.objects.using(alias).order_by("id")
    return [make_streak(row, ids) for row in rows.values_list(*STREAK_FIELDS)]


def load_catalogue(alias: str) -> Catalogue:
    """Return the catalogue as it is now, in two queries if it has any activity."""
    rows, vendor = (
        Activity.objects.using(alias).order_by("id"),
        connections[alias].vendor,
    )
    columns = (levels_sql, streaks_sql, boosts_sql)
    more = (RawSQL(sql(vendor), (), TextField()) for sql in columns)  # noqa: S611
    activities = list(rows.values_list(*ACTIVITY_FIELDS, *more))
    achievements = Achievement.objects.using(alias).order_by("id")
    values = [row[:-3] for row in activities]
    ids = ids_by_key(values)
    if activities:
        *_, levels, streaks, boosts = activities[0]
        others = (
            make_levels(levels),
            make_streaks(streaks, ids),
            make_boosts(boosts, ids),
        )
    else:
        others = (load_levels(alias), load_streaks(alias, {}), load_boosts(alias))
    return make_catalogue(
        values, achievements.values_list(*ACHIEVEMENT_FIELDS), *others
    )


def ids_by_key(activities: Iterable[Sequence[Any]]) -> dict[str, int]:
    """Return the ids of activities, of which ``activities`` are the rows."""
    return {key: pk for pk, key, *_ in activities}


def _achievement(row: Sequence[Any]) -> AchievementRule:
    """Return the rule of a row; PostgreSQL gives times as texts."""
    rule = AchievementRule(*row)
    ends = rule.starts_at, rule.ends_at
    if any(isinstance(each, str) for each in ends):
        starts_at, ends_at = [
            each and datetime.fromisoformat(str(each)) for each in ends
        ]
        return replace(rule, starts_at=starts_at, ends_at=ends_at)
    return rule


def rule_of(achievement: Achievement) -> AchievementRule:
    """Return the rule of an achievement, which need not be saved."""
    values = [getattr(achievement, name) for name in ACHIEVEMENT_FIELDS[1:]]
    return AchievementRule(achievement.pk or 0, *values)


def make_catalogue(
    activities: Iterable[Sequence[Any]],
    achievements: Iterable[Sequence[Any]],
    levels: Iterable[LevelRule],
    streaks: Iterable[StreakRule] = (),
    boosts: Iterable[BoostRule] = (),
) -> Catalogue:
    """Return the catalogue made from rows with the fields above."""
    return Catalogue(
        [ActivityRule(*row) for row in activities],
        [_achievement(row) for row in achievements],
        levels,
        streaks,
        boosts,
    )
