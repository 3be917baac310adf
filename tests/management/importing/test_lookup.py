from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from gamification.exceptions import GamificationError
from gamification.management.importing.lookup import ActivityMaker, Resolver, UserFinder
from gamification.management.importing.readers import Row
from gamification.models import Activity
from gamification.services import (
    ActivityRecord,
)
from tests.factories import ActivityFactory, UserFactory

pytestmark = pytest.mark.django_db

User = get_user_model()
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def records_of(resolver: Resolver, *rows: Row) -> list[ActivityRecord]:
    return [record for _, record in resolver.resolve(list(enumerate(rows)))]


def key_of(row: Row) -> str:
    [record] = records_of(Resolver(UserFinder(create=False)), row)
    return record.key


def test_users_are_found_by_what_they_sign_in_with():
    ada, bob = UserFactory(username="ada"), UserFactory(username="bob")

    found = UserFinder(create=False).find({"ada", "bob", "eve"})

    assert found == {"ada": ada.pk, "bob": bob.pk}


def test_users_are_found_whatever_the_form_of_their_letters():
    user = UserFactory(username="zoë")

    assert UserFinder(create=False).find({"zoe\u0308"}) == {"zoe\u0308": user.pk}


def test_any_number_of_users_is_found_with_one_query(django_assert_num_queries):
    names = {UserFactory().username for _ in range(50)}

    with django_assert_num_queries(1):
        assert UserFinder(create=False).find(names).keys() == names


@pytest.mark.parametrize("name", ["x", "9" * 30, ""])
def test_users_are_found_by_a_column_of_any_type(user, monkeypatch, name):
    monkeypatch.setattr(User, "USERNAME_FIELD", User._meta.pk.name)

    assert UserFinder(create=False).find({str(user.pk), name}) == {
        str(user.pk): user.pk
    }


def test_missing_users_are_made_without_a_password():
    finder = UserFinder(create=True)

    found = finder.find({"ada@example.org"})

    ada = User.objects.get(username="ada@example.org")
    assert found == {"ada@example.org": ada.pk}
    assert ada.has_usable_password() is False
    assert (ada.is_active, ada.is_staff, finder.created) == (True, False, 1)


def test_users_who_exist_are_not_made(user):
    finder = UserFinder(create=True)

    assert finder.find({user.username}) == {user.username: user.pk}
    assert (finder.created, User.objects.count()) == (0, 1)


def test_a_user_is_made_once_whatever_the_form_of_the_letters():
    found = UserFinder(create=True).find({"zoë", "zoe\u0308"})

    assert len(found) == 2
    assert User.objects.get().username == "zoë"


@pytest.mark.parametrize("name", ["a b", "<script>", "x" * 151, "a\u202eb", "=1;1"])
def test_users_with_names_against_the_rules_are_not_made(name):
    assert UserFinder(create=True).find({name}) == {}
    assert User.objects.exists() is False


def test_users_who_are_made_by_others_just_then_are_found(monkeypatch):
    finder, make = UserFinder(create=True), UserFinder._make

    def make_late(self, values):
        UserFactory(username="ada")
        return make(self, values)

    monkeypatch.setattr(UserFinder, "_make", make_late)

    assert finder.find({"ada"}) == {"ada": User.objects.get().pk}


def test_users_who_cannot_be_made_in_bulk_are_made_one_by_one(monkeypatch):
    """Django refuses models that inherit from another table."""

    def refuse(self, users, **options):
        UserFactory(username="ada")
        raise ValueError

    monkeypatch.setattr(QuerySet, "bulk_create", refuse)

    found = UserFinder(create=True).find({"ada", "bob"})

    made = dict(User.objects.values_list("username", "pk"))
    assert found == made
    assert made.keys() == {"ada", "bob"}


