"""What comes later does not change a final board."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from gamification.leaderboards import get_leaderboard, tend_boards
from gamification.leaderboards.upkeep import closing
from gamification.services import record_activity, reverse_entry, set_visibility
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

#: A Sunday, 23:00; the week ends in an hour, and has settled two days later.
SUNDAY = datetime(2026, 6, 14, 23, tzinfo=UTC)
SETTLED = SUNDAY + timedelta(hours=50)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(SUNDAY, tick=False) as clock:
        tend_boards()
        yield clock


@pytest.fixture
def users():
    return UserFactory.create_batch(2)


def earns(user, amount, at=SUNDAY):
    return record_activity(
        user, "walk", quantity=amount // 10, occurred_at=at, historical=True
    ).entry


def read(**options):
    board = get_leaderboard("week", period="2026-W24", **options)
    assert board.state == "final"
    return board


def places(**options):
    return [(each.rank, each.user, each.score) for each in read(**options).entries]


def own_place(user, **options):
    me = read(viewer=user, **options).me
    return me and (me.rank, me.score)


def test_what_is_reversed_before_the_tick_but_too_late_still_counts(users, clock):
    entry = earns(users[0], 100)
    earns(users[1], 50)
    clock.move_to(SETTLED)
    reverse_entry(users[0], entry_id=entry.id)

    tend_boards()

    assert places() == [(1, users[0], 100), (2, users[1], 50)]


def test_a_late_reversal_does_not_move_the_time_of_a_score(users, clock):
    for user, hours in zip(users, (0, 1), strict=True):
        earns(user, 50, SUNDAY - timedelta(hours=9))
        entry = earns(user, 50, SUNDAY - timedelta(hours=hours))
        if user == users[0]:
            late = entry
    clock.move_to(SETTLED)
    reverse_entry(users[0], entry_id=late.id)

    tend_boards()

    assert places(ranking="ordinal") == [(1, users[1], 100), (2, users[0], 100)]
    assert read().entries[1].reached_at == SUNDAY


def test_a_late_reversal_does_not_move_who_is_beyond_the_kept(
    users, clock, monkeypatch
):
    monkeypatch.setattr(closing, "KEPT", 1)
    earns(users[0], 100)
    entry = earns(users[1], 50)
    clock.move_to(SETTLED)
    tend_boards()

    reverse_entry(users[1], entry_id=entry.id)
    tend_boards()

    assert own_place(users[1]) == (2, 50)


def test_a_late_reversal_changes_no_final_board_of_a_scope(users, clock, settings):
    settings.GAMIFICATION = {"LEADERBOARD_SCOPES": {"friends": lambda viewer: users}}
    earns(users[0], 100)
    entry = earns(users[1], 50)
    clock.move_to(SETTLED)
    tend_boards()

    reverse_entry(users[1], entry_id=entry.id)
    tend_boards()

    own = {"viewer": users[1], "scope": "friends"}
    assert places(**own) == [(1, users[0], 100), (2, users[1], 50)]


def hides_and_shows(user, clock):
    """Hide a user while the board is closed."""
    set_visibility(user, is_public=False)
    clock.move_to(SETTLED)
    tend_boards()
    set_visibility(user, is_public=True)
    tend_boards()


def test_who_shows_themselves_later_has_no_final_place(users, clock):
    earns(users[0], 100)
    earns(users[1], 50)

    hides_and_shows(users[0], clock)

    assert places(viewer=users[0]) == [(1, users[1], 50)]
    assert own_place(users[0]) is None


def test_around_who_shows_themselves_later_is_the_first_page(users, clock):
    hidden = UserFactory()
    for user, amount in zip((*users, hidden), (100, 90, 80), strict=True):
        earns(user, amount)

    hides_and_shows(hidden, clock)

    board = read(around=hidden, page_size=1)
    assert ([each.user for each in board.entries], board.me) == ([users[0]], None)


@pytest.mark.parametrize("score", [40, 10])
def test_beyond_the_kept_a_score_that_nobody_had_has_no_place(
    users, clock, monkeypatch, score
):
    monkeypatch.setattr(closing, "KEPT", 1)
    hidden = UserFactory()
    for user, amount in zip((*users, hidden), (100, 30, score), strict=True):
        earns(user, amount)

    hides_and_shows(hidden, clock)

    assert (own_place(hidden), own_place(users[1])) == (None, (2, 30))


@pytest.mark.parametrize("kept", [1, 1_000])
def test_who_shows_themselves_later_has_no_final_place_in_a_scope(
    users, clock, settings, monkeypatch, kept
):
    monkeypatch.setattr(closing, "KEPT", kept)
    hidden = UserFactory()
    everybody = [*users, hidden]
    settings.GAMIFICATION = {"LEADERBOARD_SCOPES": {"team": lambda viewer: everybody}}
    for user, amount in zip(everybody, (100, 50, 80), strict=True):
        earns(user, amount)

    hides_and_shows(hidden, clock)

    own = {"viewer": hidden, "scope": "team"}
    assert places(**own) == [(1, users[0], 100), (2, users[1], 50)]
    assert own_place(hidden, scope="team") is None
