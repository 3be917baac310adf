"""SQL that reads slices of kept boards by index, and counts with their segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from gamification.leaderboards.sql import (
    Statement,
    by_user,
    join,
    join_users,
    ranked,
)
from gamification.leaderboards.upkeep.segments import SIZE, SPAN
from gamification.models import Board, BoardScore, BoardSegment, UserGamification

_BOARDS: Final = Board._meta.db_table
_SCORES: Final = BoardScore._meta.db_table
_SEGMENTS: Final = BoardSegment._meta.db_table
_PROFILES: Final = UserGamification._meta.db_table

_KEY: Final = "debit, reached, user_id"
_PLACE: Final = "(%s, %s, %s)"


def with_parts(parts: Sequence[Statement], selects: Sequence[Statement]) -> Statement:
    """Return a statement for all rows of the SELECTs, which refer to the parts."""
    rows = join(selects, "\nUNION ALL ")
    return join([Statement("WITH "), join(parts, ",\n"), Statement("\n"), rows], "")


def version_of(board: int, columns: Sequence[str]) -> Statement:
    """Return a statement for the version of a board, in the columns of ``slice_of``."""
    nothing = ", NULL" * len(columns)
    sql = f"""SELECT -1, version, 0, 0, 0, 0, NULL, NULL{nothing}
FROM {_BOARDS} WHERE id = %s"""
    return Statement(sql, (board,))


def slice_of(
    name: str, now: Any, columns: Sequence[str], marks: Mapping[str, bool]
) -> Statement:
    """Return the SELECT of a slice of keys, whose parts are in the WITH clause.

    Its columns are the number of the slice, the number of keys before its first one and
    before its anchor, the number of users who have more than the first one's score, the
    key, whether the user may still be ranked, and the columns of the table of users.
    """
    users = f"LEFT {join_users('k')}" if columns else ""
    marks = marks if columns else {}
    sql = f"""SELECT {name}, (SELECT n FROM start{name}), (SELECT n FROM anchor{name}),
    (SELECT n FROM above{name}), k.debit, k.reached, k.user_id,
    {", ".join((ranked(marks), *columns))}
FROM slice{name} k LEFT JOIN {_PROFILES} g ON g.user_id = k.user_id {users}"""
    return Statement(sql, (now,))


def keys_after(name: str, board: int, offset: int, size: int) -> Statement:
    """Return the parts of a slice that begins after an offset.

    They find the wide segment in which the offset lies, then the narrow segment, and
    read the keys from there on.
    """
    sql = f"""w{name} AS (
    SELECT {_KEY}, before FROM {_SEGMENTS}
    WHERE board_id = %s AND is_wide AND before + count > %s
    ORDER BY {_order()} LIMIT 1),
f{name} AS (
    SELECT {_KEY}, upto - count AS skipped FROM (
        SELECT {_KEY}, count, sum(count) OVER (ORDER BY {_order()}) AS upto
        FROM (
            SELECT {_KEY}, count FROM {_SEGMENTS}
            WHERE board_id = %s AND NOT is_wide AND {_within(f"w{name}")}
            ORDER BY {_order()} LIMIT {SPAN}) n) g
    WHERE upto > %s - (SELECT before FROM w{name}) ORDER BY upto LIMIT 1),
slice{name} AS (
    SELECT {_KEY} FROM {_SCORES} WHERE board_id = %s AND {_from(f"f{name}")}
    ORDER BY {_order()} LIMIT {size}
    OFFSET coalesce(
        %s - (SELECT before FROM w{name}) - (SELECT skipped FROM f{name}), 0)),
start{name} AS (SELECT CAST(%s AS bigint) AS n)"""
    return Statement(sql, (board, offset, board, offset, board, offset, offset))


def first_keys(name: str, board: int, offset: int, size: int) -> Statement:
    """Return the parts of a slice from the first keys on, where no segment helps."""
    skipped = "OFFSET %s" if offset else ""
    sql = f"""slice{name} AS (
    SELECT {_KEY} FROM {_SCORES} WHERE board_id = %s
    ORDER BY {_order()} LIMIT {size} {skipped}),
start{name} AS (SELECT CAST(%s AS bigint) AS n)"""
    return Statement(sql, (board, *([offset] if offset else []), offset))


def keys_around(
    name: str, board: int, key: tuple[Any, ...], back: int, ahead: int
) -> Statement:
    """Return the parts of a slice around a key, which is the anchor.

    Put them behind the parts of ``count_before``, to which they refer.
    """
    sql = f"""back{name} AS (
    SELECT {_KEY} FROM {_SCORES} WHERE board_id = %s AND ({_order()}) < {_PLACE}
    ORDER BY {_backwards()} LIMIT {back}),
ahead{name} AS (
    SELECT {_KEY} FROM {_SCORES} WHERE board_id = %s AND ({_order()}) >= {_PLACE}
    ORDER BY {_order()} LIMIT {ahead}),