def test_missing_activities_are_made_with_10_xp():
    maker = ActivityMaker()

    maker.make({"kpi-completed", "merge"})

    activity = Activity.objects.get(key="kpi-completed")
    assert (activity.name, activity.xp_reward) == ("Kpi completed", 10)
    assert (activity.is_active, activity.daily_limit) == (True, None)
    assert maker.created == 2


def test_activities_that_exist_are_left_as_they_are():
    ActivityFactory(key="walk", name="Long walk", xp_reward=25)
    before, maker = list(Activity.objects.values()), ActivityMaker()

    maker.make({"walk"})

    assert list(Activity.objects.values()) == before
    assert maker.created == 0


@pytest.mark.parametrize("key", ["-", "_"])
def test_every_activity_that_is_made_has_a_name(key):
    ActivityMaker().make({key})

    assert Activity.objects.get(key=key).name == key


@pytest.mark.parametrize("key", ["", "a b", "a.b", "x" * 101, "ä", "a\n"])
def test_an_activity_that_can_have_no_such_key_is_not_made(user, key):
    resolver = Resolver(UserFinder(create=False), ActivityMaker())

    [error] = records_of(resolver, Row(user.username, key, NOON))

    assert str(error).startswith("No activity can have the key '")
    assert Activity.objects.filter(key=key).exists() is False


def test_rows_become_records(user):
    row = Row(user.username, "walk", NOON, 3, "k1", "visions.kpi:42")

    [record] = records_of(Resolver(UserFinder(create=False)), row)

    assert record == ActivityRecord(user.pk, "walk", NOON, 3, "k1", "visions.kpi:42")


def test_rows_keep_their_order_and_lines(user):
    good, bad = Row(user.username, "walk", NOON), GamificationError()
    resolver = Resolver(UserFinder(create=False))

    resolved = list(resolver.resolve([(2, good), (3, bad), (5, good)]))

    assert [line for line, _ in resolved] == [2, 3, 5]
    assert resolved[1] == (3, bad)


@pytest.mark.parametrize(
    ("create", "name", "reason"),
    [
        (False, "eve", "There is no user 'eve'."),
        (True, "e v e", "There is no user 'e v e', nor can there be."),
    ],
)
def test_a_row_of_nobody_is_bad(create, name, reason):
    resolver = Resolver(UserFinder(create=create))

    [error] = records_of(resolver, Row(name, "walk", NOON))

    assert str(error) == reason


def test_renamed_activities_are_recorded_and_made_by_their_new_name(user):
    ActivityFactory(key="old")
    resolver = Resolver(UserFinder(create=False), ActivityMaker(), {"old": "new"})

    [record] = records_of(resolver, Row(user.username, "old", NOON))

    assert record.activity == "new"
    assert Activity.objects.filter(key="new").exists()


def test_equal_rows_without_a_key_get_the_same_one(user):
    row = Row(user.username, "walk", NOON)

    assert key_of(row) == key_of(Row(user.username, "walk", NOON))
    assert key_of(row).startswith("import:")


def test_rows_that_differ_in_anything_get_different_keys(user):
    name, other = user.username, UserFactory().username
    rows = [
        Row(name, "walk", NOON),
        Row(other, "walk", NOON),
        Row(name, "run", NOON),
        Row(name, "walk", NOON.replace(microsecond=1)),
        Row(name, "walk", NOON, quantity=2),
        Row(name, "walk", NOON, source="x"),
    ]

    assert len({key_of(row) for row in rows}) == len(rows)


def test_the_key_of_a_row_is_made_of_what_is_recorded(user):
    renaming = Resolver(UserFinder(create=False), None, {"commit": "walk"})

    [record] = records_of(renaming, Row(user.username, "commit", NOON))

    assert record.key == key_of(Row(user.username, "walk", NOON))


def test_the_key_of_a_row_outlives_a_new_name_of_its_user(user):
    before = key_of(Row(user.username, "walk", NOON))

    User.objects.filter(pk=user.pk).update(username="renamed")

    assert key_of(Row("renamed", "walk", NOON)) == before
