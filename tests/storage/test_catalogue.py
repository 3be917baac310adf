from __future__ import annotations

import pytest

from gamification.models import Achievement, Activity, StreakDefinition
from gamification.storage.catalogue import load_catalogue


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
