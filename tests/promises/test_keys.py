"""A key belongs to the record that was accepted with it, once."""

from __future__ import annotations

import pytest

from gamification.exceptions import UnknownActivityError
from gamification.services import (
    ActivityRecord,
    get_progress,
    record_activities,
    record_activity,
    record_each,
    reverse_source,
)
from tests.api.clients import API, client_of
from tests.factories import UserFactory
from tests.inspection import ledger_of
from tests.management.imports import NOON, import_rows
from tests.promises.conftest import NOW

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


def total_of(user):
    return get_progress(user).level.total_xp


def test_a_refused_record_leaves_its_key_to_the_next_one(user):
    refused = []

    report = record_activities(
        [ActivityRecord(user, "typo", key="k"), ActivityRecord(user, "walk", key="k")],
        refused=lambda position, error: refused.append((position, type(error))),
    )

    assert refused == [(0, UnknownActivityError)]
    assert (report.recorded, total_of(user)) == (1, 10)


def test_a_refused_record_uses_up_no_key_where_each_is_answered(user):
    records = [
        ActivityRecord(user, "typo", key="k"),
        ActivityRecord(user, "walk", key="k"),
        ActivityRecord(user, "walk", key="k"),
    ]

    refused, first, again = record_each(records)

    assert isinstance(refused, UnknownActivityError)
    assert (first.replayed, again.replayed) == (False, True)
    assert total_of(user) == 10


def test_a_refused_record_of_a_list_over_http_uses_up_no_key(user):
    client = client_of(UserFactory(), "record_activity")
    record = {"user": user.username, "key": "k"}

    answer = client.post(
        f"{API}records/", [record | {"activity": "typo"}, record | {"activity": "walk"}]
    )

    refused, accepted = answer.json()["results"]
    assert (refused["outcome"], accepted["problem"]) == (None, None)
    assert accepted["outcome"]["replayed"] is False
    assert total_of(user) == 10


def test_a_refused_row_of_an_import_uses_up_no_key():
    user = UserFactory(username="ada")
    rows = [f"ada,typo,{NOON},1,k,", f"ada,walk,{NOON},1,k,"]

    first, again = import_rows(*rows).numbers, import_rows(*rows).numbers

    assert (first["records"], first["errors"]) == (1, 1)
    assert (again["records"], again["replays"], again["errors"]) == (0, 1, 1)
    assert total_of(user) == 10


def test_equal_rows_without_keys_count_each_and_once():
    user = UserFactory(username="ada")
    other = f"ada,walk,{NOON},2,,"
    rows = [f"ada,walk,{NOON},1,,"] * 3 + [other]

    first, again = import_rows(*rows).numbers, import_rows(*rows).numbers

    assert (first["records"], first["replays"]) == (4, 0)
    assert (again["records"], again["replays"]) == (0, 4)
    assert total_of(user) == 50


def test_one_more_of_the_equal_rows_is_the_only_new_record():
    user = UserFactory(username="ada")
    row = f"ada,walk,{NOON},1,,"
    import_rows(row, row)

    later = import_rows(row, row, row).numbers

    assert (later["records"], later["replays"]) == (1, 2)
    assert total_of(user) == 30


@pytest.fixture
def reversed_record(user):
    """A user whose record with the key ``k`` was taken back."""
    record_activity(user, "walk", quantity=3, key="k", source="s:1")
    reverse_source(user, source="s:1")
    return user


def test_a_replay_of_what_was_reversed_says_so(reversed_record):
    user = reversed_record

    outcome = record_activity(user, "walk", quantity=3, key="k", source="s:1")

    assert (outcome.replayed, outcome.reversed_at) == (True, NOW)
    assert total_of(user) == 0
    assert len(ledger_of(user)) == 2


def test_a_replay_of_what_stands_was_not_reversed(user):
    record_activity(user, "walk", key="k")

    outcome = record_activity(user, "walk", key="k")

    assert (outcome.replayed, outcome.reversed_at) == (True, None)


def test_a_replay_in_a_batch_says_that_it_was_reversed(reversed_record):
    record = ActivityRecord(reversed_record, "walk", None, 3, "k", "s:1")

    [outcome] = record_each([record])

    assert (outcome.replayed, outcome.reversed_at) == (True, NOW)


def test_the_api_says_that_a_replay_was_reversed(reversed_record):
    client = client_of(UserFactory(), "record_activity")
    record = {
        "user": reversed_record.username,
        "activity": "walk",
        "quantity": 3,
        "key": "k",
        "source": "s:1",
    }

    answer = client.post(f"{API}records/", record)

    assert answer.status_code == 200
    assert answer.json()["replayed"] is True
    assert answer.json()["reversed_at"] == "2026-06-10T12:00:00Z"


def test_a_new_key_records_again_what_was_reversed(reversed_record):
    outcome = record_activity(reversed_record, "walk", quantity=3, key="k2")

    assert (outcome.replayed, total_of(reversed_record)) == (False, 30)
