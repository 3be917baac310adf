from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.http import Http404

from gamification.api.user_lookup import find_user, find_users, public_name
from gamification.staff import public_users
from tests.factories import UserFactory
from tests.inspection import hide

pytestmark = pytest.mark.django_db


@pytest.fixture
def keyed(settings) -> None:
    """Name users by their primary keys."""
    settings.GAMIFICATION = {"PUBLIC_USER_FIELD": get_user_model()._meta.pk.name}


def is_found(name: str, **conditions) -> bool:
    try:
        find_user(name, **conditions)
    except Http404:
        return False
    return True


def test_a_user_is_called_by_the_user_name():
    user = UserFactory(username="ann.b@example")

    assert public_name(user) == "ann.b@example"
    assert find_user("ann.b@example") == user


@pytest.mark.parametrize("name", ["", "Ann", "ann ", " ann", "ann\0", "\ud800", "bob"])
def test_nobody_is_called_by_anything_else(name):
    UserFactory(username="ann")

    assert not is_found(name)


def test_the_key_names_users_where_their_names_are_addresses_of_mail(monkeypatch):
    user = UserFactory(email="ann@example.org")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")

    assert public_name(user) == str(user.pk)
    assert find_user(str(user.pk)) == user
    assert not is_found("ann@example.org")


def test_a_site_may_name_users_by_mail_all_the_same(settings):
    user = UserFactory(email="ann@example.org")
    settings.GAMIFICATION = {"PUBLIC_USER_FIELD": "email"}

    assert find_user(public_name(user)) == user


def test_a_user_whom_the_site_hides_is_found(user, monkeypatch):
    hide(monkeypatch, user)

    assert find_user(public_name(user)) == user
    assert not is_found(public_name(user), gamification__in=public_users())


def test_a_user_has_one_key(keyed, user):
    assert find_user(str(user.pk)) == user
    for other in (f" {user.pk}", f"{user.pk}\n", f"0{user.pk}", f"+{user.pk}"):
        assert not is_found(other)


def test_a_key_in_the_digits_of_another_script_is_none(keyed, user):
    fullwidth = str.maketrans("0123456789", "０１２３４５６７８９")

    assert not is_found(str(user.pk).translate(fullwidth))


@pytest.mark.parametrize(
    "key",
    ["0", "-1", "1.0", "1e3", "true", "1_0", "x", str(2**31), str(2**63), "9" * 24],
)
def test_nobody_has_such_a_key(keyed, key):
    assert not is_found(key)


def test_a_key_of_5000_digits_is_nobody_s(keyed):
    assert not is_found("9" * 5_000)


def test_a_user_must_meet_the_conditions(user):
    assert is_found(user.username, is_active=True)
    assert not is_found(user.username, is_active=False)


def test_many_users_are_found_in_one_query(django_assert_num_queries):
    users = [UserFactory() for _ in range(3)]
    names = [user.username for user in users]

    # The users.
    with django_assert_num_queries(1):
        found = find_users([*names, names[0], "nobody", "\0"])

    assert found == dict(zip(names, users, strict=True))


def test_nobody_is_looked_for_where_no_name_can_be_one(
    keyed, django_assert_num_queries
):
    with django_assert_num_queries(0):
        assert find_users(["x", "9" * 24]) == {}
