from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import migrations
from django.utils.module_loading import import_string

# A frozen copy. Later changes to the catalogue are later migrations.
ACTIVITIES: list[dict[str, Any]] = [
    {
        "key": "vision_created",
        "name": "Vision created",
        "description": "A new vision to work towards.",
        "xp_reward": 25,
    },
    {
        "key": "kpi_completed",
        "name": "KPI completed",
        "description": "A measurable step towards a vision.",
        "xp_reward": 10,
    },
]


def _achievement(
    key: str,
    name: str,
    description: str,
    category: str,
    icon: str,
    xp_reward: int,
    criterion: str,
    threshold: int,
    activity: str | None = None,
) -> dict[str, Any]:
    return {
        "key": key,
        "name": name,
        "description": description,
        "category": category,
        "icon": icon,
        "xp_reward": xp_reward,
        "criterion": criterion,
        "threshold": threshold,
        "activity": activity,
    }


# fmt: off
ACHIEVEMENTS: list[dict[str, Any]] = [
    _achievement("first_vision", "First vision", "Create your first vision.",
                 "exploration", "telescope", 20, "activity_count", 1, "vision_created"),
    _achievement("first_kpi", "First KPI", "Complete your first KPI.",
                 "exploration", "sprout", 20, "activity_count", 1, "kpi_completed"),
    _achievement("kpi_10", "Ten done", "Complete 10 KPIs.",
                 "milestones", "medal-bronze", 50, "activity_count", 10, "kpi_completed"),
    _achievement("kpi_50", "Fifty done", "Complete 50 KPIs.",
                 "milestones", "medal-silver", 100, "activity_count", 50, "kpi_completed"),
    _achievement("kpi_100", "A hundred done", "Complete 100 KPIs.",
                 "milestones", "medal-gold", 200, "activity_count", 100, "kpi_completed"),
    _achievement("kpi_500", "Five hundred done", "Complete 500 KPIs.",
                 "milestones", "trophy", 500, "activity_count", 500, "kpi_completed"),
    _achievement("streak_7", "A week in a row", "Be active on 7 days in a row.",
                 "streaks", "flame", 50, "longest_streak", 7),
    _achievement("streak_30", "A month in a row", "Be active on 30 days in a row.",
                 "streaks", "lightning", 150, "longest_streak", 30),
    _achievement("streak_100", "Unstoppable", "Be active on 100 days in a row.",
                 "streaks", "diamond", 400, "longest_streak", 100),
    _achievement("level_5", "Seasoned", "Reach level 5.",
                 "mastery", "star", 100, "level", 5),
    _achievement("level_10", "Master", "Reach level 10.",
                 "mastery", "crown", 250, "level", 10),
]
# fmt: on

# Values of a new row where the seed has none; staff may have changed them since.
ACTIVITY_DEFAULTS = {
    "daily_limit": None,
    "cooldown": None,
    "extends_streak": True,
    "attributes": {},
    "is_active": True,
}
ACHIEVEMENT_DEFAULTS = {"is_secret": False, "revocable": False, "status": "active"}
# Every site has the daily streak. It forgives nothing unless staff grant freezes.
STREAKS: list[dict[str, Any]] = [
    {
        "key": "daily",
        "name": "Daily streak",
        "description": "",
        "unit": "day",
        "goal": 1,
        "activities": [],
        "weekdays": [],
        "initial_freezes": 0,
        "freeze_every": None,
        "freeze_cap": 2,
    },
]
LEVEL_DEFAULTS: dict[str, Any] = {"name": "", "icon": "", "translations": {}}


def _seeds(apps: Any, alias: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield model and fields of every seeded row: what others refer to comes first."""
    names = ("Activity", "StreakDefinition", "Achievement", "Level")
    activity, streak, achievement, level = (
        apps.get_model("gamification", name) for name in names
    )
    activities, streaks, achievements, levels = _catalogue()
    for fields in activities:
        yield activity, {**ACTIVITY_DEFAULTS, **fields}
    own = {fields["key"]: fields for fields in streaks}
    for fields in STREAKS:
        yield streak, {**fields, **own.pop(fields["key"], {})}
    for fields in own.values():
        yield streak, {**fields}
    for position, fields in enumerate(achievements):
        values = {**ACHIEVEMENT_DEFAULTS, "position": position, **fields}
        key, measured = fields.get("activity"), fields.get("streak")
        values["activity"] = activity.objects.using(alias).filter(key=key).first()
        # No choice stands for the daily one.
        rows = streak.objects.using(alias).exclude(key="daily")
        values["streak"] = rows.filter(key=measured).first()
        yield achievement, values
    for number, fields in enumerate(levels, start=1):
        yield level, {**LEVEL_DEFAULTS, **fields, "number": number}


def _catalogue() -> list[list[dict[str, Any]]]:
    """Return the activities, streaks, achievements and levels that the site wants.

    Comments are left out, as wherever a catalogue is read.
    """
    wanted = getattr(settings, "GAMIFICATION", {}).get("SEED_CATALOGUE", True)
    document: Mapping[str, Any] = {}
    if wanted is True:
        document = {"activities": ACTIVITIES, "achievements": ACHIEVEMENTS}
    elif wanted and str(wanted).endswith(".json"):
        document = json.loads(Path(wanted).read_text(encoding="utf-8"))
    elif wanted:
        document = import_string(wanted)
    return [
        [
            {name: value for name, value in fields.items() if name != "comment"}
            for fields in document.get(section, ())
        ]
        for section in ("activities", "streaks", "achievements", "levels")
    ]


def seed_catalogue(apps: Any, schema_editor: Any) -> None:
    """Create what is missing by key; what is there stays as staff left it."""
    alias = schema_editor.connection.alias
    for model, fields in _seeds(apps, alias):
        name = "number" if "number" in fields else "key"
        key = {name: fields.pop(name)}
        model.objects.using(alias).get_or_create(**key, defaults=fields)


def remove_untouched(apps: Any, schema_editor: Any) -> None:
    """Remove seeded rows that are as they were seeded and that nothing refers to."""
    alias = schema_editor.connection.alias
    for model, fields in reversed([*_seeds(apps, alias)]):
        for row in model.objects.using(alias).filter(**fields):
            if not _is_referenced(row, alias):
                row.delete(using=alias)


def _is_referenced(row: Any, alias: str) -> bool:
    return any(
        relation.related_model.objects.using(alias)
        .filter(**{relation.field.name: row})
        .exists()
        for relation in row._meta.related_objects
    )


class Migration(migrations.Migration):
    dependencies = [("gamification", "0001_initial")]

    operations = [migrations.RunPython(seed_catalogue, remove_untouched)]
