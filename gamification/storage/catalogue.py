"""Reads the catalogue into the values on which decisions are based."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import connections
from django.db.models import TextField
from django.db.models.expressions import RawSQL

from gamification.domain.boosts import BoostRule
from gamification.domain.catalogue import Catalogue
from gamification.domain.conditions import PLAIN, read_condition, read_counting
from gamification.domain.levels import LevelRule
from gamification.domain.requirements import Ids, counted_of
from gamification.domain.rules import AchievementRule, ActivityRule
from gamification.domain.streak_rules import VERSION_FIELDS, StreakRule, read_version
from gamification.domain.trees import FilterRule
from gamification.models import (
    Achievement,
    Activity,
    CountFilter,
    Level,
    StreakDefinition,
)
from gamification.storage.boosts import boosts_sql, load_boosts, make_boosts
from gamification.storage.tables import FILTERS, LEVELS, STREAKS

ACTIVITY_FIELDS = [field.name for field in fields(ActivityRule)]
ACHIEVEMENT_FIELDS = [
    field.name
    for field in fields(AchievementRule)
    if field.name not in {"number", "period"}
]
LEVEL_FIELDS = LevelRule._fields
STREAK_FIELDS = ("id", "key", "name", "is_active", "since", "former", *VERSION_FIELDS)
FILTER_FIELDS = ("id", "definition", "is_built")
_DOCUMENTS = {"former", "activities", "weekdays"}

#: Rows with the fields above.
Rows = Iterable[Sequence[Any]]


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


def filters_sql(vendor: str) -> str:
    """Return SQL for all rows of filters as JSON, as a column of another query."""
    if vendor == "postgresql":
        row = f"json_build_array({', '.join(FILTER_FIELDS)})"
        return f"(SELECT coalesce(json_agg({row}), '[]')::text FROM {FILTERS})"
    row = "json_array(id, json(definition), is_built)"
    return f"(SELECT json_group_array({row}) FROM {FILTERS})"


def load_filters(alias: str) -> Rows:
    """Return the rows of filters, in one query."""
    return CountFilter.objects.using(alias).values_list(*FILTER_FIELDS)


def make_filters(rows: Rows, ids: Ids) -> list[FilterRule]:
    """Return the filters with these rows, in order of id."""
    return [
        FilterRule(pk, counted_of(definition, ids), bool(is_built))
        for pk, definition, is_built in sorted(rows, key=itemgetter(0))
    ]


def load_catalogue(alias: str) -> Catalogue:
    """Return the catalogue as it is now, in two queries if it has any activity."""
    rows, vendor = (
        Activity.objects.using(alias).order_by("id"),
        connections[alias].vendor,
    )
    columns = (levels_sql, streaks_sql, boosts_sql, filters_sql)
    more = (RawSQL(sql(vendor), (), TextField()) for sql in columns)  # noqa: S611
    activities = list(rows.values_list(*ACTIVITY_FIELDS, *more))
    achievements = Achievement.objects.using(alias).order_by("id")
    values = [row[:-4] for row in activities]
    ids = ids_by_key(values)
    if activities:
        *_, levels, streaks, boosts, filters = activities[0]
        others = (
            make_levels(levels),
            make_streaks(streaks, ids),
            make_boosts(boosts, ids),
            json.loads(filters),
        )
    else:
        others = (
            load_levels(alias),
            load_streaks(alias, {}),
            load_boosts(alias),
            load_filters(alias),
        )
    return make_catalogue(
        values, achievements.values_list(*ACHIEVEMENT_FIELDS), *others
    )


def ids_by_key(activities: Iterable[Sequence[Any]]) -> dict[str, int]:
    """Return the ids of activities, of which ``activities`` are the rows."""
    return {key: pk for pk, key, *_ in activities}


def make_achievement(row: Sequence[Any]) -> AchievementRule:
    """Return the achievement with the values of ``ACHIEVEMENT_FIELDS``.

    PostgreSQL gives times as texts.
    """
    values = dict(zip(ACHIEVEMENT_FIELDS, row, strict=True))
    counting, conditions = values["counting"], values["conditions"]
    values["counting"] = read_counting(counting) if counting else PLAIN
    values["conditions"] = read_condition(conditions) if conditions else None
    for name in ("starts_at", "ends_at"):
        if isinstance(values[name], str):
            values[name] = datetime.fromisoformat(values[name])
    return AchievementRule(**values)


def rule_of(achievement: Achievement) -> AchievementRule:
    """Return the rule of an achievement, which need not be saved."""
    values = [getattr(achievement, name) for name in ACHIEVEMENT_FIELDS[1:]]
    return make_achievement([achievement.pk or 0, *values])


def make_catalogue(
    activities: Rows,
    achievements: Rows,
    levels: Iterable[LevelRule],
    streaks: Iterable[StreakRule] = (),
    boosts: Iterable[BoostRule] = (),
    filters: Rows = (),
) -> Catalogue:
    """Return the catalogue made from rows with the fields above."""
    rules = [make_achievement(row) for row in achievements]
    catalogue = Catalogue(
        [ActivityRule(*row) for row in activities], rules, levels, streaks, boosts
    )
    known = make_filters(filters, catalogue.ids)
    return catalogue.with_filters(known) if known else catalogue
