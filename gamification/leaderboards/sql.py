"""SQL that finds kept boards and counts users, written by hand to save statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db import connections

from gamification.models import (
    Board,
    BoardScore,
    LedgerEntry,
    PendingScore,
    UserGamification,
    write_alias,
)
from gamification.models.users import key_collation, target_field
from gamification.storage.postgresql.prepared import prepared_cursor

_BOARDS: Final = Board._meta.db_table
_SCORES: Final = BoardScore._meta.db_table
_PENDING: Final = PendingScore._meta.db_table
_LEDGER: Final = LedgerEntry._meta.db_table
_PROFILES: Final = UserGamification._meta.db_table

#: An instant after all others, as both databases read it.
_LAST: Final = "9999-12-31 23:59:59"


class Statement(NamedTuple):
    """A piece of SQL with its parameters."""

    sql: str
    params: tuple[Any, ...] = ()


def fetch(statement: Statement) -> list[tuple[Any, ...]]:
    """Return the rows of a statement."""
    with prepared_cursor(connections[write_alias()]) as cursor:
        cursor.execute(*statement)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def join(pieces: Sequence[Statement], separator: str) -> Statement:
    """Return one statement of several, with their parameters in order."""
    params = tuple(param for piece in pieces for param in piece.params)
    return Statement(separator.join(piece.sql for piece in pieces), params)


def header(board: Statement, waiting: Statement, counted: Statement) -> Statement:
    """Return a statement for a board and for users whose scores are to be counted.

    ``board`` is the condition of the board; ``waiting`` selects the users, in the
    columns ``user_id`` and ``pending``; ``counted`` has the columns that count them.
    Each user has a row. Without any user, the board still has one.
    """
    return join(
        [
            Statement(f"""WITH b AS (
    SELECT id, version, count, closed_at, reopened_at FROM {_BOARDS}
    WHERE is_built AND """),
            board,
            Statement("),\nw AS ("),
            waiting,
            Statement(""")
SELECT b.id, b.version, b.count, b.closed_at, b.reopened_at, w.pending,
    g.is_public, s.debit, s.reached, w.user_id, """),
            counted,
            Statement(f"""
FROM b LEFT JOIN w ON b.id = b.id
LEFT JOIN {_SCORES} s ON s.board_id = b.id AND s.user_id = w.user_id
LEFT JOIN {_PROFILES} g ON g.user_id = w.user_id
LEFT {join_users("w")}"""),
        ],
        "",
    )


def scores_of(users: Sequence[Any], until: Any, counted: Statement) -> Statement:
    """Return a statement for the columns ``counted`` of these users."""
    marks = ", ".join(["%s"] * len(users))
    return join(
        [
            Statement(
                f"WITH b AS (SELECT {_instant()} AS closed_at),\nw AS (", (until,)
            ),
            Statement(f"SELECT user_id FROM {_PROFILES} WHERE user_id IN ({marks}))"),
            Statement("\nSELECT w.user_id, ", tuple(users)),
            counted,
            Statement(f"""
FROM w JOIN {_PROFILES} g ON g.user_id = w.user_id
{join_users("w")}"""),
        ],
        "",
    )


def counted(
    ranked: Statement, bounds: Sequence[Any], *, ends_early: bool, when: str
) -> Statement:
    """Return columns for a user of ``w``: ranked or not, the score, and since when.

    ``ranked`` is a condition; ``bounds`` are the ends of the period, or empty. With
    ``ends_early``, entries that were recorded after ``b.closed_at`` do not count. The
    statement reads the ledger only for users for whom the condition ``when`` holds.
    """
    until = " AND {}.recorded_at <= (SELECT coalesce(closed_at, %s) FROM b)"
    until, last = (until, [_LAST]) if ends_early else ("", [])
    within = " AND e.occurred_at >= %s AND e.occurred_at < %s" if bounds else ""
    within += until.format("e")
    score = "g.total_xp"
    if within:
        score = f"""(SELECT sum(e.amount) FROM {_LEDGER} e
        WHERE e.user_id = w.user_id{within})"""
    # An entry is worth its amount with the corrections and the reversal that name it.
    named = "coalesce(e.corrects, e.id)"
    sql = f""", CASE WHEN {when} THEN {score} END,
    CASE WHEN {when} THEN (SELECT e.occurred_at FROM {_LEDGER} e
    WHERE e.user_id = w.user_id{within} AND e.amount > 0 AND e.kind <> 'reversal' AND (
        SELECT sum(c.amount) FROM {_LEDGER} c WHERE c.user_id = e.user_id
            AND (c.id = {named} OR c.corrects = {named} OR c.reverses = {named})
            {until.format("c")}) > 0
    ORDER BY e.occurred_at DESC LIMIT 1) END"""
    bounds = (*bounds, *last)
    return join([ranked, Statement(sql, (*bounds, *bounds, *last))], "")


def ranked(marks: Mapping[str, bool]) -> str:
    """Return the condition that a user is ranked; ``marks`` are columns of users."""
    quote = connections[write_alias()].ops.quote_name
    signs = {True: "", False: "NOT "}
    counted = "".join(f" AND {signs[is_on]}u.{quote(c)}" for c, is_on in marks.items())
    return f"""g.is_public AND NOT g.is_excluded
    AND (g.held_until IS NULL OR g.held_until <= %s){counted}"""


def _instant() -> str:
    """Return a placeholder for an instant whose type the statement does not tell."""
    if connections[write_alias()].vendor == "postgresql":
        return "CAST(%s AS timestamptz)"
    return "%s"


def join_users(part: str) -> str:
    """Return the join that adds the users of a part, under the name ``u``."""
    quote, key = connections[write_alias()].ops.quote_name, target_field()
    table, column = quote(key.model._meta.db_table), quote(str(key.column))
    return f"JOIN {table} u ON u.{column} = {part}.user_id"


def by_user() -> str:
    """Return the column that sorts users with equal scores."""
    collation = key_collation()
    return f'user_id COLLATE "{collation}"' if collation else "user_id"


def pending(now: Any, limit: int, users: Sequence[Any]) -> Statement:
    """Return a statement for the pending users, and for ``users``."""
    extra = "".join(" UNION ALL SELECT %s, 0" for _ in users)
    sql = f"""SELECT user_id, sum(pending) AS pending FROM (
    SELECT user_id, pending FROM (
        SELECT user_id, 1 AS pending FROM {_PENDING}
        WHERE (due_at IS NULL OR due_at <= %s)
            AND EXISTS (SELECT 1 FROM b WHERE closed_at IS NULL)
        ORDER BY id LIMIT {limit}) p{extra}) u
    GROUP BY user_id"""
    return Statement(sql, (now, *users))
