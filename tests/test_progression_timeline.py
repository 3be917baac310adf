from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from gamification.services import (
    record_activity,
)
from tests.factories import UserFactory
from tests.inspection import held_by

DAYS = 150

#: Levels 2 to 10 begin at these totals.
THRESHOLDS = [50, 150, 300, 500, 750, 1_050, 1_400, 1_800, 2_250]
VISION, KPI = 25, 10

#: What a day can reach, and the XP that it is worth.
KPIS = {1: 20, 10: 50, 50: 100, 100: 200, 500: 500}
STREAKS = {7: 50, 30: 150, 100: 400}
LEVELS = {5: 100, 10: 250}
FIRST_VISION = 20

#: The day on which each level is reached, with one KPI a day from a first vision on.
REACHED = {2: 1, 3: 7, 4: 14, 5: 30, 6: 34, 7: 54, 8: 89, 9: 100, 10: 114}


def life() -> list[tuple[int, int]]:
    """Return the total and the level at the end of each day, by counting."""
    total, level, lived = VISION + FIRST_VISION, 1, []
    for day in range(1, DAYS + 1):
        total += KPI + KPIS.get(day, 0) + STREAKS.get(day, 0)
        while level < 10 and total >= THRESHOLDS[level - 1]:
            level += 1
            total += LEVELS.get(level, 0)
        lived.append((total, level))
    return lived


def test_the_days_on_which_levels_are_reached():
    levels = [level for _, level in life()]

    reached = {
        wanted: next(day for day, level in enumerate(levels, 1) if level >= wanted)
        for wanted in range(2, 11)
    }

    assert reached == REACHED


@pytest.mark.django_db
def test_the_services_lead_the_same_life():
    user, lived = UserFactory(), []
    start = datetime(2026, 1, 1, 9, tzinfo=UTC)

    for day in range(DAYS):
        with time_machine.travel(start + timedelta(day), tick=False):
            if day == 0:
                record_activity(user, "vision_created")
            outcome = record_activity(user, "kpi_completed")
            lived.append((outcome.total_xp, min(outcome.level, 10)))

    assert lived == life()
    assert held_by(user) == {
        "first_vision",
        "first_kpi",
        "kpi_10",
        "kpi_50",
        "kpi_100",
        "streak_7",
        "streak_30",
        "streak_100",
        "level_5",
        "level_10",
    }
