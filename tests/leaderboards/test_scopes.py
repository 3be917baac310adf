"""Users compare themselves with a few others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser

from gamification.checks import check_settings
from gamification.exceptions import UnknownScopeError
from gamification.leaderboards import Ranking, get_leaderboard, scopes, tend_boards
from gamification.models import UserGamification
from gamification.services import record_activity, set_visibility
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


def club_of(viewer):
    """Return the members of the viewer's club; nobody else has one."""
    members = UserGamification.objects.filter(user__username__startswith="club")
    is_member = viewer.username.startswith("club")
    return [member.user for member in members] if is_member else None


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture(params=["ledger", "pending", "kept", "final"])
def members(request, settings, clock):
    """Members of a club who earned 30, 20, 20 and 10 XP, among others."""
    settings.GAMIFICATION = {
        "LEADERBOARD_SCOPES": {"club": f"{__name__}.club_of", "other": club_of}
    }
    if request.param != "ledger":
        tend_boards()
    members = [UserFactory(username=f"club{number}") for number in range(4)]
    record_activity(UserFactory(), "walk", quantity=9)
    for second, (user, quantity) in enumerate(zip(members, [3, 2, 2, 1], strict=True)):
        at = NOW - timedelta(minutes=1) + timedelta(seconds=second)
        record_activity(user, "walk", quantity=quantity, occurred_at=at)
    if request.param in {"kept", "final"}:
        tend_boards()
    if request.param == "final":
        clock.shift(timedelta(days=4))
        tend_boards()
    return members


def day(scope="club", **options):
    return get_leaderboard("day", scope=scope, period="2026-06-10", **options)


@pytest.mark.parametrize(
    ("ranking", "expected"),
    [
        (Ranking.COMPETITION, [1, 2, 2, 4]),
        (Ranking.DENSE, [1, 2, 2, 3]),
        (Ranking.ORDINAL, [1, 2, 3, 4]),
    ],
)
def test_a_scope_ranks_its_users_among_themselves(members, ranking, expected):
    board = day(viewer=members[3], ranking=ranking)

    assert [entry.user for entry in board.entries] == members
    assert [entry.rank for entry in board.entries] == expected
    assert (board.count, board.me.gap_to_next) == (4, 10)


@pytest.mark.parametrize("ranking", Ranking)
def test_a_page_of_a_scope_goes_on_where_the_last_one_ended(members, ranking):
    whole = day(viewer=members[0], ranking=ranking)

    page = day(viewer=members[0], ranking=ranking, page=2, page_size=2)

    assert page.entries == whole.entries[2:]


def test_a_scope_may_be_read_around_its_viewer(members):
    board = day("other", around=members[2], page_size=2)

    assert [entry.user for entry in board.entries] == members[1:3]


def test_the_viewer_of_a_scope_may_be_given_by_a_key(members):
    board = day(viewer=members[0].pk)

    assert board.me.user == members[0]
    with pytest.raises(UnknownScopeError):
        day(viewer=AnonymousUser())


def test_a_scope_goes_on_behind_a_cursor(members):
    first = day(viewer=members[0], page_size=2)

    rest = day(viewer=members[0], after=first.cursor)

    assert [entry.user for entry in rest.entries] == members[2:]


def test_a_hidden_member_is_not_listed(members):
    set_visibility(members[0], is_public=False)

    board = day(viewer=members[1])

    assert [entry.user for entry in board.entries] == members[1:]
    assert day(viewer=members[0]).me is None


def test_who_is_outside_finds_nothing(members, user):
    for scope, viewer in [("club", user), ("none", members[0]), ("club", None)]:
        with pytest.raises(UnknownScopeError):
            day(scope, viewer=viewer)


def test_a_scope_needs_a_viewer(members):
    message = "The scope 'club' depends on who looks: pass a viewer."

    with pytest.raises(UnknownScopeError, match=f"^{message}$"):
        day("club", viewer=None)


def test_a_scope_has_bounds(members, monkeypatch):
    monkeypatch.setattr(scopes, "MOST_USERS", 3)

    with pytest.raises(ValueError, match=r"^The scope 'club' has more than 3 users"):
        day(viewer=members[0])


@pytest.mark.parametrize(
    "value",
    [
        {"club": "nowhere.at_all"},
        {"club": "..clubs.club_of"},
        {"club": 7},
        {1: club_of},
        ["club"],
    ],
    ids=["nowhere", "relative", "number", "no name", "list"],
)
def test_a_scope_is_a_callable(settings, value):
    settings.GAMIFICATION = {"LEADERBOARD_SCOPES": value}

    assert [error.id for error in check_settings(None)] == ["gamification.E017"]
