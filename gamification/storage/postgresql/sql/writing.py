"""The SQL that the PostgreSQL store locks and writes with. Values are parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import NamedTuple, TypeAlias

from gamification.domain.celebrations import NoticeRow
from gamification.domain.freezes import FreezeRow
from gamification.domain.rewards import UnlockRow
from gamification.storage.postgresql.arrays import (
    Arity,
    RowShape,
    names_sql,
    within_sql,
)
from gamification.storage.rows import ENTRY_FIELDS, PROGRESS_FIELDS
from gamification.storage.tables import (
    CELEBRATIONS,
    DAYS,
    FILTER_TALLIES,
    FREEZES,
    LEDGER,
    PENDING_SCORES,
    PROFILES,
    TALLIES,
    UNLOCKS,
)

TALLY_FIELDS = ("user_id", "activity_id", "count", "last_recorded_at")
DAY_FIELDS = ("user_id", "date", "kind", "activities", "xp")
LOST_DAY_FIELDS = ("user_id", "date")
UNLOCK_FIELDS = UnlockRow._fields
FORGOTTEN_FIELDS = ("user_id", "achievement_id", "number")
CELEBRATION_FIELDS = NoticeRow._fields
FREEZE_FIELDS = FreezeRow._fields
# Several rows are sent with their first column as an array. As that is the filter, the
# user of all of them is sent once.
FILTER_FIELDS = ("filter_id", "user_id", "bucket", "count")


@cache
def count_sql(user_type: str, count: Arity) -> str:
    """Return the statement that counts how many of the users have a row."""
    return (
        f"SELECT count(*) FROM {PROFILES} WHERE user_id {within_sql(user_type, count)}"
    )


@cache
def make_missing_sql(user_type: str, count: Arity, users: str, user_pk: str) -> str:
    """Return the statement that creates a row for each existing user without one."""
    return f"""INSERT INTO {PROFILES} ({names_sql(PROGRESS_FIELDS)},
    time_zone, zone_history, is_public, is_excluded, celebration_mode, created_at)
SELECT u.{user_pk}, 0, 1, 1, 0, 0, 0, 0, NULL, NULL, '', 1, %s, '', '[]', TRUE, FALSE,
    'all', %s
FROM {users} u WHERE u.{user_pk} {within_sql(user_type, count)}
AND NOT EXISTS (SELECT 1 FROM {PROFILES} p WHERE p.user_id = u.{user_pk})
ORDER BY u.{user_pk} ON CONFLICT (user_id) DO NOTHING"""


@cache
def lock_sql(user_type: str, count: Arity) -> str:
    """Return the statement that locks users in order of their keys."""
    return f"""SELECT count(*) FROM (
    SELECT 1 FROM {PROFILES} WHERE user_id {within_sql(user_type, count)}
    ORDER BY user_id FOR UPDATE) locked"""


#: The columns of a user's row and of an entry, which say its tally and its day, too.
RECORD_FIELDS = (*PROGRESS_FIELDS, *ENTRY_FIELDS[1:])

_RECORD_TALLY = """SELECT user_id, activity_id, quantity AS count,
    updated_at AS last_recorded_at FROM record"""
_RECORD_DAY = """SELECT user_id, local_date AS date, 'active' AS kind, 1 AS activities,
    amount AS xp FROM record"""


#: Keys of ``CHANGES``, in the same order, with the shapes of their rows.
ChangeShapes: TypeAlias = tuple[tuple[str, RowShape], ...]


class WriteShape(NamedTuple):
    """The shapes of the rows to be written."""

    users: RowShape
    changes: ChangeShapes
    entries: RowShape
    #: Table and primary key of users if the users have no rows yet, or else None.
    new_in: tuple[str, str] | None
    #: Whether leaderboards will count the entries.
    keeps_boards: bool


@cache
def write_sql(user_type: str, shape: WriteShape) -> str:
    """Return the statement that writes all changes of each user, or none of them.

    It writes nothing for a user whose row has changed since it was read. If the user
    had no row, it writes nothing if somebody has created one, or if the user does not
    exist. It returns the new ids with their users: those of entries, in order, and
    those of celebrations, with their dedupe keys.
    """
    users = shape.users.sql(user_type)
    # In this form it is not a join, so the rows keep their order.
    is_done = "(n.user_id IN (SELECT user_id FROM done)) IS TRUE"
    if not shape.users.different:
        is_done = "EXISTS (SELECT 1 FROM done)"
    done = _make_profile(users, *shape.new_in) if shape.new_in else _move_profile(users)
    source = f"{shape.entries.sql(user_type)} WHERE {is_done}"
    return _with(
        {
            "done": done,
            **_make_changes(user_type, shape.changes, is_done),
            **_add_entries(source, keeps_boards=shape.keeps_boards),
        }
    )


@cache
def record_sql(
    user_type: str, shape: RowShape, changes: ChangeShapes, *, keeps_boards: bool
) -> str:
    """Return the statement that writes a record with one row of ``RECORD_FIELDS``.

    It is ``write_sql`` with a third less to send and to take apart. ``changes`` are
    those that the row does not say.
    """
    is_done = "EXISTS (SELECT 1 FROM done)"
    parts = {
        "done": _move_profile("record n"),
        "tally": _add_tallies(f"({_RECORD_TALLY}) n WHERE {is_done}"),
        "day": _add_days(f"({_RECORD_DAY}) n WHERE {is_done}"),
        **_make_changes(user_type, changes, is_done),
        **_add_entries(f"record n WHERE {is_done}", keeps_boards=keeps_boards),
    }
    # The planner puts the values wherever they are mentioned, the key of the user, too.
    record = f"record AS NOT MATERIALIZED (SELECT * FROM {shape.sql(user_type)})"
    return _with(parts, record)


def _with(parts: Mapping[str, str], *first: str) -> str:
    """Return a statement of ``parts`` that returns the new ids."""
    named = [*first, *(f"{name} AS ({sql})" for name, sql in parts.items())]
    ids = "SELECT id, user_id, NULL FROM entries"
    if "changed_celebrations" in parts:
        ids += " UNION ALL SELECT id, user_id, dedupe_key FROM changed_celebrations"
    return f"""WITH {", ".join(named)}
{ids}"""


def _make_changes(
    user_type: str, changes: ChangeShapes, is_done: str
) -> dict[str, str]:
    return {
        f"changed_{name}": CHANGES[name][1](f"{rows.sql(user_type)} WHERE {is_done}")
        for name, rows in changes
    }


def _add_entries(source: str, *, keeps_boards: bool) -> dict[str, str]:
    entries = _insert(LEDGER, ENTRY_FIELDS, source)
    parts = {"entries": f"{entries} RETURNING id, user_id, occurred_at, amount"}
    if keeps_boards:
        parts["scored"] = f"""INSERT INTO {PENDING_SCORES} (user_id, occurred_at)
