"""The SQL that reads kept boards by index. It is short, and written by hand."""

from __future__ import annotations

from typing import Final

from gamification.leaderboards.segments import SIZE
from gamification.models import Board, BoardScore, BoardSegment, PendingScore

_BOARDS: Final = Board._meta.db_table
_SCORES: Final = BoardScore._meta.db_table
_SEGMENTS: Final = BoardSegment._meta.db_table
_PENDING: Final = PendingScore._meta.db_table

#: The board of all time, or of the period that begins at an instant, and the users
#: whose scores are pending, as far as a limit. Empty if the board is not built.
HEADER: Final = f"""SELECT b.id, b.version, b.count, b.closed_at IS NOT NULL, p.user_id
FROM {_BOARDS} b LEFT JOIN (SELECT user_id FROM {_PENDING} ORDER BY id LIMIT %s) p
    ON b.closed_at IS NULL
WHERE b.is_built AND (b.ranks_staff = %s OR b.closed_at IS NOT NULL)
    AND b."window" = %s AND b.starts_at """

VERSION: Final = f"SELECT version FROM {_BOARDS} WHERE id = %s"

KEY_OF: Final = f"""SELECT debit, reached, user_id FROM {_SCORES}
WHERE user_id = %s AND board_id = %s"""

_FROM_PLACE: Final = """(debit, reached, user_id) >= (
    (SELECT debit FROM f), (SELECT reached FROM f), (SELECT user_id FROM f))"""

#: Keys after an offset: it begins with the segment in which the offset lies.
SLICE: Final = f"""WITH f AS (
    SELECT debit, reached, user_id, upto - count AS skipped FROM (
        SELECT debit, reached, user_id, count,
            sum(count) OVER (ORDER BY debit, reached, user_id) AS upto
        FROM {_SEGMENTS} WHERE board_id = %s) g
    WHERE upto > %s ORDER BY upto LIMIT 1)
SELECT debit, reached, user_id FROM {_SCORES}
WHERE board_id = %s AND {_FROM_PLACE}
ORDER BY debit, reached, user_id
LIMIT %s OFFSET coalesce(%s - (SELECT skipped FROM f), 0)"""

#: The same for the first keys, where no segment helps.
TOP: Final = f"""SELECT debit, reached, user_id FROM {_SCORES} WHERE board_id = %s
ORDER BY debit, reached, user_id LIMIT %s OFFSET %s"""


def _count_before(condition: str) -> str:
    """Return SQL that counts the scores that meet a condition on their place.

    It adds up the segments that begin before, and counts within the last of them. The
    limit tells the planner that these are few: it would expect a third of the board,
    and prepare for that.
    """
    return f"""WITH g AS (
    SELECT debit, reached, user_id, count FROM {_SEGMENTS}
    WHERE board_id = %s AND {condition}),
f AS (SELECT * FROM g ORDER BY debit DESC, reached DESC, user_id DESC LIMIT 1)
SELECT CAST((SELECT sum(count) FROM g) - (SELECT count FROM f) + (
    SELECT count(*) FROM (
        SELECT 1 FROM {_SCORES}
        WHERE board_id = %s AND {_FROM_PLACE} AND {condition}
        ORDER BY debit, reached, user_id LIMIT {2 * SIZE}) s) AS bigint)"""


BEFORE: Final = _count_before("(debit, reached, user_id) < (%s, %s, %s)")
ABOVE: Final = _count_before("debit < %s")

#: The different scores above one, without some users, one index probe for each.
DISTINCT_ABOVE: Final = f"""WITH RECURSIVE d (debit) AS (
    SELECT min(debit) FROM {_SCORES} WHERE board_id = %s {{without}}
    UNION ALL SELECT (SELECT min(debit) FROM {_SCORES}
        WHERE board_id = %s AND debit > d.debit {{without}}) FROM d
    WHERE d.debit < %s)
SELECT debit FROM d WHERE debit < %s"""

#: The same of a closed board, which has a segment for each score.
FINAL_ABOVE: Final = f"""SELECT CAST(sum(count) AS bigint), count(*) FROM {_SEGMENTS}
WHERE board_id = %s AND debit < %s"""

#: How many of the first keys of a closed board, which it keeps, are before one.
FINAL_BEFORE: Final = f"""SELECT count(*) FROM {_SCORES}
WHERE board_id = %s AND debit = %s AND (debit, reached, user_id) < (%s, %s, %s)"""
