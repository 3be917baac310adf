from __future__ import annotations

import pytest

from gamification.services import (
    record_activity,
)


@pytest.mark.django_db
def test_a_record_earns_its_xp(user, activity):
    outcome = record_activity(user, "walk")

    assert outcome.total_xp == 10
