"""The SQL with which the PostgreSQL store reads. Values are parameters."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from gamification.storage.arrays import Arity, RowSerializer, names_sql, within_sql
from gamification.storage.catalogue import ACHIEVEMENT_FIELDS, ACTIVITY_FIELDS
from gamification.storage.tables import (
    ACHIEVEMENTS,
    ACTIVITIES,
    CELEBRATIONS,
    DAYS,
    LEDGER,
    PROFILES,
    TALLIES,
    UNLOCKS,
)

_STAMP = "SELECT bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM"

#: One number per table of the catalogue, made of the identity of all row versions.
STAMPS = f"""SELECT ({_STAMP} {ACTIVITIES}) AS activities,
    ({_STAMP} {ACHIEVEMENTS}) AS achievements"""


def _as_json(table: str, fields: Sequence[str]) -> str:
    row = f"json_build_array({names_sql(fields)})"
    return f"(SELECT coalesce(json_agg({row} ORDER BY id), '[]')::text FROM {table})"


#: The stamps, and all rows of both tables as JSON.
CATALOGUE = f"""SELECT s.activities, s.achievements,
    {_as_json(ACTIVITIES, ACTIVITY_FIELDS)},
    {_as_json(ACHIEVEMENTS, ACHIEVEMENT_FIELDS)} FROM ({STAMPS}) s"""

_PROFILE = """p.user_id, p.version, p.total_xp, p.level, p.highest_level,
    p.active_days, p.current_streak, p.longest_streak, p.last_active_on,
    p.zone_history"""

#: Ids of achievements; of those that were revoked, negative.
_HELD = f"""ARRAY(
    SELECT CASE WHEN u.revoked_at IS NULL THEN 1 ELSE -1 END * u.achievement_id
    FROM {UNLOCKS} u WHERE u.user_id = p.user_id)"""


class ReadSerializer(NamedTuple):
    """How many of each a read asks for."""

    users: Arity
    tallies: Arity
    limited: Arity
    cooled: Arity
    keys: Arity


@cache
def read_sql(user_type: str, shape: ReadSerializer) -> str:
    """Return the statement that reads the state of users.

    It always returns a row, so that the stamps of the catalogue are known even where
    no user has one.
    """
    columns = [
        _PROFILE,
        _HELD,
        _tallies(shape.tallies) if shape.tallies else "NULL",
        _usage(shape.limited) if shape.limited else "NULL",
        _rewarded_at(shape.cooled) if shape.cooled else "NULL",
        _used_keys(shape.keys) if shape.keys else "NULL",
    ]
    return f"""SELECT s.activities, s.achievements, {", ".join(columns)}
FROM ({STAMPS}) s
LEFT JOIN {PROFILES} p ON p.user_id {within_sql(user_type, shape.users)}"""


def _tallies(count: Arity) -> str:
    """Pairs of activity and count."""
    return f"""ARRAY(SELECT ARRAY[t.activity_id, t.count] FROM {TALLIES} t
    WHERE t.user_id = p.user_id AND t.activity_id {within_sql("bigint", count)})"""


def _usage(count: Arity) -> str:
    """Activity, date (days since year 1), units, rewarded units."""
    return f"""ARRAY(
    SELECT ARRAY[l.activity_id, l.local_date - DATE '0001-01-01' + 1,
        sum(l.quantity)::bigint, sum(l.rewarded)::bigint]
    FROM {LEDGER} l WHERE {_recent(count)} GROUP BY l.activity_id, l.local_date)"""


def _rewarded_at(count: Arity) -> str:
    """Pairs of activity and instant (microseconds since 1970) of rewarded records."""
    return f"""ARRAY(
    SELECT ARRAY[l.activity_id, (extract(epoch FROM l.occurred_at) * 1000000)::bigint]
    FROM {LEDGER} l WHERE {_recent(count)}
    AND l.kind = 'activity' AND l.rewarded > 0 AND NOT EXISTS (
        SELECT 1 FROM {LEDGER} r WHERE r.user_id = l.user_id AND r.reverses = l.id))"""


def _recent(count: Arity) -> str:
    return f"""l.user_id = p.user_id AND l.activity_id {within_sql("bigint", count)}
    AND l.local_date BETWEEN %s AND %s"""


def _used_keys(count: Arity) -> str:
    """Ids of the user's entries that have one of the keys."""
    return f"""ARRAY(SELECT l.id FROM {LEDGER} l
    WHERE l.user_id = p.user_id AND l.key {within_sql("text", count)})"""


@cache
def used_keys_sql(user_type: str, keys: RowSerializer) -> str:
    """Return the statement that finds entries by user and key."""
    return f"""SELECT l.id FROM {keys.sql(user_type)}
JOIN {LEDGER} l ON l.user_id = n.user_id AND l.key = n.key"""


@cache
def days_sql(user_type: str, count: Arity) -> str:
    """Return the statement that reads the active dates of users."""
    return f"""SELECT d.user_id, d.date, d.activities FROM {DAYS} d
WHERE d.user_id {within_sql(user_type, count)} AND d.kind = 'active'"""


@cache
def celebrated_sql(user_type: str, keys: RowSerializer) -> str:
    """Return the statement that finds celebrations by user and dedupe key."""
    return f"""SELECT c.user_id, c.dedupe_key, c.id FROM {keys.sql(user_type)}
JOIN {CELEBRATIONS} c ON c.user_id = n.user_id AND c.dedupe_key = n.dedupe_key"""
