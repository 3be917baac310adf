"""Closes the boards of periods that are over, once.

A period settles for ``MAX_BACKDATE`` after its end, while late records may still
arrive. Then it is final: nothing that is recorded later changes its board.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db.models import Q

from gamification.conf import conf
from gamification.leaderboards.segments import divide_by_score
from gamification.models import Board, BoardScore, LedgerEntry, write_alias

#: Keys that a closed board keeps.
KEPT: Final = 1_000


def settled_at(board: Board) -> datetime:
    """Return when the board of an ended period becomes final."""
    instants = [at for at in (board.ends_at, board.reopened_at) if at is not None]
    return max(instants) + conf.MAX_BACKDATE


def late_users(board: Board, until: datetime) -> list[Any]:
    """Return users with entries in the period that were recorded after ``until``."""
    entries = LedgerEntry.objects.using(write_alias()).filter(
        recorded_at__gt=until,
        occurred_at__gte=board.starts_at,
        occurred_at__lt=board.ends_at,
    )
    return [*entries.order_by().values_list("user_id", flat=True).distinct()]


def close(board: Board, until: datetime) -> None:
    """Make a board final that has all scores as of ``until``."""
    divide_by_score(board)
    scores = BoardScore.objects.using(write_alias()).filter(board=board)
    columns = ("debit", "reached", "user_id")
    in_order = scores.order_by(*columns).values_list(*columns)
    for debit, reached, user_id in in_order[KEPT - 1 : KEPT]:
        beyond = Q(debit=debit, reached=reached, user_id__gt=user_id)
        beyond |= Q(debit=debit, reached__gt=reached) | Q(debit__gt=debit)
        scores.filter(beyond).delete()
    board.closed_at = until
    board.version += 1
    board.save(update_fields=["closed_at", "version"])
