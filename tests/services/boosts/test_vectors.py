from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest
import time_machine

from gamification.models import Activity
from gamification.services import record_activity, reverse_entry
from tests.factories import BoostFactory
from tests.vectors import BOOSTS, STRATEGIES, name_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("vector", BOOSTS, ids=name_of)
def test_a_record_credits_what_the_vectors_say_and_a_reversal_takes_it_back(
    vector, strategy, user, activity, no_achievements, settings
):
    settings.GAMIFICATION = {"BOOST_STRATEGY": strategy}
    Activity.objects.update(
        xp_reward=vector["reward"], daily_limit=vector.get("daily_limit")
    )
    times = (
        {"ends_at": datetime.fromisoformat(vector["ends_at"])}
        if ("ends_at" in vector)
        else {}
    )
    for factor in vector["boosts"]:
        BoostFactory(factor=Decimal(factor), **times)
    at = datetime.fromisoformat(vector.get("occurred_at", "2026-06-10T12:00:00Z"))

    with time_machine.travel(vector.get("sent_at", at), tick=False):
        made = record_activity(
            user, "walk", occurred_at=at, quantity=vector.get("quantity", 1)
        )
        undone = reverse_entry(user, entry_id=made.entry.id)

    assert made.credited == vector[strategy]
    assert undone.credited == -vector[strategy]
    assert undone.total_xp == 0
