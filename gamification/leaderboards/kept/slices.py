"""Reads slices of keys from a kept board, all that a page needs in one statement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

from django.utils import timezone

from gamification.leaderboards.counting import adapted, own_marks
from gamification.leaderboards.kept import slice_sql as sql
from gamification.leaderboards.kept.headers import BoardHeader
from gamification.leaderboards.people import user_columns
from gamification.leaderboards.sql import Statement, fetch
from gamification.leaderboards.values import Key, People, Ranking


class AfterOffset(NamedTuple):
    """A wish for keys from an offset on."""

    offset: int
    size: int


class AroundKey(NamedTuple):
    """A wish for the keys on both sides of a key, which need not be on the board."""

    key: Key
    back: int
    ahead: int


class PlaceOf(NamedTuple):
    """A wish for the place of a key, with its neighbours."""

    key: Key
    back: int
    ahead: int
    ranking: Ranking


Wish: TypeAlias = AfterOffset | AroundKey | PlaceOf


class Slice(NamedTuple):
    """Kept keys without a gap between them."""

    #: Number of kept keys before the first of the slice.
    start: int
    #: Number of kept keys before the key around which the slice lies.
    anchor: int
    #: Number of kept scores that are higher than the first of the slice, or than the
    #: score whose place is wanted.
    above: int
    keys: Sequence[Key]
    #: The users. Some may no longer be ranked, although the board was not told.
    people: People
    #: Whether the slice reaches the end of the board.
    is_last: bool


def read_slices(header: BoardHeader, wishes: Sequence[Wish]) -> list[Slice] | None:
    """Return a slice for each wish; None if kept scores have changed meanwhile."""
    now, marks = adapted(timezone.now()), own_marks()
    columns = () if marks is None else user_columns()
    names = [str(number) for number in range(len(wishes))]
    parts = [
        part
        for name, wish in zip(names, wishes, strict=True)
        for part in _parts(header, name, wish)
    ]
    selects = [
        sql.version_of(header.id, columns),
        *(sql.slice_of(name, now, columns, marks or {}) for name in names),
    ]
    rows = fetch(sql.with_parts(parts, selects))
    (_, version, *_), *rows = sorted(rows, key=lambda row: row[0])
    if version != header.version:
        return None
    return [_slice(number, wish, rows) for number, wish in enumerate(wishes)]


def people_of(slices: Sequence[Slice]) -> People:
    """Return the users of all slices."""
    return {user: row for each in slices for user, row in each.people.items()}


def read_scores_above(header: BoardHeader, debit: int) -> set[int]:
    """Return the different kept scores above one, without those of moved users."""
    if header.is_closed:
        statement = sql.final_scores_above(header.id, debit)
    else:
        statement = sql.scores_above(header.id, debit, [*header.moved])
    return {above for (above,) in fetch(statement)}


def _parts(header: BoardHeader, name: str, wish: Wish) -> Iterator[Statement]:
    board = header.id
    if isinstance(wish, AfterOffset):
        is_divided = wish.offset and not header.is_closed
        read = sql.keys_after if is_divided else sql.first_keys
        yield read(name, board, *wish)
        yield sql.nothing(f"anchor{name}")
        above = sql.final_above if header.is_closed else sql.count_above
        # Nobody has a higher score than the first user.
        yield above(name, board, None) if wish.offset else sql.nothing(f"above{name}")
    elif isinstance(wish, AroundKey):
        yield sql.count_before(name, board, wish.key)
        yield sql.keys_around(name, board, *wish)
        yield sql.count_above(name, board, None)
    else:
        yield from _place_parts(header, name, wish.key, wish.ranking)
        yield sql.keys_around(name, board, wish.key, wish.back, wish.ahead)


def _place_parts(
    header: BoardHeader, name: str, key: Key, ranking: Ranking
) -> Iterator[Statement]:
    if header.is_closed:
        yield sql.final_before(name, header.id, key)
        yield sql.final_above(name, header.id, key.debit)
        return
    # The rank needs at most one of the two counts.
    if ranking is Ranking.ORDINAL:
        yield sql.count_before(name, header.id, key)
    else:
        yield sql.nothing(f"anchor{name}")
    if ranking is Ranking.COMPETITION:
        yield sql.count_above(name, header.id, key.debit)
    else:
        yield sql.nothing(f"above{name}")


def _slice(number: int, wish: Wish, rows: Sequence[tuple[Any, ...]]) -> Slice:
    own = [row for row in rows if row[0] == number]
    keys = sorted(Key(*row[4:7]) for row in own)
    people = {row[6]: row[8:] if row[7] else None for row in own}
    begin = wish.offset if isinstance(wish, AfterOffset) else 0
    _, start, anchor, above, *_ = own[0] if own else (number, begin, 0, 0)
    if isinstance(wish, AfterOffset):
        is_last = len(keys) < wish.size
    else:
        is_last = len(keys) - (anchor - start) < wish.ahead
    return Slice(start, anchor, above, keys, people, is_last)
