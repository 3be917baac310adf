"""The rows of a board: makes, empties, fills and finishes them, one process at a time.

Writers only add pending rows, so they never wait for a process that changes boards, nor
for each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.models import F

from gamification.domain.periods import Period, Window
from gamification.leaderboards.counting import changes, counted_keys, kept_keys
from gamification.leaderboards.groups import audience
from gamification.leaderboards.upkeep.closing import final_at
from gamification.leaderboards.upkeep.segments import divide, shift_counts
from gamification.leaderboards.values import Group, Key, Subject
from gamification.models import Board, BoardScore, write_alias
from gamification.models.users import convert_key
from gamification.services.unit_of_work import write_transaction

_FOREVER = Subject(Period(Window.ALL, None, None, ""))


@contextmanager
def lock_boards(*, waits: bool) -> Iterator[bool]:
    """Lock the boards in a transaction; yield whether that succeeded."""
    alias = write_alias()
    boards = Board.objects.filter(window=Window.ALL, grouping="")
    with write_transaction(alias):
        make_board(_FOREVER)
        if connections[alias].features.has_select_for_update:
            yield bool(boards.select_for_update(skip_locked=not waits).order_by())
        else:
            # The transaction has locked the whole database.
            yield True


def make_board(subject: Subject) -> Board:
    """Return the board of ``subject``; create it if there is none."""
    period, group = subject
    board, _ = Board.objects.get_or_create(
        grouping=group.grouping,
        group=group.key,
        window=period.window,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
    )
    return board


def subject_of(board: Board) -> Subject:
    """Return the subject of a stored board."""
    period = Period(Window(board.window), board.starts_at, board.ends_at, "")
    return Subject(period, Group(board.grouping, board.group))


def clear(board: Board) -> None:
    """Empty a board that is to be built."""
    BoardScore.objects.filter(board=board).delete()
    board.audience = audience(board.grouping)
    board.is_built, board.closed_at = False, None
    board.version += 1
    board.save(update_fields=["is_built", "audience", "closed_at", "version"])


def finish(board: Board) -> None:
    """Divide a board that has all its scores, and let readers read it."""
    divide(board)
    scores = BoardScore.objects.filter(board=board)
    board.is_built, board.building_until = True, None
    board.count = scores.count()
    board.version += 1
    board.save(update_fields=["is_built", "building_until", "count", "version"])


def count_users(board: Board, user_ids: Iterable[Any], now: datetime) -> None:
    """Bring the scores of these users up to date with the ledger.

    Records made after the board became final do not count.
    """
    users, until = [*user_ids], final_at(board, now)
    if not users:
        return
    kept = kept_keys(board.pk, users)
    gone, new = changes(kept, counted_keys(subject_of(board), users, until=until))
    if gone or new:
        _change(board, gone, new)


def _change(board: Board, gone: list[Key], new: list[Key]) -> None:
    alias = write_alias()
    scores = BoardScore.objects.all()
    leaving = [convert_key(key.user, alias) for key in gone]
    scores.filter(board=board, user__in=leaving).delete()
    scores.bulk_create(
        [
            BoardScore(
                board=board,
                user_id=convert_key(key.user, alias),
                debit=key.debit,
                reached=key.reached,
            )
            for key in new
        ],
        batch_size=2_000,
    )
    if board.is_built:
        shift_counts(board, gone, new)
        Board.objects.filter(pk=board.pk).update(
            count=F("count") + len(new) - len(gone), version=F("version") + 1
        )
