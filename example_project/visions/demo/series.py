"""A series, a weekly achievement and a season."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from gamification.models import Achievement, Activity
from gamification.staff import backfill_everyone

#: Each is worth more than the one before.
MEDALS: Final = (("bronze", 25, 25), ("silver", 120, 50), ("gold", 250, 100))


def make_series() -> None:
    """Make them, unless they exist, and give them to all who meet them."""
    kpi = Activity.objects.get(key="kpi_completed")
    counted = {"criterion": "activity_count", "activity": kpi}
    for step, (metal, threshold, xp) in enumerate(MEDALS, 1):
        _make(
            f"kpi_{metal}",
            name=f"{metal.title()} worker",
            description=f"Complete {threshold} KPIs.",
            category="mastery",
            icon=f"medal-{metal}",
            xp_reward=xp,
            threshold=threshold,
            series="kpi_medals",
            step=step,
            position=110 + step,
            **counted,
        )
    _make(
        "busy_week",
        name="Busy week",
        description="Complete 5 KPIs in a week, from Monday to Sunday.",
        category="streaks",
        icon="calendar",
        xp_reward=10,
        threshold=5,
        max_times=None,
        repeat_period="week",
        position=120,
        **counted,
    )
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    _make(
        "this_season",
        name="In season",
        description="Complete 10 KPIs in the season.",
        category="exploration",
        icon="star",
        xp_reward=40,
        threshold=10,
        starts_at=today - timedelta(days=14),
        ends_at=today + timedelta(days=14),
        shown_outside_season=True,
        position=121,
        **counted,
    )


def _make(key: str, **fields: Any) -> None:
    _row, is_new = Achievement.objects.get_or_create(key=key, defaults=fields)
    if is_new:
        backfill_everyone(key)
