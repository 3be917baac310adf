from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gamification.models import Board, BoardScore, BoardSegment, PendingScore
from tests.inspection import violates

pytestmark = pytest.mark.django_db

MONDAY = datetime(2026, 6, 8, tzinfo=UTC)
WEEK = {
    "window": "week",
    "starts_at": MONDAY,
    "ends_at": datetime(2026, 6, 15, tzinfo=UTC),
}


@pytest.fixture
def board():
    return Board.objects.create(**WEEK)


def test_a_period_has_one_board(board):
    assert violates("gamification_board_once", lambda: Board.objects.create(**WEEK))


def test_two_windows_may_begin_together(board):
    Board.objects.create(window="day", starts_at=MONDAY)

    assert Board.objects.count() == 2


def test_all_time_has_one_board():
    Board.objects.create(window="all")

    assert violates(
        "gamification_board_forever", lambda: Board.objects.create(window="all")
    )


def test_a_user_has_one_score_on_a_board(user, board):
    BoardScore.objects.create(board=board, user=user, debit=-10, reached=0)

    assert violates(
        "gamification_boardscore_once",
        lambda: BoardScore.objects.create(board=board, user=user, debit=-9, reached=0),
    )


def test_a_score_is_positive(user, board):
    assert violates(
        "gamification_boardscore_positive",
        lambda: BoardScore.objects.create(board=board, user=user, debit=0, reached=0),
    )


def test_rows_say_what_they_are(user, board):
    score = BoardScore(board=board, user=user, debit=-10, reached=0)
    segment = BoardSegment(board=board, debit=-20, count=7)

    texts = [*map(str, (board, Board(window="all"), score, segment))]

    assert texts == ["week · 2026-06-08", "all time", "10 XP", "7 × week · 2026-06-08"]
    assert str(PendingScore(user=user)) == f"user {user.pk}"
