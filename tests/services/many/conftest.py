from __future__ import annotations

import pytest

from gamification.models import (
    ActiveDay,
    ActivityTally,
    UserAchievement,
    UserGamification,
)
from gamification.staff import run_next_step

#: Columns that every entry changes, whatever it is worth.
_MOVES = {"id", "version", "updated_at", "last_occurred_at"}


def finish(job):
    """Run all steps of a job; return it."""
    while job.finished_at is None:
        job = run_next_step(job.pk, actor=None)
        assert job.error == ""
    return job


def totals():
    """Return all totals, tallies, days and unlocks."""
    rows = UserGamification.objects.order_by("user").values()
    tallies = ActivityTally.objects.exclude(count=0).order_by("user", "activity")
    days = ActiveDay.objects.order_by("user", "date")
    unlocks = UserAchievement.objects.order_by("user", "achievement").values()
    return {
        "users": [{k: v for k, v in row.items() if k not in _MOVES} for row in rows],
        "tallies": [*tallies.values_list("user", "activity", "count")],
        "days": [*days.values_list("user", "date", "activities", "xp")],
        "unlocks": [{k: v for k, v in row.items() if k != "id"} for row in unlocks],
    }


@pytest.fixture
def two_at_a_time(monkeypatch):
    """Let each step of a job have two users."""
    for module in ("lists", "periods", "undo"):
        name = f"gamification.services.many.{module}.USERS_AT_ONCE"
        monkeypatch.setattr(name, 2)
