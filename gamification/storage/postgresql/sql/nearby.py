"""The SQL that reads the active dates around some others on PostgreSQL."""

from __future__ import annotations

from functools import cache

from gamification.storage.postgresql.arrays import RowShape
from gamification.storage.tables import DAYS

NEARBY_FIELDS = ("date", "user_id", "count")

#: Whether a date becomes active, or no longer is.
_CHANGES = "coalesce(t.activities, 0) <= n.count"


@cache
def nearby_sql(user_type: str, shape: RowShape) -> str:
    """Return the statement that reads what is around dates of users.

    ``count`` is how many activities a date loses. The statement returns the date, the
    user, the activities of the date if it is active, and the first and the last of the
    consecutive active dates that come next before it, and next after it. Where the date
    stays as it is, it reads none of these. The last column says whether it changes.
    """
    return f"""SELECT n.date, n.user_id, t.activities, b.far, b.near, a.near, a.far,
    {_CHANGES}
FROM {shape.sql(user_type)}
LEFT JOIN LATERAL (
    SELECT d.activities FROM {DAYS} d
    WHERE d.user_id = n.user_id AND d.date = n.date AND d.kind = 'active') t ON TRUE
LEFT JOIN LATERAL ({_span("<", "DESC", -1)}) b ON TRUE
LEFT JOIN LATERAL ({_span(">", "ASC", 1)}) a ON TRUE"""


def _span(side: str, order: str, step: int) -> str:
    """Return the statement that goes from ``n.date`` to the first missing date.

    The index returns the rows in order, and the window needs none beyond the next one,
    so that the limit ends the scan.
    """
    return f"""SELECT s.near, s.date AS far FROM (
    SELECT d.date, lead(d.date) OVER w AS next, first_value(d.date) OVER w AS near
    FROM {DAYS} d
    WHERE d.user_id = n.user_id AND d.kind = 'active' AND d.date {side} n.date
        AND {_CHANGES}
    WINDOW w AS (ORDER BY d.date {order}
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
    ORDER BY d.date {order}) s
WHERE s.next IS DISTINCT FROM s.date + {step} LIMIT 1"""


@cache
def longest_sql(user_type: str) -> str:
    """Return the statement that finds a user's longest run outside some spans.

    Neutral dates fill gaps, and count for nothing.
    """
    return f"""SELECT coalesce(max(r.length), 0) FROM (
    SELECT sum(d.weight) AS length FROM (
        SELECT f.weight, f.date - (row_number() OVER (ORDER BY f.date))::int AS run
        FROM (
            SELECT d.date, 1 AS weight FROM {DAYS} d
            WHERE d.user_id = %s::{user_type} AND d.kind = 'active' AND NOT EXISTS (
                SELECT 1 FROM unnest(%s::date[], %s::date[]) AS s(first, last)
                WHERE d.date BETWEEN s.first AND s.last)
            UNION ALL
            SELECT n.date, 0 FROM unnest(%s::date[]) AS n(date) WHERE NOT EXISTS (
                SELECT 1 FROM {DAYS} d
                WHERE d.user_id = %s::{user_type} AND d.kind = 'active'
                AND d.date = n.date)) f) d
    GROUP BY d.run) r"""
