from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model

from gamification.exceptions import GamificationError
from gamification.management.importing.counter import DiskCounter
from gamification.management.importing.readers import ImportRow
from gamification.management.importing.records import ActivityCreator, RecordBuilder
from gamification.management.importing.users import UserLookup
from gamification.models import Activity
from gamification.services import (
    ActivityRecord,
)
from tests.factories import ActivityFactory, UserFactory

pytestmark = pytest.mark.django_db

User = get_user_model()
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def records_of(*rows: ImportRow, create=False, **options) -> list[ActivityRecord]:
    """Return the records of the rows of one file, or their errors."""
    with DiskCounter() as repeats:
        builder = RecordBuilder(UserLookup(create=create), repeats, **options)
        return [record for _line, record in builder.build(list(enumerate(rows)))]


def keys_of(*rows: ImportRow) -> list[str]:
    return [record.key for record in records_of(*rows)]


def test_missing_activities_are_created_with_10_xp():
    creator = ActivityCreator()

    creator.create_missing({"kpi-completed", "merge"})

    activity = Activity.objects.get(key="kpi-completed")
    assert (activity.name, activity.xp_reward) == ("Kpi completed", 10)
    assert (activity.is_active, activity.daily_limit) == (True, None)
    assert creator.created == 2


def test_activities_that_exist_are_left_as_they_are():
    ActivityFactory(key="walk", name="Long walk", xp_reward=25)
    before, creator = list(Activity.objects.values()), ActivityCreator()

    creator.create_missing({"walk"})

    assert list(Activity.objects.values()) == before
    assert creator.created == 0


@pytest.mark.parametrize("key", ["-", "_"])
def test_every_created_activity_has_a_name(key):
    ActivityCreator().create_missing({key})

    assert Activity.objects.get(key=key).name == key


@pytest.mark.parametrize("key", ["", "a b", "a.b", "x" * 101, "ä", "a\n"])
def test_an_activity_with_a_key_against_the_rules_is_not_created(user, key):
    row = ImportRow(user.username, key, NOON)

    [error] = records_of(row, activities=ActivityCreator())

    assert str(error).startswith("No activity can have the key '")
    assert str(error).endswith("Letters, digits, hyphens and underscores are allowed.")
    assert Activity.objects.filter(key=key).exists() is False


def test_rows_become_records(user):
    [record] = records_of(
        ImportRow(user.username, "walk", NOON, 3, "k1", "visions.kpi:42")
    )

    assert record == ActivityRecord(user.pk, "walk", NOON, 3, "k1", "visions.kpi:42")


def test_rows_keep_their_order_and_lines(user):
    good, bad = ImportRow(user.username, "walk", NOON), GamificationError()
    rows = [(2, good), (3, bad), (5, good)]

    with DiskCounter() as repeats:
        built = list(RecordBuilder(UserLookup(), repeats).build(rows))

    assert [line for line, _record in built] == [2, 3, 5]
    assert built[1] == (3, bad)


@pytest.mark.parametrize(
    ("create", "name", "reason"),
    [
        (False, "eve", "There is no user 'eve'."),
        (
            True,
            "e v e",
            (
                "No user 'e v e', and one could not be created: Enter a valid username."
                " This value may contain only letters, numbers, and @/./+/-/_ "
                "characters."
            ),
        ),
    ],
)
def test_a_row_without_a_user_is_bad(create, name, reason):
    [error] = records_of(ImportRow(name, "walk", NOON), create=create)

    assert str(error) == reason


def test_renamed_activities_are_recorded_and_created_by_their_new_name(user):
    ActivityFactory(key="old")
    row = ImportRow(user.username, "old", NOON)

    [record] = records_of(row, activities=ActivityCreator(), renamed={"old": "new"})

    assert record.activity == "new"
    assert Activity.objects.filter(key="new").exists()


def test_a_row_without_a_key_gets_the_same_one_in_each_import(user):
    row = ImportRow(user.username, "walk", NOON)

    assert keys_of(row) == keys_of(row)
    assert keys_of(row)[0].startswith("import:")


def test_each_of_several_equal_rows_has_a_key_of_its_own(user):
    row = ImportRow(user.username, "walk", NOON)
    other = ImportRow(user.username, "run", NOON)

    keys = keys_of(row, other, row, row)

    assert keys[2:] == [f"{keys[0]}:2", f"{keys[0]}:3"]


def test_rows_that_differ_in_anything_get_different_keys(user):
    name, other = user.username, UserFactory().username
    rows = [
        ImportRow(name, "walk", NOON),
        ImportRow(other, "walk", NOON),
        ImportRow(name, "run", NOON),
        ImportRow(name, "walk", NOON.replace(microsecond=1)),
        ImportRow(name, "walk", NOON, quantity=2),
        ImportRow(name, "walk", NOON, source="x"),
    ]

    keys = {key for row in rows for key in keys_of(row)}

    assert len(keys) == len(rows)


def test_the_key_of_a_row_is_made_from_the_record(user):
    renamed = records_of(
        ImportRow(user.username, "commit", NOON), renamed={"commit": "walk"}
    )

    assert [renamed[0].key] == keys_of(ImportRow(user.username, "walk", NOON))


def test_the_key_of_a_row_outlives_a_new_name_of_its_user(user):
    before = keys_of(ImportRow(user.username, "walk", NOON))

    User.objects.filter(pk=user.pk).update(username="renamed")

    assert keys_of(ImportRow("renamed", "walk", NOON)) == before
