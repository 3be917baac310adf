from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine

from gamification.models import StreakDefinition
from gamification.services import record_activity

pytestmark = pytest.mark.django_db


def noon(day: int) -> datetime:
    """Return noon of a day; day 1 is the first of November 2026."""
    return datetime(2026, 10, 31, 12, tzinfo=UTC) + timedelta(days=day)


def november(day: int) -> date:
    return noon(day).date()


@pytest.fixture
def on(activity, no_achievements):
    """Return a function that travels to noon of a day in November 2026."""

    def travel(day: int):
        return time_machine.travel(noon(day), tick=False)

    return travel


@pytest.fixture
def act(user, on):
    """Return a function that records a walk on each of some days."""

    def walk(*days: int, who=user, activity="walk"):
        for day in days:
            with on(day):
                outcome = record_activity(who, activity)
        return outcome

    return walk


@pytest.fixture
def daily(db):
    """Return a function that sets rules of the daily streak, as if they always held."""

    def change(**rules):
        StreakDefinition.objects.filter(key="daily").update(**rules)

    return change
