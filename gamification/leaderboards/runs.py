"""Reads runs of keys from a kept board, all that a page needs in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from gamification.leaderboards import sql
from gamification.leaderboards.headers import Header
from gamification.leaderboards.values import Key

#: Offset from which the look-up of a segment is worth it.
DEEP: Final = 1_000


class AfterOffset(NamedTuple):
    """A wish for the keys behind the first ones."""

    offset: int
    size: int


class AroundKey(NamedTuple):
    """A wish for the keys on both sides of one, which need not be on the board."""

    key: Key
    back: int
    ahead: int


class Run(NamedTuple):
    """Kept keys without a gap between them."""

    #: Number of kept keys before the first one.
    start: int
    #: Number of kept keys before the key around which the run is.
    anchor: int
    #: Number of kept scores that are higher than the first one; than the one around
    #: which the run is, if the board is closed.
    above: int
    keys: Sequence[Key]
    #: Whether it goes to the end of the board.
    is_last: bool


def read_runs(
    header: Header, wishes: Sequence[AfterOffset | AroundKey]
) -> list[Run] | None:
    """Return a run for each wish; None if kept scores have changed meanwhile."""
    parts = [
        part
        for number, wish in enumerate(wishes)
        for part in _parts(header, str(number), wish)
    ]
    names = map(str, range(len(wishes)))
    selects = [sql.version_of(header.id), *(sql.Statement(sql.run(n)) for n in names)]
    statement = sql.join(
        [
            sql.Statement("WITH "),
            sql.join(parts, ",\n"),
            sql.Statement("\n"),
            sql.join(selects, "\nUNION ALL "),
        ],
        "",
    )
    (_, version, *_), *rows = sorted(sql.fetch(statement), key=lambda row: row[0])
    if version != header.version:
        return None
    return [_run(number, wish, rows) for number, wish in enumerate(wishes)]


def read_scores_above(header: Header, debit: int) -> set[int]:
    """Return the different kept scores above one, without users who moved."""
    if header.is_closed:
        statement = sql.final_scores_above(header.id, debit)
    else:
        statement = sql.scores_above(header.id, debit, [*header.moved])
    return {above for (above,) in sql.fetch(statement)}


def _parts(
    header: Header, name: str, wish: AfterOffset | AroundKey
) -> list[sql.Statement]:
    if isinstance(wish, AroundKey):
        before = sql.final_before if header.is_closed else sql.count_before
        parts = [
            before(name, header.id, wish.key),
            sql.keys_around(name, header.id, *wish),
        ]
    elif wish.offset < DEEP or header.is_closed:
        parts = [sql.first_keys(name, header.id, *wish)]
    else:
        parts = [sql.keys_after(name, header.id, *wish)]
    if not header.is_closed:
        return [*parts, sql.count_above(name, header.id)]
    debit = wish.key.debit if isinstance(wish, AroundKey) else None
    return [*parts, sql.final_above(name, header.id, debit)]


def _run(
    number: int, wish: AfterOffset | AroundKey, rows: Sequence[tuple[Any, ...]]
) -> Run:
    own = [row for row in rows if row[0] == number]
    keys = sorted(Key(*row[4:]) for row in own)
    begin = 0 if isinstance(wish, AroundKey) else wish.offset
    _, start, anchor, above, *_ = own[0] if own else (number, begin, 0, 0)
    if isinstance(wish, AroundKey):
        return Run(
            start, anchor, above, keys, len(keys) - (anchor - start) < wish.ahead
        )
    return Run(start, anchor, above, keys, len(keys) < wish.size)