SELECT user_id, occurred_at FROM entries WHERE amount <> 0"""
    return parts


def _insert(table: str, fields: Sequence[str], source: str) -> str:
    return f"""INSERT INTO {table} ({names_sql(fields)})
SELECT {names_sql(fields, "n.")} FROM {source}"""


def _make_profile(rows: str, users: str, user_pk: str) -> str:
    return f"""INSERT INTO {PROFILES} ({names_sql(PROGRESS_FIELDS)},
    time_zone, zone_history, is_public, is_excluded, celebration_mode, created_at)
SELECT {names_sql(PROGRESS_FIELDS, "n.")}, '', '[]', TRUE, FALSE, 'all', n.updated_at
FROM {rows} JOIN {users} u ON u.{user_pk} = n.user_id
ON CONFLICT (user_id) DO NOTHING RETURNING user_id"""


def _move_profile(rows: str) -> str:
    values = ", ".join(f"{field} = n.{field}" for field in PROGRESS_FIELDS[1:])
    # ``p.version + 1`` keeps the planner from using the column's statistics: users of a
    # batch often share a version that outdated statistics take to be rare.
    return f"""UPDATE {PROFILES} p SET {values} FROM {rows}
WHERE p.user_id = n.user_id AND p.version + 1 = n.version RETURNING p.user_id"""


def _add_tallies(source: str) -> str:
    return f"""{_insert(TALLIES, TALLY_FIELDS, source)}
ON CONFLICT (user_id, activity_id) DO UPDATE
SET count = {TALLIES}.count + excluded.count, last_recorded_at = greatest(
    {TALLIES}.last_recorded_at, excluded.last_recorded_at)"""


def _add_filters(source: str) -> str:
    return f"""{_insert(FILTER_TALLIES, FILTER_FIELDS, source)}
ON CONFLICT (user_id, filter_id, bucket) DO UPDATE
SET count = {FILTER_TALLIES}.count + excluded.count"""


def _add_days(source: str) -> str:
    return f"""{_insert(DAYS, DAY_FIELDS, source)}
ON CONFLICT (user_id, date) DO UPDATE
SET activities = {DAYS}.activities + excluded.activities,
    xp = {DAYS}.xp + excluded.xp"""


def _drop_days(source: str) -> str:
    return f"""DELETE FROM {DAYS} d USING {source}
AND d.user_id = n.user_id AND d.date = n.date"""


def _put_unlocks(source: str) -> str:
    changed = [each for each in UNLOCK_FIELDS[2:] if each != "number"]
    values = ", ".join(f"{field} = excluded.{field}" for field in changed)
    return f"""{_insert(UNLOCKS, UNLOCK_FIELDS, source)}
ON CONFLICT (user_id, achievement_id, number) DO UPDATE SET {values}"""


def _drop_unlocks(source: str) -> str:
    return f"""DELETE FROM {UNLOCKS} u USING {source}
AND u.user_id = n.user_id AND u.achievement_id = n.achievement_id
AND u.number = n.number"""


def _add_celebrations(source: str) -> str:
    insert = _insert(CELEBRATIONS, CELEBRATION_FIELDS, source)
    return f"""{insert}
ON CONFLICT (user_id, dedupe_key) DO NOTHING RETURNING id, user_id, dedupe_key"""


#: Tables besides profiles and ledger: the fields to be sent, and a function that makes
#: the statement from its source, SQL that ends with a condition.
CHANGES: Mapping[str, tuple[Sequence[str], Callable[[str], str]]] = {
    "tallies": (TALLY_FIELDS, _add_tallies),
    "days": (DAY_FIELDS, _add_days),
    "lost_days": (LOST_DAY_FIELDS, _drop_days),
    "unlocks": (UNLOCK_FIELDS, _put_unlocks),
    "forgotten": (FORGOTTEN_FIELDS, _drop_unlocks),
    "celebrations": (CELEBRATION_FIELDS, _add_celebrations),
    "filters": (FILTER_FIELDS, _add_filters),
    "freezes": (FREEZE_FIELDS, partial(_insert, FREEZES, FREEZE_FIELDS)),
}
