"""Boards of groups: users with the same value of a lookup."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.contrib.auth import get_user_model

from gamification.checks import check_settings
from gamification.exceptions import InvalidRequestError, UnknownScopeError
from gamification.leaderboards import (
    Group,
    Window,
    count_again,
    count_drifts,
    get_leaderboard,
    get_winners,
    rebuild_boards,
    reopen_board,
    tend_boards,
)
from gamification.leaderboards.groups import groups_of
from gamification.maintenance import reconcile
from gamification.models import Board
from gamification.services import record_activity
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock(settings):
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": {"family": "email"}}
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture(autouse=True, params=["ledger", "pending", "kept"])
def source(request, clock):
    """Let the ledger answer, boards that have not counted anything yet, or boards."""
    if request.param != "ledger":
        for name in ("lovelace", "hopper"):
            UserFactory(username=name, email=name)
        UserFactory(email="")
        rebuild_boards(grouping="family")
    return request.param


@pytest.fixture
def ask(source):
    def ask(viewer, window="week", **options):
        if source == "kept":
            tend_boards()
        return get_leaderboard(window, scope="family", viewer=viewer, **options)

    return ask


def family(name, *amounts):
    users = [UserFactory(email=name) for _ in amounts]
    for user, amount in zip(users, amounts, strict=True):
        record_activity(user, "walk", quantity=amount // 10)
    return users


def places(board):
    return {entry.user: (entry.rank, entry.score) for entry in board.entries}


def test_a_group_is_ranked_among_itself(ask):
    ada, bob = family("lovelace", 20, 30)
    [eve] = family("hopper", 90)

    board = ask(ada)

    assert places(board) == {bob: (1, 30), ada: (2, 20)}
    assert (board.count, board.me.gap_to_next) == (2, 10)
    assert places(ask(eve)) == {eve: (1, 90)}


def test_an_empty_value_is_no_group():
    family("lovelace", 20)
    family("", 30)

    names = {group.key for group in groups_of("family")}

    assert names - {"hopper"} == {"lovelace"}


def test_who_changes_groups_is_ranked_in_the_new_one(ask):
    ada, bob = family("lovelace", 20, 30)
    ask(ada)

    bob.email = "hopper"
    bob.save()

    assert places(ask(ada)) == {ada: (1, 20)}
    assert places(ask(bob)) == {bob: (1, 30)}


def test_a_site_tells_of_changes_that_the_app_cannot_notice(ask):
    ada, bob = family("lovelace", 20, 30)
    ask(ada)
    get_user_model().objects.filter(pk=bob.pk).update(email="hopper")

    count_again(bob)

    assert places(ask(ada)) == {ada: (1, 20)}


def test_groups_have_winners(ask, clock):
    ada, bob = family("lovelace", 20, 30)
    ask(ada)
    clock.move_to(datetime(2026, 6, 15, 12, tzinfo=UTC))

    winners = get_winners("week", scope="family", viewer=bob)

    assert [(each.user, each.rank) for each in winners.entries] == [(bob, 1), (ada, 2)]


def test_kept_boards_of_groups_add_up(ask):
    ada, *_ = family("lovelace", 20, 30)
    ask(ada)

    tend_boards()

    assert [*reconcile()] == count_drifts() == []


def test_boards_of_groups_open_with_each_period(ask, clock, source):
    ada, *_ = family("lovelace", 20)
    ask(ada)
    clock.move_to(datetime(2026, 6, 11, 12, tzinfo=UTC))

    tend_boards()

    days = Board.objects.filter(window="day", group="lovelace", is_built=True)
    assert days.count() == (0 if source == "ledger" else 2)


def test_a_group_may_have_its_board_opened_again(ask, clock, source):
    [ada] = family("lovelace", 20)
    ask(ada)
    clock.move_to(datetime(2026, 6, 20, 12, tzinfo=UTC))
    tend_boards()

    group = Group("family", "lovelace")
    reopen_board(Window.WEEK, "2026-W24", group=group, actor=ada)

    board = Board.objects.get(window="week", group="lovelace", starts_at__day=8)
    assert (board.closed_at, board.count) == (None, 1)


def test_a_board_that_is_not_kept_is_not_opened_again(source):
    group = Group("family", "x" * 101)

    with pytest.raises(InvalidRequestError, match="No board is kept for the group"):
        reopen_board(Window.WEEK, "2026-W22", group=group, actor=None)

    assert not Board.objects.exclude(reopened_at=None).exists()


def test_a_site_may_give_up_a_grouping(ask, settings):
    [ada] = family("lovelace", 20)
    ask(ada)

    settings.GAMIFICATION = {}
    tend_boards()

    with pytest.raises(UnknownScopeError):
        get_leaderboard("week", scope="family", viewer=ada)
    Board.objects.exclude(grouping="").delete()


def test_the_ledger_answers_for_a_value_that_no_board_can_store(ask):
    user = UserFactory(email="x" * 101)
    record_activity(user, "walk")

    boards = rebuild_boards(window=Window.WEEK, grouping="family")

    stored = Board.objects.filter(window=Window.WEEK, grouping="family")
    assert boards == len({*stored.values_list("group")})
    assert [entry.user for entry in ask(user).entries] == [user]
    assert not stored.filter(group=user.email).exists()


@pytest.mark.parametrize(
    "groups",
    [["family"], {"family": 7}, {1: "email"}, {"": "email"}, {"f" * 51: "email"}],
)
def test_a_grouping_is_a_lookup(settings, groups):
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": groups}

    assert [error.id for error in check_settings(None)] == ["gamification.E018"]


def test_a_grouping_is_a_lookup_of_users(settings):
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": {"team": "team__id"}}

    assert [error.id for error in check_settings(None)] == ["gamification.E018"]


@pytest.mark.parametrize("between", [{}, {"family": "username"}])
def test_boards_of_another_lookup_are_built_again(ask, settings, between):
    one, other = UserFactory.create_batch(2, email="lovelace")
    record_activity(one, "walk")
    ask(one)
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": between}
    record_activity(other, "walk")
    tend_boards()
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": {"family": "email"}}

    page = ask(one)

    assert {entry.user for entry in page.entries} == {one, other}
    assert [*reconcile()] == []
