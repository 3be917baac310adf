"""The SQL that the PostgreSQL store reads with. Values are parameters."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from gamification.storage.boosts import memberships
from gamification.storage.catalogue import catalogue_sql
from gamification.storage.goals import NUMBERS, SPANS
from gamification.storage.postgresql.arrays import (
    Arity,
    RowShape,
    among_sql,
    within_sql,
)
from gamification.storage.tables import (
    ACHIEVEMENTS,
    ACTIVITIES,
    BOOSTS,
    CATALOGUE_STAMPS,
    CELEBRATIONS,
    DAYS,
    FILTER_TALLIES,
    FILTERS,
    LEDGER,
    LEVELS,
    PROFILES,
    STREAKS,
    TALLIES,
    UNLOCKS,
)

#: A hash of all rows of the catalogue.
_HASH = " # ".join(
    f"coalesce((SELECT bit_xor(hash_record_extended(c, {seed})) FROM {table} c), 0)"
    for seed, table in enumerate(
        (ACTIVITIES, ACHIEVEMENTS, LEVELS, STREAKS, BOOSTS, FILTERS)
    )
)

#: One number for the whole catalogue: triggers renew it.
_STAMP = f"(SELECT c.stamp FROM {CATALOGUE_STAMPS} c WHERE c.id = 1)"

#: The same, or a hash of all rows where that number is missing.
_STAMP_OR_HASH = f"coalesce({_STAMP}, {_HASH})"


#: The stamp, whether it is a hash, and all rows of the catalogue.
CATALOGUE = f"""SELECT {_STAMP_OR_HASH}, {_STAMP} IS NULL,
    {", ".join(catalogue_sql("postgresql"))}"""

#: The stamp alone.
CATALOGUE_STAMP = f"SELECT {_STAMP_OR_HASH}"

#: The transactions that have locked or written rows of users, except our own.
WRITERS = f"""SELECT DISTINCT l.virtualtransaction FROM pg_locks l
JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
WHERE l.relation = '{PROFILES}'::regclass
AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
AND l.pid IS DISTINCT FROM pg_backend_pid()"""

_PROFILE = """p.user_id, p.version, p.total_xp, p.level, p.highest_level,
    p.highest_streak, p.active_days,
    (extract(epoch FROM p.last_occurred_at) * 1000000)::bigint, p.current_streak,
    p.longest_streak, p.last_active_on, p.is_excluded, p.zone_history,
    p.celebration_mode <> 'none', p.has_exceptions, p.pending_counts"""

#: The state of an achievement, as the remainder of a division by 4.
HELD, REVOKED, LAPSED = range(3)

#: Four times the id of each achievement, plus its state; a text, as it is the same for
#: many users.
_ACHIEVEMENTS = f"""ARRAY(
    SELECT 4 * u.achievement_id + CASE WHEN u.revoked_at IS NULL THEN {HELD}
        WHEN u.can_be_earned_again THEN {LAPSED} ELSE {REVOKED} END
    FROM {UNLOCKS} u WHERE u.user_id = p.user_id)::text"""


class ReadShape(NamedTuple):
    """The number of users, activities, filters and keys that a read asks for."""

    users: Arity
    tallies: Arity
    limited: Arity
    cooled: Arity
    filters: Arity
    keys: Arity
    #: Groups for whose members there are boosts.
    groups: Arity = 0
    #: Whether achievements can be earned again, and whether any has a season.
    numbers: bool = False
    spans: bool = False
    #: Whether the stamp of the catalogue may be a hash, which takes longer to read.
    hashes: bool = False
    #: Whether users who have done too little of an activity need no filters.
    has_reach: bool = False


@cache
def read_sql(user_type: str, shape: ReadShape) -> str:
    """Return the statement that reads the state of users.

    It always returns at least one row, so that the stamp of the catalogue is known even
    if none of the users has a row.
    """
    stamp = _STAMP_OR_HASH if shape.hashes else _STAMP
    columns = [
        _PROFILE,
        _ACHIEVEMENTS,
        _tallies(shape.tallies),
        _usage(shape.limited) if shape.limited else "NULL",
        _rewarded_at(shape.cooled) if shape.cooled else "NULL",
        _filters(shape) if shape.filters else "NULL",
        _used_keys(shape.keys) if shape.keys else "NULL",
        *_groups(shape.groups),
        *([NUMBERS] if shape.numbers else ()),
        *([SPANS] if shape.spans else ()),
    ]
    return f"""SELECT s.*, {", ".join(columns)}
