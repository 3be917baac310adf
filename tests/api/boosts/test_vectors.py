from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.utils.dateparse import parse_datetime

from gamification.models import Activity
from tests.api.clients import API, client_of
from tests.vectors import BOOSTS, STRATEGIES, name_of

pytestmark = pytest.mark.django_db

PERMISSIONS = ("add_boost", "record_activity", "reverse_entry")
START, END = "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z"


def define(api, vector) -> None:
    """Add the boosts of a vector before they begin."""
    with time_machine.travel(parse_datetime(START) - timedelta(days=1), tick=False):
        for number, factor in enumerate(vector["boosts"]):
            body = {
                "key": f"boost_{number}",
                "name": "Launch weekend",
                "factor": factor,
                "starts_at": START,
                "ends_at": vector.get("ends_at", END),
                "zone": "UTC",
            }
            assert api.post(f"{API}boosts/", body).status_code == 201


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("vector", BOOSTS, ids=name_of)
def test_over_http_the_numbers_are_those_of_the_vectors(
    vector, strategy, user, staff, activity, no_achievements, settings
):
    settings.GAMIFICATION = {"BOOST_STRATEGY": strategy}
    limit = vector.get("daily_limit")
    Activity.objects.update(xp_reward=vector["reward"], daily_limit=limit)
    api, name = client_of(staff, *PERMISSIONS), user.get_username()
    define(api, vector)
    at = vector.get("occurred_at", "2026-06-10T12:00:00Z")
    body = {
        "user": name,
        "activity": "walk",
        "key": "a",
        "occurred_at": at,
        "quantity": vector.get("quantity", 1),
    }

    with time_machine.travel(vector.get("sent_at", at), tick=False):
        made = api.post(f"{API}records/", body).json()
        reversal = {"entry": made["entry"]["id"], "note": "A mistake."}
        undone = api.post(f"{API}users/{name}/reversals/", reversal).json()

    assert made["credited"] == made["entry"]["amount"] == vector[strategy]
    assert undone["credited"] == -vector[strategy]
    assert undone["total_xp"] == 0
