from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import FieldDoesNotExist

from gamification.storage import boosts
from gamification.storage.boosts import memberships, read_groups

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh():
    memberships.cache_clear()
    yield
    memberships.cache_clear()


class Field:
    many_to_many = True

    def __init__(self, model: Any) -> None:
        self.remote_field = self
        self.model = model


def fake(monkeypatch, answer) -> None:
    """Let the site's user model have other groups."""

    def get_field(name: str) -> Any:
        if answer is None:
            raise FieldDoesNotExist
        return answer

    class Model:
        _meta = type("Options", (), {"get_field": staticmethod(get_field)})

    monkeypatch.setattr(boosts, "get_user_model", lambda: Model)


def test_users_without_groups_are_in_none(monkeypatch, user):
    fake(monkeypatch, None)

    assert memberships() is None
    assert read_groups("default", [user.pk], [1]) == {}


def test_groups_of_another_kind_are_not_djangos(monkeypatch):
    fake(monkeypatch, Field(get_user_model()))

    assert memberships() is None


def test_groups_are_read_for_all_users_at_once(user, staff):
    first, second = (Group.objects.create(name=name) for name in "ab")
    user.groups.add(first, second)
    staff.groups.add(second)

    found = read_groups("default", [user.pk, staff.pk], [first.pk, second.pk])

    assert found == {user.pk: {first.pk, second.pk}, staff.pk: {second.pk}}
