"""A caller's own transaction is the caller's to keep, and to end."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, transaction

from gamification import signals
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    record_activity,
    record_each,
)
from gamification.staff import Act, begin_list, remove_seeds
from gamification.storage import STORES
from gamification.storage.portable.store import PortableStore
from tests.factories import UserFactory
from tests.inspection import COMMITTED, profile_of

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


@pytest.fixture
def heard():
    """Users about whom signals were sent."""
    sent, heard = [], (signals.activity_recorded, signals.xp_adjusted)

    def receive(user_id, **arguments):
        sent.append(user_id)

    for signal in heard:
        signal.connect(receive)
    yield sent
    for signal in heard:
        signal.disconnect(receive)


def record_two(user):
    record_each([ActivityRecord(user, "walk"), ActivityRecord(user, "walk")])


def adjust(user):
    adjust_xp(user, amount=1, note="A gift.")


def begin(user):
    begin_list(Act(kind="adjustment", amount=1, note="A gift."), [user], actor=None)


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


@pytest.mark.usefixtures("activity", "by_hand")
@pytest.mark.parametrize(
    ("act", "number"),
    [(lambda user: record_activity(user, "walk"), 1), (record_two, 2), (adjust, 1)],
)
def test_a_caller_who_commits_by_hand_hears_once_autocommit_is_on(
    user, heard, act, number
):
    act(user)
    transaction.commit()
    assert heard == []

    transaction.set_autocommit(True)
    assert heard == [user.pk] * number


@pytest.mark.usefixtures("activity", "by_hand")
def test_a_caller_who_rolls_back_by_hand_hears_nothing(user, heard):
    adjust(user)
    transaction.rollback()
    transaction.set_autocommit(True)

    assert heard == []


@pytest.mark.usefixtures("activity", "by_hand")
@pytest.mark.parametrize("act", [record_two, adjust])
def test_what_nobody_hears_is_written_by_hand(user, act):
    act(user)
    transaction.commit()

    assert profile_of(user).total_xp > 0


@pytest.mark.usefixtures("by_hand")
def test_jobs_begin_and_examples_go_in_a_transaction_by_hand(user, caplog):
    with caplog.at_level("INFO", "gamification"):
        begin(user)
        remove_seeds(actor=None)
        assert caplog.messages == []
        transaction.commit()
        transaction.set_autocommit(True)

    assert [text.split()[0] for text in caplog.messages] == ["Job", "Examples"]
