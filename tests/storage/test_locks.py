"""The portable store locks before it reads, whatever the isolation level."""

from __future__ import annotations

from itertools import takewhile

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.services import record_activity
from gamification.storage import STORES
from gamification.storage.portable.store import PortableStore
from tests.conftest import IS_POSTGRESQL
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def portable_store(monkeypatch):
    monkeypatch.setitem(STORES, connection.vendor, PortableStore)


def statements_of(user):
    with CaptureQueriesContext(connection) as queries:
        record_activity(user, "kpi_completed")
    sql = [each["sql"] for each in queries]
    return [each for each in sql if not each.startswith(("SAVEPOINT", "RELEASE"))]


def locks(statement):
    return "FOR UPDATE" in statement if IS_POSTGRESQL else statement.startswith("UPD")


def test_the_first_statement_locks():
    user = UserFactory()
    record_activity(user, "kpi_completed")

    first, second, *_ = statements_of(user)

    assert locks(first)
    assert second.startswith("SELECT")


@pytest.mark.skipif(not IS_POSTGRESQL, reason="Others lock no rows.")
def test_no_plain_read_comes_before_the_lock_of_a_newcomer():
    statements = statements_of(UserFactory())

    before = [*takewhile(lambda each: locks(each) or "INSERT" in each, statements)]
    assert [each.split()[0] for each in before] == [
        "SELECT", "SELECT", "INSERT", "SELECT",
    ]  # fmt: skip
