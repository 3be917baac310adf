"""The users whom a page of a board shows."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db.models import CharField, F, QuerySet

from gamification.leaderboards import get_leaderboard, people, tend_boards
from gamification.services import record_activity
from tests.inspection import statements

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


class Selected(CharField):
    """A column that is read by a function of the database."""

    def select_format(self, compiler, sql, params):
        return f"upper({sql})", params


def columns_of(monkeypatch, own: list[Any], inherited: list[Any]) -> int:
    """Return the number of columns that are read of users with these fields."""

    class Member:
        _default_manager = get_user_model()._default_manager
        _meta = SimpleNamespace(
            concrete_fields=[*inherited, *own], local_concrete_fields=own
        )

    for field in (*own, *inherited):
        field.column = "name"
    monkeypatch.setattr(people, "get_user_model", lambda: Member)
    return len(people.user_columns())


def shows(monkeypatch, users: QuerySet[Any]) -> None:
    """Let the default manager of the site's users show these."""
    manager = get_user_model()._default_manager
    monkeypatch.setattr(type(manager), "get_queryset", lambda self: users.all())


def test_users_of_one_table_are_read_with_their_places(monkeypatch):
    assert columns_of(monkeypatch, [CharField(), CharField()], []) == 2


def test_django_reads_users_of_several_tables(monkeypatch):
    assert columns_of(monkeypatch, [CharField()], [CharField()]) == 0


def test_django_reads_users_with_a_column_that_takes_more_than_a_name(monkeypatch):
    assert columns_of(monkeypatch, [CharField(), Selected()], []) == 0


def test_a_user_of_a_board_is_as_django_reads_them(user):
    record_activity(user, "walk")
    tend_boards()

    [entry] = get_leaderboard("all").entries

    stored = get_user_model().objects.get()
    states = [vars(each).pop("_state") for each in (entry.user, stored)]
    assert [(each.db, each.adding) for each in states] == [("default", False)] * 2
    assert vars(entry.user) == vars(stored)


def test_what_the_sites_manager_adds_to_users_is_there(user, monkeypatch):
    record_activity(user, "walk")
    tend_boards()
    base = get_user_model()._base_manager

    shows(monkeypatch, base.annotate(nickname=F("username")))

    assert statements(lambda: get_leaderboard("all")) == 3
    [entry] = get_leaderboard("all").entries
    assert entry.user.nickname == user.username


def test_an_inactive_viewer_is_not_told_a_place(user):
    record_activity(user, "walk")
    tend_boards()
    type(user).objects.update(is_active=False)

    me = get_leaderboard("all", viewer=user).me

    type(user).objects.update(is_active=True)
    assert me is None
