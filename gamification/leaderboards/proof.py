"""Compares kept boards with the ledger, and with their own numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db.models import QuerySet

from gamification.conf import conf
from gamification.leaderboards.counting import counted_keys, kept_keys
from gamification.leaderboards.segments import wrong_counts
from gamification.leaderboards.upkeep import period_of
from gamification.leaderboards.values import Key
from gamification.models import Board, BoardScore, PendingScore


class ScoreDrift(NamedTuple):
    """A kept score that differs from the ledger."""

    user_id: Any
    board: Board
    kept: Key | None
    counted: Key | None


def score_drifts(user_ids: Sequence[Any], alias: str) -> Iterator[ScoreDrift]:
    """Yield the kept scores that differ from the ledger and are not pending."""
    for board in _boards(alias):
        kept = kept_keys(board.pk, user_ids, alias)
        counted = counted_keys(period_of(board), user_ids, alias)
        pending = PendingScore.objects.using(alias).filter(user__in=user_ids)
        waiting = {*pending.values_list("user_id", flat=True)}
        for user_id in (kept.keys() | counted.keys()) - waiting:
            if kept.get(user_id) != counted.get(user_id):
                yield ScoreDrift(
                    user_id, board, kept.get(user_id), counted.get(user_id)
                )


def count_drifts(alias: str) -> Iterator[str]:
    """Yield a sentence for each number of a built board that is not right."""
    for board in _boards(alias):
        scores = BoardScore.objects.using(alias).filter(board=board).count()
        if board.count != scores:
            yield f"{board} counts {board.count} scores, and has {scores}."
        for begin, count, right in wrong_counts(board):
            yield f"{board} counts {count} scores from {begin}, and has {right}."


def _boards(alias: str) -> QuerySet[Board]:
    """Return the boards that follow the ledger."""
    boards = Board.objects.using(alias).filter(is_built=True, closed_at=None)
    return boards.filter(ranks_staff=conf.RANKS_STAFF).order_by("id")
