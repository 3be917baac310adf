"""The SQL that finds the entries around a reversal on PostgreSQL.

A user may have 100,000 entries; each statement reads a few of them by an index.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

from gamification.domain.outcomes import Entry, EntryKind
from gamification.storage.postgresql.arrays import names_sql, some_sql
from gamification.storage.tables import LEDGER

_JSON: Final = ("attributes", "boosts", "outcome")
_PLACES: Final = tuple(Entry._fields.index(name) for name in _JSON)

#: The place of the user among the columns.
USER: Final = Entry._fields.index("user_id")


@cache
def about_sql(user_type: str) -> str:
    """Return the statement that reads an entry, its corrections and its reversal."""
    places = (f"l.{field} = %s::bigint" for field in ("id", "corrects", "reverses"))
    return _entries(user_type, f"({' OR '.join(places)})")


@cache
def near_sql(user_type: str) -> str:
    """Return the statement that reads entries of activities on some dates.

    For activities that its last parameter does not name, it reads only reversals,
    corrections, and entries with units that earned nothing.
    """
    return _entries(
        user_type,
        f"""l.activity_id {some_sql("bigint")} AND l.local_date {some_sql("date")}
    AND (l.rewarded < l.quantity OR l.activity_id {some_sql("bigint")}
        OR l.kind IN ('{EntryKind.REVERSAL.value}', '{EntryKind.CORRECTION.value}'))""",
    )


def _entries(user_type: str, condition: str) -> str:
    return f"""SELECT {names_sql(Entry._fields, "l.")} FROM {LEDGER} l
WHERE l.user_id = %s::{user_type} AND {condition}
ORDER BY l.id"""


def make_entry(row: tuple[Any, ...]) -> Entry:
    """Return the entry with these columns; JSON is still a text."""
    values = [*row]
    for place in _PLACES:
        if values[place] is not None:
            values[place] = json.loads(values[place])
    return Entry(*values)
