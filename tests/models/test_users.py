"""Keys of users whose values in Python are not those of the database."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import connection, models
from django.db.models.functions import Collate

from gamification.models import UserGamification, users
from gamification.storage.postgresql.keys import UserKeys
from tests.factories import UserFactory
from tests.hosts.people.keys import Handle, HandleKey, PrefixedKey

FIELDS = {
    "usr_12": PrefixedKey(primary_key=True),
    Handle("ab"): HandleKey(primary_key=True),
}


@pytest.fixture(params=FIELDS, ids=str)
def key(request, swap_key):
    """A key that is 12 in the database, of a field that users do not have."""
    field = FIELDS[request.param]
    field.set_attributes_from_name("id")
    field.model = get_user_model()
    swap_key(field)
    return request.param


def test_a_key_is_prepared_and_converted(key):
    assert users.prepare_key(key, "default") == 12
    assert users.convert_key(12, "default") == key


def test_all_spellings_of_a_key_are_one(key):
    assert {users.parse_key(each) for each in (key, str(key), 12)} == {key}


@pytest.mark.parametrize("value", ["x", "9" * 24, "", object(), 1.5])
def test_other_values_are_no_keys(key, value):
    with pytest.raises(ValidationError):
        users.parse_key(value)
    assert not users.is_key(value)


def test_a_key_is_known_by_its_type(key):
    assert users.is_key(key)
    assert not users.is_key(None)


def test_keys_are_ordered_as_in_the_database(key):
    keys = [users.convert_key(number, "default") for number in (9, 10, 9, 2)]

    assert [users.prepare_key(each, "default") for each in users.in_order(keys)] == [
        2, 9, 10,
    ]  # fmt: skip


@pytest.mark.parametrize("field", [models.CharField, models.TextField])
def test_texts_are_sorted_by_their_characters(field, swap_key):
    swap_key(field(primary_key=True, max_length=20))

    collation = "C" if connection.vendor == "postgresql" else "BINARY"
    assert users.key_collation() == collation
    assert users.ordered_key("user_id") == Collate(models.F("user_id"), collation)


def test_numbers_are_sorted_as_every_database_does(swap_key):
    swap_key(models.BigAutoField(primary_key=True))

    assert users.key_collation() == ""
    assert users.ordered_key("user_id") == models.F("user_id")


def test_rows_are_prepared_and_converted(key):
    keys = UserKeys("default")
    rows = [(key, 7, None), (key, 8, key)]

    prepared = keys.prepare_columns(("user_id", "amount", "actor_id"), rows)

    assert prepared == [[12, 7, None], [12, 8, 12]]
    assert keys.prepare([key]) == [12]
    assert keys.convert([(7, 12, "x")], 1) == [(7, key, "x")]


@pytest.mark.parametrize("differ", [True, False])
def test_only_keys_that_differ_are_prepared(differ, monkeypatch):
    monkeypatch.setattr(
        "gamification.storage.postgresql.keys.converts_keys", lambda: differ
    )

    assert isinstance(UserKeys.of("default"), UserKeys) == differ


def test_a_text_that_the_column_would_cut_off_is_no_key(swap_key):
    swap_key(models.CharField(max_length=4))

    assert users.parse_key("anna") == "anna"
    with pytest.raises(ValidationError):
        users.parse_key("annab")


@pytest.mark.django_db
def test_an_instance_of_another_class_has_the_key_of_its_user(monkeypatch):
    user = UserFactory()
    other = UserFactory()
    # What classes with a key of their own do.
    monkeypatch.setattr(get_user_model(), "pk", property(lambda self: other.id))

    assert users.key_of(user) == user.id


def test_a_key_that_is_a_link_is_prepared_by_the_key_at_its_end():
    link = UserGamification._meta.get_field("user")

    assert users._own_field(link) is get_user_model()._meta.pk


def test_a_number_that_the_column_cannot_hold_is_no_value():
    field = UserGamification._meta.get_field("level")

    with pytest.raises(ValidationError):
        users.parse_value(field, 10**24)


def test_a_value_that_the_column_can_hold_is_read():
    field = UserGamification._meta.get_field("is_public")

    assert users.parse_value(field, "True") is True