slice{name} AS (SELECT * FROM back{name} UNION ALL SELECT * FROM ahead{name}),
start{name} AS (
    SELECT (SELECT n FROM anchor{name}) - (SELECT count(*) FROM back{name}) AS n)"""
    return Statement(sql, (board, *key, board, *key))


def count_before(name: str, board: int, key: tuple[Any, ...]) -> Statement:
    """Return a part, ``anchor``, that counts the keys before ``key``."""
    return _count(f"anchor{name}", board, f"({_order()}) < {_PLACE}", key)


def count_above(name: str, board: int, debit: int | None) -> Statement:
    """Return a part, ``above``, that counts the scores above that of ``debit``.

    None means the score of the first key of the slice.
    """
    score = f"(SELECT min(debit) FROM slice{name})" if debit is None else "%s"
    params = () if debit is None else (debit,)
    return _count(f"above{name}", board, f"debit < {score}", params)


def nothing(part: str) -> Statement:
    """Return a part that counts nothing."""
    return Statement(f"{part} AS (SELECT CAST(0 AS bigint) AS n)")


def _count(part: str, board: int, condition: str, params: tuple[Any, ...]) -> Statement:
    """Return a part that counts the scores whose place meets a condition.

    It takes the last wide segment that meets the condition, adds up the narrow segments
    within it, and counts the scores within the last of these. The limits tell the
    planner that these rows are few: otherwise, it would prepare for a third of the
    board.
    """
    sql = f"""w{part} AS (
    SELECT {_KEY}, before FROM {_SEGMENTS}
    WHERE board_id = %s AND is_wide AND {condition} ORDER BY {_backwards()} LIMIT 1),
g{part} AS (
    SELECT {_KEY}, count FROM {_SEGMENTS}
    WHERE board_id = %s AND NOT is_wide AND {_within(f"w{part}")} AND {condition}
    ORDER BY {_order()} LIMIT {SPAN}),
f{part} AS (SELECT * FROM g{part} ORDER BY {_backwards()} LIMIT 1),
{part} AS (SELECT CAST(coalesce(
    (SELECT before FROM w{part}) + (SELECT sum(count) FROM g{part})
    - (SELECT count FROM f{part}) + (
    SELECT count(*) FROM (
        SELECT 1 FROM {_SCORES}
        WHERE board_id = %s AND {_from(f"f{part}")} AND {condition}
        ORDER BY {_order()} LIMIT {2 * SIZE}) s), 0) AS bigint) AS n)"""
    return Statement(sql, (board, *params, board, *params, board, *params))


def final_before(name: str, board: int, key: tuple[Any, ...]) -> Statement:
    """Return what ``count_before`` returns, for a closed board.

    Such a board has a segment for each score, and its first keys.
    """
    sql = f"""anchor{name} AS (
    SELECT CAST({_final_above("%s")} + (
        SELECT count(*) FROM {_SCORES}
        WHERE board_id = %s AND debit = %s AND ({_order()}) < {_PLACE}
    ) AS bigint) AS n)"""
    return Statement(sql, (board, key[0], board, key[0], *key))


def final_above(name: str, board: int, debit: int | None) -> Statement:
    """Return what ``count_above`` returns, for a closed board.

    The board may not have kept a key with this ``debit``.
    """
    first = f"(SELECT min(debit) FROM slice{name})" if debit is None else "%s"
    sql = f"""above{name} AS (SELECT CAST({_final_above(first)} AS bigint) AS n)"""
    return Statement(sql, (board,) if debit is None else (board, debit))


def _final_above(debit: str) -> str:
    """Return SQL for the number of higher scores; its first parameter is the board."""
    return f"""coalesce((SELECT before + count FROM {_SEGMENTS}
        WHERE board_id = %s AND NOT is_wide AND debit < {debit}
        ORDER BY debit DESC LIMIT 1), 0)"""


def scores_above(board: int, debit: int, without: Sequence[Any]) -> Statement:
    """Return a statement for the different scores above one, without some users.

    It probes the index once for each score.
    """
    marks = ", ".join(["%s"] * len(without))
    but = f"AND user_id NOT IN ({marks})" if without else ""
    sql = f"""WITH RECURSIVE d (debit) AS (
    SELECT min(debit) FROM {_SCORES} WHERE board_id = %s {but}
    UNION ALL SELECT (SELECT min(debit) FROM {_SCORES}
        WHERE board_id = %s AND debit > d.debit {but}) FROM d
    WHERE d.debit < %s)
SELECT debit FROM d WHERE debit < %s"""
    return Statement(sql, (board, *without, board, *without, debit, debit))


def final_scores_above(board: int, debit: int) -> Statement:
    """Return a statement for the different scores above one on a closed board."""
    sql = f"SELECT debit FROM {_SEGMENTS} WHERE board_id = %s AND debit < %s"
    return Statement(sql, (board, debit))


def _order() -> str:
    """Return the columns of a key, in the order of comparing and sorting."""
    return f"debit, reached, {by_user()}"


def _backwards() -> str:
    return f"debit DESC, reached DESC, {by_user()} DESC"


def _from(part: str) -> str:
    """Return the condition that a key is that of a part, or comes after it."""
    return f"""({_order()}) >= ((SELECT debit FROM {part}),
    (SELECT reached FROM {part}), (SELECT user_id FROM {part}))"""


def _within(part: str) -> str:
    """Return the condition that a segment is that of a part, or comes after it.

    The first segment has no user, so SQL would compare it with itself to NULL.
    """
    return f"debit >= (SELECT debit FROM {part}) AND coalesce({_from(part)}, TRUE)"
