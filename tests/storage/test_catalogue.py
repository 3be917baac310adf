from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connections

from gamification.models import Achievement, Activity, Boost, StreakDefinition
from gamification.storage.catalogue import load_catalogue
from tests.factories import AchievementFactory


@pytest.mark.django_db
def test_streaks_are_read_although_there_is_no_activity():
    Achievement.objects.all().delete()
    Activity.objects.all().delete()
    StreakDefinition.objects.create(key="weekly", name="Weekly", unit="week")

    catalogue = load_catalogue("default")

    assert {key: rule.name for key, rule in catalogue.streaks.items()} == {
        "daily": "Daily streak",
        "weekly": "Weekly",
    }


def forget_time_zone():
    for name in ("timezone", "timezone_name"):
        vars(connections["default"]).pop(name, None)
    connections["default"].ensure_timezone()


@pytest.fixture
def tokyo(monkeypatch, db):
    """Let the database keep times in a zone of its own, if it keeps no offsets."""
    with monkeypatch.context() as patch:
        patch.setitem(connections["default"].settings_dict, "TIME_ZONE", "Asia/Tokyo")
        forget_time_zone()
        yield
    forget_time_zone()


@pytest.mark.usefixtures("tokyo")
def test_times_are_those_that_staff_chose():
    times = {
        "starts_at": datetime(2026, 6, 1, 12, tzinfo=UTC),
        "ends_at": datetime(2026, 6, 2, 12, tzinfo=UTC),
    }
    AchievementFactory(key="summer", criterion="active_days", threshold=1, **times)
    Boost.objects.create(key="double", name="Double", factor=2, **times)

    catalogue = load_catalogue("default")

    [boost] = catalogue.boosts.rules
    assert (boost.starts_at, boost.ends_at) == tuple(times.values())
    season = catalogue.achievements["summer"].season
    assert (season.starts_at, season.ends_at) == tuple(times.values())
