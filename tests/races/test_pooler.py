"""PgBouncer in transaction mode, which gives each transaction to another session."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event

import pytest
from django.db import connections, transaction

from gamification.conf import Settings
from gamification.models import LedgerEntry
from gamification.services import adjust_xp, record_activity
from gamification.storage.postgresql.prepared import prepared_cursor
from tests.factories import UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, PATIENCE, at_once, total_of
from tests.races.pooler import NEEDS_PGBOUNCER

pytestmark = [
    COMMITTED,
    ONLY_POSTGRESQL,
    pytest.mark.usefixtures("activity", "no_achievements"),
    NEEDS_PGBOUNCER,
]


def walk(user, times=1):
    for _ in range(times):
        record_activity(user, "walk")


@contextmanager
def last_session_taken():
    """Let somebody else's transaction hold the session that was used last."""
    is_taken, is_over = Event(), Event()

    def hold():
        with transaction.atomic():
            LedgerEntry.objects.count()
            is_taken.set()
            is_over.wait(PATIENCE)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(at_once, [hold])
        is_taken.wait(PATIENCE)
        yield
        is_over.set()
        held.result()


def test_the_pooler_is_noticed(pooler):
    with prepared_cursor(connections["default"]) as cursor:
        assert not cursor.cursor._is_direct()


def test_records_survive_the_loss_of_their_statements(user, pooler, caplog):
    walk(user, 3)

    with last_session_taken():
        walk(user, 3)

    assert total_of(user) == 60
    assert caplog.text.count("A pooler loses prepared statements") == 1


def test_records_survive_what_others_have_prepared(user, pooler, caplog):
    at_once([partial(walk, user, 3)])

    walk(user, 3)

    assert total_of(user) == 60
    assert caplog.text.count("A pooler loses prepared statements") == 1


def test_the_transaction_of_a_caller_survives(user, pooler, caplog):
    walk(user, 3)

    with last_session_taken(), transaction.atomic():
        other = UserFactory()
        walk(other, 3)
        adjust_xp(user, amount=5, note="a gift")

    assert (total_of(user), total_of(other)) == (35, 30)
    assert not caplog.records


def test_statements_that_are_pinned_may_be_lost_again_and_again(
    user, pooler, monkeypatch, caplog
):
    monkeypatch.setattr(Settings, "PREPARED_STATEMENTS", True)
    walk(user, 3)

    for _ in range(2):
        with last_session_taken():
            walk(user, 3)

    assert total_of(user) == 90
    assert caplog.text.count("A pooler loses prepared statements") == 1


def test_many_clients_share_few_sessions(pooler):
    users = UserFactory.create_batch(6)

    at_once([partial(walk, user, 20) for user in users])

    assert [total_of(user) for user in users] == [200] * 6
