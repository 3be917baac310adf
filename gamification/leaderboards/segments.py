"""Divides boards into segments of known size, and keeps these sizes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db.models import Count

from gamification.leaderboards.values import Key
from gamification.models import Board, BoardScore, BoardSegment, write_alias
from gamification.models.users import convert_key, prepare_key

#: Scores in a new segment; one with more than twice as many is divided.
SIZE: Final = 2_000

_COLUMNS: Final = ("debit", "reached", "user_id")

#: Where the first segment begins: before every score.
BEGINNING: Final = Key(-(2**63), 0, None)


def divide(board: Board) -> None:
    """Divide the whole board."""
    segments = BoardSegment.objects.using(write_alias())
    segments.filter(board=board).delete()
    segments.bulk_create(_segments(board, BEGINNING, _keys(board)))


def divide_by_score(board: Board) -> None:
    """Give a board that is to be closed one segment for each score."""
    scores = BoardScore.objects.using(write_alias()).filter(board=board)
    counts = scores.order_by("debit").values_list("debit").annotate(n=Count("pk"))
    segments = BoardSegment.objects.using(write_alias())
    segments.filter(board=board).delete()
    segments.bulk_create(
        BoardSegment(board=board, debit=debit, count=count) for debit, count in counts
    )


def wrong_counts(board: Board) -> Iterator[tuple[Key, int, int]]:
    """Yield the segments whose count is wrong: its beginning, its count, the right one.

    It reads all scores of the board.
    """
    segments = BoardSegment.objects.using(write_alias()).filter(board=board)
    rows = [*segments.order_by(*_COLUMNS).values_list(*_COLUMNS, "count")]
    begins = [_key(*place) for *place, _ in rows]
    counts = Counter(bisect_right(begins, key) - 1 for key in _keys(board))
    for index, (*_, count) in enumerate(rows):
        if count != counts[index]:
            yield begins[index], count, counts[index]


def shift_counts(board: Board, gone: Iterable[Key], new: Iterable[Key]) -> None:
    """Take keys that are gone from the counts of their segments, and add new ones."""
    segments = BoardSegment.objects.using(write_alias()).filter(board=board)
    rows = [
        (_key(*place), pk, count)
        for *place, pk, count in segments.order_by(*_COLUMNS).values_list(
            *_COLUMNS, "pk", "count"
        )
    ]
    begins = [key for key, *_ in rows]
    shift = Counter(bisect_right(begins, key) - 1 for key in new)
    shift.subtract(bisect_right(begins, key) - 1 for key in gone)
    changed = []
    for index, change in shift.items():
        begin, pk, count = rows[index]
        if count + change > 2 * SIZE:
            _split(board, pk, begin, begins[index + 1 : index + 2])
        elif change:
            changed.append(BoardSegment(pk=pk, count=count + change))
    segments.bulk_update(changed, ["count"], batch_size=500)


def _split(board: Board, pk: int, begin: Key, following: list[Key]) -> None:
    """Replace a segment by several that have its scores."""
    within: dict[str, int] = {"debit__gte": begin.debit}
    for end in following:
        within["debit__lte"] = end.debit
        if begin.debit == end.debit:
            within |= {"reached__gte": begin.reached, "reached__lte": end.reached}
    keys = [
        key
        for key in _keys(board, **within)
        if key >= begin and (not following or key < following[0])
    ]
    segments = BoardSegment.objects.using(write_alias())
    segments.filter(pk=pk).delete()
    segments.bulk_create(_segments(board, begin, keys))


def _segments(board: Board, begin: Key, keys: Iterable[Key]) -> Iterator[BoardSegment]:
    """Yield the segments for ``keys``, of which the first begins at ``begin``."""
    count, first = 0, begin
    for key in keys:
        if count == SIZE:
            yield _segment(board, first, count)
            count, first = 0, key
        count += 1
    yield _segment(board, first, count)


def _segment(board: Board, begin: Key, count: int) -> BoardSegment:
    debit, reached, user = begin
    user_id = None if user is None else convert_key(user, write_alias())
    return BoardSegment(
        board=board, debit=debit, reached=reached, user_id=user_id, count=count
    )


def _keys(board: Board, **within: int) -> Iterator[Key]:
    """Yield the board's keys in order, or those of a part of it."""
    scores = BoardScore.objects.using(write_alias()).filter(board=board, **within)
    rows = scores.order_by(*_COLUMNS).values_list(*_COLUMNS)
    for row in rows.iterator(chunk_size=SIZE):
        yield _key(*row)


def _key(debit: int, reached: int, user_id: Any) -> Key:
    # Only the first segment of a board has no user.
    user = None if user_id is None else prepare_key(user_id, write_alias())
    return Key(debit, reached, user)
