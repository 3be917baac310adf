"""What a caller has written before a verb fails is the caller's to keep."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction

from gamification.services import record_activity
from gamification.storage import STORES
from gamification.storage.portable.store import PortableStore
from tests.factories import UserFactory
from tests.inspection import COMMITTED

pytestmark = COMMITTED


@pytest.fixture
def failing_writes(monkeypatch):
    """Let the database refuse what the store writes."""

    def write(self, encoded):
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM missing")

    store = STORES.get(connection.vendor, PortableStore)
    monkeypatch.setattr(store, "write", write)


@pytest.fixture
def by_hand():
    """Let the test end its transactions itself."""
    transaction.set_autocommit(False)
    yield
    transaction.rollback()
    transaction.set_autocommit(True)


def is_kept(name: str) -> bool:
    return get_user_model().objects.filter(username=name).exists()


@pytest.mark.usefixtures("failing_writes", "by_hand")
def test_rows_of_a_caller_who_commits_by_hand_are_kept():
    ann = UserFactory(username="ann")

    with pytest.raises(DatabaseError):
        record_activity(ann, "kpi_completed")
    transaction.commit()

    assert is_kept("ann")


@pytest.mark.usefixtures("failing_writes")
def test_rows_of_a_caller_s_block_are_kept():
    with transaction.atomic():
        ann = UserFactory(username="ann")
        with pytest.raises(DatabaseError):
            record_activity(ann, "kpi_completed")

    assert is_kept("ann")
