from __future__ import annotations

import pytest
from django.db import connection, transaction

from gamification.management.importing import importer
from gamification.management.importing.importer import rolled_back
from tests.factories import ActivityFactory, UserFactory
from tests.management.imports import KNOWN, NOON, import_rows

pytestmark = pytest.mark.django_db

GOOD = f"ada,walk,{NOON},,"
BAD = "ada,walk,yesterday,,,"


@pytest.fixture
def two_at_a_time(monkeypatch, activity):
    """Look up and record rows two at a time, of one user."""
    monkeypatch.setattr(importer, "CHUNK", 2)
    return UserFactory(username="ada")


@pytest.mark.usefixtures("two_at_a_time")
def test_refused_records_are_reported_by_their_line_across_batches():
    rows = [
        line
        for number in range(5)
        for line in (f"{GOOD}{number},", BAD, f"ada,gone,{NOON},,,")
    ]

    *errors, _hint = import_rows(*rows, options=("--batch-size", "2")).errors

    bad = "occurred_at is not an ISO 8601 date and time: 'yesterday'."
    assert sorted(errors, key=lambda line: int(line.split()[1][:-1])) == [
        line
        for number in range(2, 17, 3)
        for line in (
            f"line {number + 1}: {bad}",
            f"line {number + 2}: No activity has the key 'gone'. {KNOWN}",
        )
    ]


@pytest.mark.usefixtures("two_at_a_time")
@pytest.mark.parametrize("size", ["1", "3", "100"])
def test_the_size_of_batches_changes_nothing(size):
    rows = [f"{GOOD}{number % 7}," for number in range(10)]

    result = import_rows(*rows, options=("--batch-size", size))

    assert (result.numbers["records"], result.numbers["replays"]) == (7, 3)
    assert result.numbers["users"] == 1


def test_everything_inside_is_rolled_back(db):
    with rolled_back("default"):
        ActivityFactory(key="walk")

    assert ActivityFactory._meta.model.objects.filter(key="walk").exists() is False


def test_only_the_callbacks_from_inside_are_forgotten(db):
    with transaction.atomic():
        transaction.on_commit(lambda: None)
        callbacks = list(connection.run_on_commit)

        with rolled_back("default") as forget_callbacks:
            transaction.on_commit(lambda: None)
            forget_callbacks()

            assert connection.run_on_commit == callbacks
