"""Reads the catalogue into the values on which decisions are based."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import fields
from operator import itemgetter
from typing import Any

from django.db import connections
from django.db.models import TextField
from django.db.models.expressions import RawSQL

from gamification.domain.catalogue import AchievementRule, ActivityRule, Catalogue
from gamification.domain.levels import LevelRule
from gamification.models import Achievement, Activity, Level
from gamification.storage.tables import LEVELS

ACTIVITY_FIELDS = [field.name for field in fields(ActivityRule)]
ACHIEVEMENT_FIELDS = [field.name for field in fields(AchievementRule)]
LEVEL_FIELDS = LevelRule._fields


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


def load_catalogue(alias: str) -> Catalogue:
    """Return the catalogue as it is now, in two queries if it has any activity."""
    rows = Activity.objects.using(alias).order_by("id")
    levels = RawSQL(levels_sql(connections[alias].vendor), (), TextField())  # noqa: S611
    activities = list(rows.values_list(*ACTIVITY_FIELDS, levels))
    achievements = Achievement.objects.using(alias).order_by("id")
    return make_catalogue(
        [row[:-1] for row in activities],
        achievements.values_list(*ACHIEVEMENT_FIELDS),
        make_levels(activities[0][-1]) if activities else load_levels(alias),
    )


def make_catalogue(
    activities: Iterable[Sequence[Any]],
    achievements: Iterable[Sequence[Any]],
    levels: Iterable[LevelRule],
) -> Catalogue:
    """Return the catalogue made from rows with the fields above."""
    return Catalogue(
        [ActivityRule(*row) for row in activities],
        [AchievementRule(*row) for row in achievements],
        levels,
    )