FROM (SELECT {stamp} AS catalogue) s
LEFT JOIN {PROFILES} p ON p.user_id {within_sql(user_type, shape.users)}"""


def _tallies(count: Arity) -> str:
    """Return SQL for the count of one activity, or pairs of activity and count."""
    rows = f"""FROM {TALLIES} t
    WHERE t.user_id = p.user_id AND t.activity_id {among_sql("bigint", count)}"""
    if count > 1:
        return f"ARRAY(SELECT ARRAY[t.activity_id, t.count] {rows})"
    return f"(SELECT t.count {rows})" if count else "NULL"


def _filters(shape: ReadShape) -> str:
    """Return SQL for the filter, count and bucket of tallies, each as a text.

    PostgreSQL makes these in half the time that JSON takes.
    """
    rows = f"""ARRAY(
    SELECT t.filter_id || ' ' || t.count || ' ' || t.bucket FROM {FILTER_TALLIES} t
    WHERE t.user_id = p.user_id AND t.filter_id {among_sql("bigint", shape.filters)})"""
    if not shape.has_reach:
        return rows
    return f"CASE WHEN {_tallies(1)} >= %s THEN {rows} END"


def _usage(count: Arity) -> str:
    """Return SQL for activity, date (as an ordinal), units and rewarded units."""
    return f"""ARRAY(
    SELECT ARRAY[l.activity_id, l.local_date - DATE '0001-01-01' + 1,
        sum(l.quantity)::bigint, sum(l.rewarded)::bigint]
    FROM {LEDGER} l WHERE {_recent(count)} GROUP BY l.activity_id, l.local_date)"""


def _rewarded_at(count: Arity) -> str:
    """Return SQL for the activity and microsecond since 1970 of rewarded records."""
    return f"""ARRAY(
    SELECT ARRAY[l.activity_id, (extract(epoch FROM l.occurred_at) * 1000000)::bigint]
    FROM {LEDGER} l WHERE {_recent(count)}
    AND l.kind = 'activity' AND l.rewarded + coalesce((
        SELECT sum(c.rewarded) FROM {LEDGER} c
        WHERE c.user_id = l.user_id AND c.corrects = l.id), 0) > 0
    AND NOT EXISTS (
        SELECT 1 FROM {LEDGER} r WHERE r.user_id = l.user_id AND r.reverses = l.id))"""


def _recent(count: Arity) -> str:
    return f"""l.user_id = p.user_id AND l.activity_id {among_sql("bigint", count)}
    AND l.local_date BETWEEN %s AND %s"""


def _used_keys(count: Arity) -> str:
    """Return SQL for the ids of the user's entries with one of the keys."""
    return f"""ARRAY(SELECT l.id FROM {LEDGER} l
    WHERE l.user_id = p.user_id AND l.key {among_sql("text", count)})"""


def _groups(count: Arity) -> list[str]:
    """Return SQL for those of the user's groups that are asked for, if any is."""
    table = memberships()
    return [table.sql(count)] if count and table else []


@cache
def used_keys_sql(user_type: str, keys: RowShape) -> str:
    """Return the statement that finds entries by user and key."""
    return f"""SELECT l.id FROM {keys.sql(user_type)}
JOIN {LEDGER} l ON l.user_id = n.user_id AND l.key = n.key"""


@cache
def days_sql(user_type: str, count: Arity) -> str:
    """Return the statement that reads the active dates of users."""
    return f"""SELECT d.user_id, d.date, d.activities FROM {DAYS} d
WHERE d.user_id {within_sql(user_type, count)} AND d.kind = 'active'"""


@cache
def celebrated_sql(user_type: str, keys: RowShape) -> str:
    """Return the statement that finds celebrations by user and dedupe key."""
    return f"""SELECT c.user_id, c.dedupe_key, c.id FROM {keys.sql(user_type)}
JOIN {CELEBRATIONS} c ON c.user_id = n.user_id AND c.dedupe_key = n.dedupe_key"""
