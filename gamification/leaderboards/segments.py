"""Divides boards into segments of known size, and keeps these sizes."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db.models import Count, QuerySet

from gamification.leaderboards.values import Key
from gamification.models import Board, BoardScore, BoardSegment, write_alias
from gamification.models.users import convert_key, prepare_key

#: Scores in a new narrow segment; one with more than twice as many is divided.
SIZE: Final = 1_000
#: Narrow segments in a wide one.
SPAN: Final = 70

_COLUMNS: Final = ("debit", "reached", "user_id")

#: Where the first segment begins: before every score.
BEGINNING: Final = Key(-(2**63), 0, None)


class _Row(NamedTuple):
    """A stored segment."""

    begin: Key
    pk: int
    scores: int


def divide(board: Board) -> None:
    """Divide the whole board."""
    _rows_of(board).delete()
    segments = BoardSegment.objects.using(write_alias())
    segments.bulk_create(_segments(board, BEGINNING, _keys(board)))
    _widen(board)


def divide_by_score(board: Board) -> None:
    """Give a board that is to be closed one segment for each score."""
    scores = BoardScore.objects.using(write_alias()).filter(board=board)
    counts = scores.order_by("debit").values_list("debit").annotate(n=Count("pk"))
    _rows_of(board).delete()
    BoardSegment.objects.using(write_alias()).bulk_create(
        BoardSegment(board=board, debit=debit, count=count) for debit, count in counts
    )


def wrong_counts(board: Board) -> Iterator[tuple[Key, int, int]]:
    """Yield the segments whose count is wrong: its beginning, its count, the right one.

    It reads all scores of the board.
    """
    levels = [_stored(board, is_wide=is_wide) for is_wide in (False, True)]
    begins = [[row.begin for row in rows] for rows in levels]
    counts: list[Counter[int]] = [Counter() for _ in levels]
    for key in _keys(board):
        for places, counted in zip(begins, counts, strict=True):
            counted[bisect_right(places, key) - 1] += 1
    for rows, counted in zip(levels, counts, strict=True):
        for index, row in enumerate(rows):
            if row.scores != counted[index]:
                yield row.begin, row.scores, counted[index]


def shift_counts(board: Board, gone: Sequence[Key], new: Sequence[Key]) -> None:
    """Take keys that are gone from the counts of their segments, and add new ones."""
    rows = _stored(board, is_wide=False)
    counts = _shifted(rows, gone, new)
    for index in [index for index, count in counts.items() if count > 2 * SIZE]:
        del counts[index]
        following = [row.begin for row in rows[index + 1 : index + 2]]
        _split(board, rows[index], following)
        # They are few, and made anew.
        _rows_of(board, is_wide=True).delete()
    _set_counts(rows, counts)
    wide = _stored(board, is_wide=True)
    if wide:
        _set_counts(wide, _shifted(wide, gone, new))
    else:
        _widen(board)


def _shifted(
    rows: Sequence[_Row], gone: Iterable[Key], new: Iterable[Key]
) -> dict[int, int]:
    """Return the new count of each row that changes, by its place."""
    begins = [row.begin for row in rows]
    shift = Counter(bisect_right(begins, key) - 1 for key in new)
    shift.subtract(bisect_right(begins, key) - 1 for key in gone)
    return {place: rows[place].scores + by for place, by in shift.items() if by}


def _set_counts(rows: Sequence[_Row], counts: Mapping[int, int]) -> None:
    segments = BoardSegment.objects.using(write_alias())
    changed = [
        BoardSegment(pk=rows[place].pk, count=count) for place, count in counts.items()
    ]
    segments.bulk_update(changed, ["count"], batch_size=500)


def _widen(board: Board) -> None:
    """Make the wide segments of a board that has none."""
    narrow, segments = _stored(board, is_wide=False), []
    for first in range(0, len(narrow), SPAN):
        rows = narrow[first : first + SPAN]
        segment = _segment(board, rows[0].begin, sum(row.scores for row in rows))
        segment.is_wide = True
        segments.append(segment)
    BoardSegment.objects.using(write_alias()).bulk_create(segments)


def _rows_of(board: Board, **lookups: bool) -> QuerySet[BoardSegment]:
    return BoardSegment.objects.using(write_alias()).filter(board=board, **lookups)


def _stored(board: Board, *, is_wide: bool) -> list[_Row]:
    """Return the narrow or the wide segments of a board, in order."""
    rows = _rows_of(board, is_wide=is_wide).order_by(*_COLUMNS)
    return [
        _Row(_key(*place), pk, count)
        for *place, pk, count in rows.values_list(*_COLUMNS, "pk", "count")
    ]


def _split(board: Board, row: _Row, following: list[Key]) -> None:
    """Replace a segment by several that have its scores."""
    begin = row.begin
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
    segments.filter(pk=row.pk).delete()
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
