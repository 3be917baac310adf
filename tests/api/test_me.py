from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from gamification.services import record_activity
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ME = "/api/gamification/v1/me/"


@time_machine.travel(NOON, tick=False)
def test_me_is_where_the_user_stands(api, user, activity, no_achievements):
    record_activity(user, "walk", quantity=10)

    assert api.get(ME).json() == {
        "level": 2,
        "total_xp": 100,
        "previous_threshold": 50,
        "next_threshold": 150,
        "progress": 0.5,
        "highest_level": 2,
        "streak": {
            "state": "active",
            "current": 1,
            "longest": 1,
            "last_active_on": "2026-03-02",
            "lost_at": "2026-03-04T00:00:00Z",
        },
        "active_days": 1,
        "achievements": 0,
        "time_zone": "UTC",
    }


def test_me_is_not_somebody_else(api, activity):
    record_activity(UserFactory(), "walk")

    assert api.get(ME).json()["total_xp"] == 0


def test_who_polls_is_told_that_nothing_changed(api):
    first = api.get(ME)
    second = api.get(ME, headers={"If-None-Match": first["ETag"]})

    assert (second.status_code, second.content) == (304, b"")
