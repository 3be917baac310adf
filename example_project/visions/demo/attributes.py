"""The attributes of the demo's records, and an achievement that uses them."""

from __future__ import annotations

from typing import Final

from gamification.models import Achievement, Activity
from gamification.staff import (
    backfill_everyone,
    create_achievement,
    edit_activity,
    tend_filters,
)

ALL_ROUNDER: Final = "all_rounder"
_KPIS: Final = {"criterion": "activity_count", "activity": "kpi_completed"}


def declare_attributes() -> None:
    """Declare attributes of completed KPIs: their vision, and how often."""
    types = {"vision": "string", "times": "integer"}
    if Activity.objects.filter(key="kpi_completed", attributes=types).exists():
        return
    edit_activity("kpi_completed", actor=None, expected=None, attributes=types)


def ask_for_attributes() -> None:
    """Make an achievement for KPIs of several visions, and more; only once."""
    if Achievement.objects.filter(key=ALL_ROUNDER).exists():
        return
    running = [["vision", "is", "Run a half marathon"]]
    create_achievement(
        actor=None,
        key=ALL_ROUNDER,
        name="All-rounder",
        description="Be active on 60 days, and work on many things.",
        category="mastery",
        icon="target",
        xp_reward=75,
        criterion="active_days",
        threshold=60,
        conditions={
            "all": [
                {"holds": "kpi_bronze"},
                {"criterion": "level", "threshold": 10},
                {**_KPIS, "distinct": "vision", "threshold": 4},
                {
                    "any": [
                        {**_KPIS, "where": running, "threshold": 50},
                        {"holds": "kpi_gold"},
                    ]
                },
            ]
        },
        position=115,
    )
    tend_filters()
    backfill_everyone(ALL_ROUNDER)
