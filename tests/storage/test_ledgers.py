"""How a store hands over the ledgers of users, the short and the long ones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from gamification.services import record_activity
from gamification.storage import base, store_for
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_achievements", "activity"),
]


def record_times(user, number):
    for hours in range(number, 0, -1):
        at = timezone.now() - timedelta(hours=hours)
        record_activity(user, "walk", occurred_at=at, quantity=hours)


def test_a_short_ledger_is_read_at_once_and_a_long_one_each_time(monkeypatch):
    monkeypatch.setattr(base, "ENTRIES_AT_ONCE", 2)
    short, long = UserFactory(), UserFactory()
    record_times(short, 2)
    record_times(long, 3)

    ledgers = store_for("default").ledgers([short.pk, long.pk])

    assert isinstance(ledgers[short.pk], list)
    assert [entry.quantity for entry in ledgers[short.pk]] == [2, 1]
    for _ in range(2):
        assert [entry.quantity for entry in ledgers[long.pk]] == [3, 2, 1]
    record_times(long, 1)
    assert [entry.quantity for entry in ledgers[long.pk]] == [3, 2, 1, 1]
