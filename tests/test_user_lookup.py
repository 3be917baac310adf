from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.http import Http404

from gamification.services import record_activity, set_visibility
from gamification.user_lookup import find_visible_user, public_name
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_achievements", "activity"),
]


@pytest.fixture
def keyed(settings) -> None:
    """Name users by their primary keys."""
    settings.GAMIFICATION = {"PUBLIC_USER_FIELD": get_user_model()._meta.pk.name}


@pytest.fixture
def ann(user):
    """Another user than the viewer, who did something."""
    ann = UserFactory(username="ann", email="ann@example.org")
    record_activity(ann, "walk")
    return ann


def is_found(name: str, viewer) -> bool:
    try:
        find_visible_user(name, viewer)
    except Http404:
        return False
    return True


def test_a_user_is_called_by_the_user_name(user, ann):
    assert public_name(ann) == "ann"
    assert find_visible_user("ann", user) == ann


@pytest.mark.parametrize("name", ["", "Ann", "ann ", " ann", "ann\0", "\ud800", "bob"])
def test_nobody_is_called_by_anything_else(user, ann, name):
    assert not is_found(name, user)


def test_the_key_names_users_where_their_names_are_addresses_of_mail(
    user, ann, monkeypatch
):
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "email")

    assert public_name(ann) == str(ann.pk)
    assert find_visible_user(str(ann.pk), user) == ann
    assert not is_found("ann@example.org", user)


def test_a_user_has_one_key(keyed, user, ann):
    assert is_found(str(ann.pk), user)
    for other in (f" {ann.pk}", f"{ann.pk}\n", f"0{ann.pk}", f"+{ann.pk}"):
        assert not is_found(other, user)


@pytest.mark.parametrize(
    "key",
    ["0", "-1", "1.0", "1e3", "true", "1_0", "x", str(2**31), str(2**63), "9" * 5_000],
)
def test_nobody_has_such_a_key(keyed, user, key):
    assert not is_found(key, user)


def test_users_see_themselves(user):
    set_visibility(user, is_public=False)

    assert find_visible_user(user.get_username(), user) == user


def test_who_hides_is_not_seen(user, ann):
    set_visibility(ann, is_public=False)

    assert not is_found("ann", user)


@pytest.mark.parametrize("fields", [{"is_active": False}, {"is_staff": True}])
def test_who_is_not_ranked_is_not_seen(user, ann, fields):
    get_user_model().objects.filter(pk=ann.pk).update(**fields)

    assert not is_found("ann", user)


def test_who_did_nothing_is_not_seen(user):
    UserFactory(username="bob")

    assert not is_found("bob", user)
