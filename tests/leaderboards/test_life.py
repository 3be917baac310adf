"""Boards of periods open, settle, and become final."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from gamification.exceptions import InvalidPeriodError, InvalidRequestError
from gamification.leaderboards import (
    PeriodState,
    Ranking,
    Window,
    get_leaderboard,
    get_winners,
    rebuild_boards,
    reopen_board,
    tend_boards,
)
from gamification.leaderboards.kept import final as final_board
from gamification.leaderboards.upkeep import closing
from gamification.models import Board
from gamification.services import record_activity, reverse_entry, set_visibility
from tests.factories import UserFactory
from tests.inspection import statements

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

#: A Sunday, 23:00; the week ends in an hour.
SUNDAY = datetime(2026, 6, 14, 23, tzinfo=UTC)
LAST_WEEK = "2026-W24"


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(SUNDAY, tick=False) as clock:
        tend_boards()
        yield clock


def earns(user, amount, at=SUNDAY):
    return record_activity(
        user, "walk", quantity=amount // 10, occurred_at=at, historical=True
    ).entry


def scorers(*amounts):
    users = UserFactory.create_batch(len(amounts))
    for second, (user, amount) in enumerate(zip(users, amounts, strict=True)):
        earns(user, amount, SUNDAY + timedelta(seconds=second))
    return users


def places(**options):
    board = get_leaderboard("week", period=LAST_WEEK, **options)
    return {entry.user: (entry.rank, entry.score) for entry in board.entries}


def rows():
    boards = Board.objects.filter(window="week").order_by("starts_at")
    return [
        (
            board.starts_at,
            board.closed_at,
            board.count,
            [*board.scores.order_by("debit", "reached").values_list("debit", "user")],
            [*board.segments.order_by("debit").values_list("debit", "count")],
        )
        for board in boards
    ]


def test_a_record_that_is_sent_on_monday_counts_to_last_week(user, clock):
    clock.shift(timedelta(hours=10))

    earns(user, 10, SUNDAY)

    assert places() == {user: (1, 10)}
    assert get_leaderboard("week").count == 0


def test_a_period_is_open_then_provisional_then_final(user, clock):
    earns(user, 10)
    states = []
    for hours in (0, 1, 48, 49):
        clock.move_to(SUNDAY + timedelta(hours=hours))
        tend_boards()
        states.append(get_leaderboard("week", period=LAST_WEEK).state)

    assert states == [
        PeriodState.OPEN,
        PeriodState.SETTLING,
        PeriodState.SETTLING,
        PeriodState.FINAL,
    ]
    assert get_leaderboard("all").state is PeriodState.OPEN


def test_a_period_is_provisional_until_it_has_settled_also_without_a_tick(user, clock):
    earns(user, 10)
    answers = []
    for hours in (0, 1, 48, 49):
        clock.move_to(SUNDAY + timedelta(hours=hours))
        board = get_leaderboard("week", period=LAST_WEEK)
        answers.append(board.is_provisional)

    assert answers == [False, True, True, False]
    assert get_leaderboard("all").is_provisional is False


def test_a_period_becomes_final_if_who_is_ranked_changes_meanwhile(
    user, clock, settings
):
    earns(user, 10)
    clock.move_to(SUNDAY + timedelta(hours=5))
    tend_boards()
    settings.GAMIFICATION = {"RANKS_STAFF": True}
    tend_boards()
    clock.move_to(SUNDAY + timedelta(hours=60))
    tend_boards()

    earns(user, 100)

    board = get_leaderboard("week", period=LAST_WEEK)
    assert (board.state, board.entries[0].score) == (PeriodState.FINAL, 10)


def interrupt(users):
    raise KeyboardInterrupt


def test_a_period_becomes_final_if_building_its_board_was_interrupted(user, clock):
    earns(user, 10)
    with pytest.raises(KeyboardInterrupt):
        rebuild_boards(window=Window.WEEK, progress=interrupt)
    clock.move_to(SUNDAY + timedelta(hours=49))

    tend_boards()

    assert get_leaderboard("week", period=LAST_WEEK).state is PeriodState.FINAL
    assert places() == {user: (1, 10)}


@pytest.fixture
def final(clock):
    """Users of a week that has become final, with 100, 90, 90, 80 XP."""
    users = scorers(100, 90, 90, 80)
    clock.shift(timedelta(hours=49))
    tend_boards()
    return users


def test_a_final_board_ranks_as_before(final):
    ranks = [rank for rank, _ in places().values()]

    assert ([*places()], ranks) == (final, [1, 2, 2, 4])
    dense = get_leaderboard("week", period=LAST_WEEK, ranking=Ranking.DENSE)
    assert [entry.rank for entry in dense.entries] == [1, 2, 2, 3]


def test_what_is_recorded_later_changes_no_final_board(final):
    earns(final[3], 50, SUNDAY)
    tend_boards()

    assert places()[final[3]] == (4, 80)
    assert get_leaderboard("all").entries[0].user == final[3]


def test_what_was_recorded_before_the_tick_but_too_late_does_not_count(clock):
    ada, bob = scorers(20, 10)
    clock.shift(timedelta(days=3))
    earns(bob, 50, SUNDAY)

    tend_boards()

    assert places() == {ada: (1, 20), bob: (2, 10)}


def test_a_final_board_keeps_the_first_and_the_number_of_all_scores(clock, monkeypatch):
    monkeypatch.setattr(closing, "KEPT", 2)
    users = scorers(100, 90, 90, 80)
    clock.shift(timedelta(hours=49))
    tend_boards()

    board = get_leaderboard("week", period=LAST_WEEK, viewer=users[2])

    assert [entry.user for entry in board.entries] == users[:2]
    assert (board.count, board.me.rank, board.me.score) == (4, 2, 90)


@pytest.mark.parametrize(
    ("ranking", "expected"), [("competition", 4), ("dense", 3), ("ordinal", 4)]
)
def test_the_final_rank_of_everybody_is_known(clock, monkeypatch, ranking, expected):
    monkeypatch.setattr(closing, "KEPT", 2)
    users = scorers(100, 90, 90, 80)
    clock.shift(timedelta(hours=49))
    tend_boards()

    own = {"ranking": ranking, "viewer": users[3]}
    board = get_leaderboard("week", period=LAST_WEEK, **own)

    assert (board.me.rank, board.me.score, board.me.gap_to_next) == (expected, 80, None)


def test_a_final_board_is_shown_around_a_user(final):
    board = get_leaderboard("week", period=LAST_WEEK, around=final[2], page_size=2)

    assert [entry.user for entry in board.entries] == final[1:3]
    assert (board.offset, board.me.rank, board.me.gap_to_next) == (1, 2, 0)


def test_a_final_board_goes_on_behind_a_cursor(final):
    first = get_leaderboard("week", period=LAST_WEEK, page_size=2)

    rest = get_leaderboard("week", period=LAST_WEEK, after=first.cursor)

    assert [(each.user, each.rank) for each in rest.entries] == [
        (final[2], 2),
        (final[3], 4),
    ]


def test_the_ledger_answers_for_a_board_that_is_just_opened_again(final, monkeypatch):
    monkeypatch.setattr(final_board, "read_slices", lambda header, wishes: None)

    assert places()[final[3]] == (4, 80)


def test_who_was_not_ranked_has_no_final_rank(final, user):
    assert get_leaderboard("week", period=LAST_WEEK, viewer=user).me is None


def test_who_hides_later_is_not_shown_on_a_final_board(final):
    set_visibility(final[1], is_public=False)

    assert places() == {final[0]: (1, 100), final[2]: (2, 90), final[3]: (4, 80)}


def test_ticking_twice_changes_nothing(final):
    before = rows()

    tend_boards()

    assert rows() == before


def test_a_tick_that_is_skipped_for_three_weeks_makes_the_same_rows(clock):
    users, days = UserFactory.create_batch(2), range(1, 22)
    for each in days:
        clock.move_to(SUNDAY + timedelta(days=each))
        earns(users[each % 2], 10 * each, SUNDAY + timedelta(days=each))
    tend_boards()
    skipped = rows()
    Board.objects.exclude(starts_at=datetime(2026, 6, 8, tzinfo=UTC)).delete()

    for each in days:
        clock.move_to(SUNDAY + timedelta(days=each))
        tend_boards()

    assert rows() == skipped
    assert [closed is not None for _, closed, *_ in skipped] == [True] * 3 + [False]


def test_winners_are_the_first_three_with_all_who_share_their_places(clock):
    users = scorers(100, 90, 80, 80, 70)
    clock.shift(timedelta(hours=10))

    winners = get_winners("week")

    assert [(each.user, each.rank) for each in winners.entries] == [
        (users[0], 1),
        (users[1], 2),
        (users[2], 3),
        (users[3], 3),
    ]
    assert (winners.period.name, winners.state) == (LAST_WEEK, PeriodState.SETTLING)
    assert get_winners("week", period=LAST_WEEK) == winners
    assert get_winners(Window.ALL).entries[0].user == users[0]


def test_a_hundred_may_share_a_place(clock, monkeypatch):
    monkeypatch.setattr("gamification.leaderboards.reading.MAX_PAGE_SIZE", 2)
    scorers(10, 10, 10)

    assert len(get_winners("week", period=LAST_WEEK).entries) == 3


def test_staff_open_a_period_again(final, clock, caplog):
    caplog.set_level("INFO")
    earns(final[3], 50, SUNDAY)

    reopen_board(Window.WEEK, LAST_WEEK, actor=None)
    tend_boards()

    assert places()[final[3]] == (1, 130)
    assert caplog.messages == [
        f"Leaderboard week {LAST_WEEK}: opened again by user None."
    ]
    clock.shift(timedelta(hours=48))
    tend_boards()
    closed = Board.objects.exclude(closed_at=None).get(window="week")
    assert closed.closed_at == SUNDAY + timedelta(hours=97)


@pytest.mark.parametrize(("window", "period"), [("day", "2999-01-01"), ("all", "all")])
def test_only_a_period_that_is_over_is_opened_again(final, window, period):
    message = f"The period {period} is not over: its board is open."

    with pytest.raises(InvalidPeriodError, match=message):
        reopen_board(Window(window), period, actor=None)

    assert not Board.objects.exclude(reopened_at=None).exists()


def test_a_period_that_staff_opened_again_is_provisional_again(final, clock):
    answers = [get_leaderboard("week", period=LAST_WEEK).is_provisional]

    reopen_board(Window.WEEK, LAST_WEEK, actor=None)
    for hours in (0, 48):
        clock.shift(timedelta(hours=hours))
        answers.append(get_leaderboard("week", period=LAST_WEEK).is_provisional)

    assert answers == [False, True, False]


def test_a_period_that_staff_opened_again_is_read_like_any_other(final, clock):
    reopen_board(Window.WEEK, LAST_WEEK, actor=None)
    tend_boards()

    assert statements(places) == 2


@pytest.mark.parametrize("name", ["2026-W54", "2026-24", "W24", "0000-W01", 7, ""])
def test_a_week_is_named_by_year_and_number(name):
    message = r" is not a period of the window week, such as 20\d\d-W\d\d\.$"
    with pytest.raises(InvalidRequestError, match=message) as refusal:
        get_leaderboard("week", period=name)

    assert refusal.value.context == {"field": "period"}


def test_a_reversal_moves_its_user_and_nobody_else():
    first, second, third, last = scorers(100, 70, 90, 80)
    entry = earns(second, 20, SUNDAY - timedelta(hours=1))
    before = get_leaderboard("week")
    tend_boards()

    reverse_entry(second, entry_id=entry.id)

    after = get_leaderboard("week")
    assert [entry.rank for entry in before.entries] == [1, 2, 2, 4]
    assert [entry.rank for entry in after.entries] == [1, 2, 3, 4]
    assert [entry.user for entry in after.entries] == [first, third, last, second]
    assert after.entries[1].reached_at == SUNDAY + timedelta(seconds=2)
