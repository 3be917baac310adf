"""Divides boards into segments of known size, and keeps the sizes up to date."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from django.db.models import Count, QuerySet

from gamification.leaderboards.sql import Statement, by_user, fetch
from gamification.leaderboards.values import Key
from gamification.models import Board, BoardScore, BoardSegment, write_alias
from gamification.models.users import convert_key, ordered_key, prepare_key

#: Scores in a new narrow segment. A segment with more than twice as many is divided.
SIZE: Final = 250
#: Narrow segments in a wide one.
SPAN: Final = 32

_COLUMNS: Final = ("debit", "reached", "user_id")
_TABLE: Final = BoardSegment._meta.db_table

#: Where the first segment begins: before every score.
BEGINNING: Final = Key(-(2**63), 0, None)


class _Row(NamedTuple):
    """A stored segment."""

    debit: int
    reached: int
    user: Any
    pk: int
    scores: int
    before: int

    @property
    def begin(self) -> Key:
        return Key(*self[:3])


def divide(board: Board) -> None:
    """Divide the whole board."""
    _rows_of(board).delete()
    BoardSegment.objects.bulk_create(_segments(board, BEGINNING, _keys(board)))
    _widen(board)


def divide_by_score(board: Board) -> None:
    """Give a board that is to be closed one segment for each score."""
    scores = BoardScore.objects.filter(board=board)
    counts = scores.order_by("debit").values_list("debit").annotate(n=Count("pk"))
    _rows_of(board).delete()
    _add_up(BoardSegment(board=board, debit=each, count=n) for each, n in counts)


def wrong_counts(board: Board) -> Iterator[str]:
    """Yield a phrase for each segment that is missing or has a wrong number.

    This reads all scores of the board.
    """
    levels = [_stored(board, is_wide=is_wide) for is_wide in (False, True)]
    begins = [[row.begin for row in rows] for rows in levels]
    yield from _missing(*begins)
    counts: list[Counter[int]] = [Counter() for _ in levels]
    for key in _keys(board):
        for places, counted in zip(begins, counts, strict=True):
            counted[bisect_right(places, key) - 1] += 1
    for rows, counted in zip(levels, counts, strict=True):
        for index, row in enumerate(rows):
            if row.scores != counted[index]:
                right = counted[index]
                yield f"counts {row.scores} scores from {row.begin}, but has {right}."
    before = 0
    for row in levels[1]:
        if row.before != before:
            yield f"counts {row.before} scores before {row.begin}, but has {before}."
        before += row.scores


def _missing(narrow: list[Key], wide: list[Key]) -> Iterator[str]:
    """Yield a phrase for each missing segment; the lists say where segments begin.

    Of both kinds, one segment begins before every score, and a narrow segment begins
    wherever a wide one does.
    """
    for name, needed, stored in (
        ("narrow", {BEGINNING, *wide}, {*narrow}),
        ("wide", {BEGINNING}, {*wide}),
    ):
        for begin in needed - stored:
            yield f"has no {name} segment from {begin}."


def shift_counts(board: Board, gone: Sequence[Key], new: Sequence[Key]) -> None:
    """Deduct keys that are gone from the counts of their segments, and add new ones.

    The stored scores are already up to date. A board whose first segments are missing,
    as in an incomplete backup, is divided again.
    """
    rows, wide = (_stored(board, is_wide=is_wide) for is_wide in (False, True))
    if any(not level or level[0].begin != BEGINNING for level in (rows, wide)):
        divide(board)
        return
    counts = _shifted(rows, gone, new)
    large = [index for index, count in counts.items() if count > 2 * SIZE]
    for index in large:
        del counts[index]
        following = [row.begin for row in rows[index + 1 : index + 2]]
        _split(board, rows[index], following)
    _change(board, [rows[at]._replace(scores=count) for at, count in counts.items()])
    if large:
        # Wide segments are few, so they are made anew.
        _rows_of(board, is_wide=True).delete()
        _widen(board)
        return
    counts, before, changed = _shifted(wide, gone, new), 0, []
    for at, row in enumerate(wide):
        shifted = row._replace(scores=counts.get(at, row.scores), before=before)
        before += shifted.scores
        if shifted != row:
            changed.append(shifted)
    _change(board, changed, is_wide=True)


def _place_of(key: Key, rows: Sequence[_Row]) -> int:
    """Return the place of the segment that has ``key``."""
    return bisect_right(rows, key, key=lambda row: row.begin) - 1


def _shifted(
    rows: Sequence[_Row], gone: Iterable[Key], new: Iterable[Key]
) -> dict[int, int]:
    """Return the new count of each row that changes, by its place."""
    shift = Counter(_place_of(key, rows) for key in new)
    shift.subtract(_place_of(key, rows) for key in gone)
    return {place: rows[place].scores + by for place, by in shift.items() if by}


def _change(board: Board, rows: Iterable[_Row], *, is_wide: bool = False) -> None:
    """Store the numbers of segments."""
    changed = []
    for row in rows:
        segment = _segment(board, row.begin, row.scores)
        segment.pk, segment.before, segment.is_wide = row.pk, row.before, is_wide
        changed.append(segment)
    BoardSegment.objects.bulk_create(
        changed,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["count", "before"],
    )


def _widen(board: Board) -> None:
    """Make the wide segments of a board that has none."""
    narrow, segments = _stored(board, is_wide=False), []
    for first in range(0, len(narrow), SPAN):
        rows = narrow[first : first + SPAN]
        segment = _segment(board, rows[0].begin, sum(row.scores for row in rows))
        segment.is_wide = True
        segments.append(segment)
    _add_up(segments)


def _add_up(segments: Iterable[BoardSegment]) -> None:
    """Store new segments, each with the number of scores before it."""
    before, new = 0, []
    for segment in segments:
        segment.before = before
        before += segment.count
        new.append(segment)
    BoardSegment.objects.bulk_create(new)


def _rows_of(board: Board, **lookups: bool) -> QuerySet[BoardSegment]:
    return BoardSegment.objects.filter(board=board, **lookups)


def _stored(board: Board, *, is_wide: bool) -> list[_Row]:
    """Return the narrow or the wide segments of a board, in order."""
    columns = ", ".join(_COLUMNS)
    sql = f"""SELECT {columns}, id, count, before FROM {_TABLE}
WHERE board_id = %s AND {"" if is_wide else "NOT"} is_wide
ORDER BY debit, reached, {by_user()}"""
    return [_Row(*row) for row in fetch(Statement(sql, (board.pk,)))]


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
    segments = BoardSegment.objects.all()
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
    scores = BoardScore.objects.filter(board=board, **within)
    in_order = scores.order_by("debit", "reached", ordered_key("user_id"))
    rows = in_order.values_list(*_COLUMNS)
    for debit, reached, user_id in rows.iterator(chunk_size=2_000):
        yield Key(debit, reached, prepare_key(user_id, write_alias()))
