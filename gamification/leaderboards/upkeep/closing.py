"""Closes the boards of periods that are over, once.

A period settles for ``MAX_BACKDATE`` after its end, while late records may still
arrive. Then it is final: nothing that is recorded later changes its board.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db.models import Q

from gamification.conf import conf
from gamification.leaderboards.upkeep.segments import divide_by_score
from gamification.models import Board, BoardScore
from gamification.models.users import ordered_key

#: Keys that a closed board keeps.
KEPT: Final = 1_000


def final_at(board: Board, now: datetime) -> datetime | None:
    """Return when the board of a settled period became final; None if it is not yet.

    Later records do not count.
    """
    settled = settles_at(board.ends_at, board.reopened_at)
    return settled if settled and settled <= now else None


def settles_at(
    ends_at: datetime | None, reopened_at: datetime | None
) -> datetime | None:
    """Return when a period settles, even one that staff reopened; None for never."""
    if ends_at is None:
        return None
    return max(ends_at, reopened_at or ends_at) + conf.MAX_BACKDATE


def close(board: Board, until: datetime) -> None:
    """Make a board final whose scores are those as of ``until``."""
    divide_by_score(board)
    scores = BoardScore.objects.alias(user_in_order=ordered_key("user_id"))
    scores = scores.filter(board=board)
    ranked = scores.order_by("debit", "reached", "user_in_order")
    in_order = ranked.values_list("debit", "reached", "user_id")
    for debit, reached, user_id in in_order[KEPT - 1 : KEPT]:
        beyond = Q(debit=debit, reached=reached, user_in_order__gt=user_id)
        beyond |= Q(debit=debit, reached__gt=reached) | Q(debit__gt=debit)
        scores.filter(beyond).delete()
    board.closed_at = until
    board.version += 1
    board.save(update_fields=["closed_at", "version"])
