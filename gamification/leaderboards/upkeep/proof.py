"""Compares kept boards with the ledger, and with their own numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from gamification.leaderboards.counting import counted_keys, kept_keys
from gamification.leaderboards.groups import by_present_rules
from gamification.leaderboards.upkeep.closing import final_at
from gamification.leaderboards.upkeep.rows import subject_of
from gamification.leaderboards.upkeep.segments import wrong_counts
from gamification.leaderboards.values import Key
from gamification.models import Board, BoardScore, PendingScore, write_alias
from gamification.models.users import convert_key
from gamification.services.unit_of_work import naming_errors


class ScoreDrift(NamedTuple):
    """A kept score that differs from the ledger."""

    user_id: Any
    board: Board
    kept: Key | None
    counted: Key | None


def score_drifts(user_ids: Sequence[Any]) -> Iterator[ScoreDrift]:
    """Yield the kept scores that differ from the ledger and are not pending."""
    alias = write_alias()
    for board in _boards():
        kept = kept_keys(board.pk, user_ids)
        until = final_at(board, timezone.now())
        counted = counted_keys(subject_of(board), user_ids, until=until)
        differ = {
            convert_key(user, alias): (kept.get(user), counted.get(user))
            for user in kept.keys() | counted.keys()
            if kept.get(user) != counted.get(user)
        }
        for user_id in differ.keys() - _pending(differ):
            yield ScoreDrift(user_id, board, *differ[user_id])


def _pending(user_ids: Collection[Any]) -> set[Any]:
    """Return those of the users who wait to be counted again."""
    due = Q(due_at=None) | Q(due_at__lte=timezone.now())
    rows = PendingScore.objects.filter(due, user__in=user_ids)
    return set(rows.values_list("user_id", flat=True))


@naming_errors
def count_drifts() -> list[str]:
    """Return a sentence for each wrong number or missing segment of a built board.

    Raises ``StorageError``.
    """
    with transaction.atomic(using=write_alias()):
        return [drift for board in _boards() for drift in _count_drifts(board)]


def _count_drifts(board: Board) -> Iterator[str]:
    scores = BoardScore.objects.filter(board=board).count()
    if board.count != scores:
        yield f"{board} counts {board.count} scores, but has {scores}."
    yield from (f"{board} {wrong}" for wrong in wrong_counts(board))


def has_boards() -> bool:
    """Say whether there are boards that follow the ledger."""
    return bool(_boards())


def _boards() -> list[Board]:
    """Return the boards that follow the ledger."""
    boards = Board.objects.filter(is_built=True, closed_at=None)
    return [*boards.filter(by_present_rules()).order_by("id")]
