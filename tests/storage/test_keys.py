"""A store whose users have keys that the database has in another form."""

from __future__ import annotations

import pytest

from gamification.services import ActivityRecord, record_activities, record_activity
from tests.factories import UserFactory
from tests.inspection import profile_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_achievements", "activity"),
]


def test_keys_are_prepared_in_all_rows_of_a_write(monkeypatch):
    monkeypatch.setattr(
        "gamification.storage.postgresql.keys.converts_keys", lambda: True
    )
    ann, bob = UserFactory(), UserFactory()

    record_activity(ann, "walk", key="first")
    record_activities(
        [ActivityRecord(ann, "walk", key="second"), ActivityRecord(bob, "walk")]
    )

    assert record_activity(ann, "walk", key="first").replayed
    totals = [profile_of(user).total_xp for user in (ann, bob)]
    assert totals == [20, 10]
