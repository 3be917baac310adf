"""The store for PostgreSQL: one statement reads, one writes, for any number of users.

A read returns the version of each user's row, and what is written of a user is written
only if the row still has it, so that a single record needs no lock and two round trips.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, cached_property, partial
from typing import Any

from django.db import connections
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry
from gamification.domain.state import UserState
from gamification.domain.streaks import Streak
from gamification.models import LedgerEntry, UserGamification
from gamification.models.progress import calendar_of
from gamification.storage import reading, writing
from gamification.storage.arrays import arity, encode, encode_set
from gamification.storage.base import (
    ENTRY_FIELDS,
    PROGRESS_FIELDS,
    Snapshot,
    StateQuery,
    UserIds,
    UserKey,
    Written,
    entry_values,
    progress_values,
)
from gamification.storage.catalogue import make_catalogue

#: Changes with any change of a row of the catalogue, by any road.
Stamp = tuple[int | None, int | None]

#: Catalogues by alias and database, each with the stamp of the rows it was made of.
_catalogues: dict[tuple[str, str], tuple[Stamp, Catalogue]] = {}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class PostgreSQLStore:
    """Reads and writes sets of users."""

    optimistic = True
    batch_size = 10_000

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._connection = connections[alias]
        self._user_type, self._users = _user_columns(alias)

    @cached_property
    def _cursor(self) -> CursorWrapper:
        # A store lives as long as the verb it is made for; so may its cursor.
        return self._connection.cursor()

    def _run(self, sql: str, params: Sequence[Any] = ()) -> None:
        self._cursor.execute(sql, params)

    def _fetch(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self._cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def begin(self) -> None:
        # Locks and fresh statements are what makes a write right, whatever the
        # site's isolation level; under a stricter one, all who waited would fail.
        self._run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def lock(self, user_ids: UserIds) -> None:
        kind, count, now = self._user_type, arity(user_ids), timezone.now()
        ids = encode_set(user_ids)
        [(known,)] = self._fetch(writing.count_sql(kind, count), (ids,))
        if known < len(user_ids):
            make = writing.make_missing_sql(kind, count, *self._users)
            self._run(make, (now, now, ids))
        self._run(writing.lock_sql(kind, count), (ids,))

    def read(self, plan: Callable[[Catalogue], StateQuery]) -> Snapshot:
        while True:
            stamp, catalogue = self._catalogue()
            query = plan(catalogue)
            rows = self._read(query)
            if rows[0][:2] == stamp:
                break
            _catalogues.pop(self._cache_key, None)
        rows = [row for row in rows if row[2] is not None]
        states = {row[2]: _user_state(row, query) for row in rows}
        return Snapshot(catalogue, states, self._replays(query, rows))

    @property
    def _cache_key(self) -> tuple[str, str]:
        return self.alias, str(self._connection.settings_dict["NAME"])

    def _catalogue(self) -> tuple[Stamp, Catalogue]:
        cached = _catalogues.get(self._cache_key)
        if cached is None:
            [(*stamp, activities, achievements)] = self._fetch(reading.CATALOGUE)
            catalogue = make_catalogue(json.loads(activities), json.loads(achievements))
            cached = _catalogues[self._cache_key] = ((stamp[0], stamp[1]), catalogue)
        return cached

    def _read(self, query: StateQuery) -> list[tuple[Any, ...]]:
        # Keys are looked up in the same statement for one user alone.
        keys = [key for _, key in query.keys] if len(query.user_ids) == 1 else []
        params = [encode_set(query.tallies)] if query.tallies else []
        for activity_ids in (query.limited, query.cooled):
            if activity_ids:
                params += [encode_set(activity_ids), query.since, query.until]
        if keys:
            params.append(encode_set(keys))
        shape = reading.ReadSerializer(
            arity(query.user_ids),
            arity(query.tallies),
            arity(query.limited),
            arity(query.cooled),
            arity(keys),
        )
        sql = reading.read_sql(self._user_type, shape)
        return self._fetch(sql, [*params, encode_set(query.user_ids)])

    def _replays(
        self, query: StateQuery, rows: Sequence[tuple[Any, ...]]
    ) -> Mapping[UserKey, Entry]:
        if not query.keys or not rows:
            return {}
        if len(query.user_ids) == 1:
            ids = rows[0][-1]
        else:
            shape, params = encode(("user_id", "key"), query.keys)
            sql = reading.used_keys_sql(self._user_type, shape)
            ids = [pk for (pk,) in self._fetch(sql, params)]
        if not ids:
            return {}
        stored = LedgerEntry.objects.using(self.alias).filter(pk__in=ids)
        entries = [Entry(*entry_values(row)) for row in stored]
        return {(entry.user_id, str(entry.key)): entry for entry in entries}

    def days(self, user_ids: UserIds) -> Mapping[Any, Mapping[date, int]]:
        days: dict[Any, dict[date, int]] = {user_id: {} for user_id in user_ids}
        sql = reading.days_sql(self._user_type, arity(user_ids))
        for user_id, day, activities in self._fetch(sql, (encode_set(user_ids),)):
            days[user_id][day] = activities
        return days

    def celebrated(self, keys: Sequence[UserKey]) -> Mapping[UserKey, int]:
        shape, params = encode(("user_id", "dedupe_key"), keys)
        sql = reading.celebrated_sql(self._user_type, shape)
        return {(user_id, key): pk for user_id, key, pk in self._fetch(sql, params)}

    def prepare(self, changesets: Sequence[UserChangeset]) -> Callable[[], Written]:
        changes = {name: rows for name, rows in _changes(changesets).items() if rows}
        users, params = encode(
            PROGRESS_FIELDS, [progress_values(f) for f in changesets]
        )
        shapes = []
        for name, rows in changes.items():
            shape, values = encode(writing.CHANGES[name][0], rows)
            shapes.append((name, shape))
            params += values
        written = [entry[1:] for changeset in changesets for entry in changeset.entries]
        entries, values = encode(ENTRY_FIELDS, written)
        new_in = None if changesets[0].state.version else self._users
        write = writing.WriteSerializer(users, tuple(shapes), entries, new_in)
        sql = writing.write_sql(self._user_type, write)
        return partial(self.write, sql, params + values, changesets)

    def write(
        self, sql: str, params: Sequence[Any], changesets: Sequence[UserChangeset]
    ) -> Written:
        return Written.of(self._fetch(sql, params), changesets)


@cache
def _user_columns(alias: str) -> tuple[str, tuple[str, str]]:
    """Return the type of users' keys, and the table and column that have them."""
    field = UserGamification._meta.get_field("user")
    users = field.related_model._meta
    kind = str(field.db_type(connections[alias]))
    return kind, (users.db_table, str(users.pk.column))


def _user_state(row: Sequence[Any], query: StateQuery) -> UserState:
    (user_id, version, total_xp, level, highest_level, active_days, *streak) = row[2:11]
    zones, achievements, tallies, usage, rewarded_at = row[11:16]
    return UserState(
        user_id,
        query.calendar
        if zones == "[]"
        else calendar_of(json.loads(zones), query.calendar),
        version,
        total_xp,
        level,
        highest_level,
        active_days,
        Streak(*streak),
        {pk for pk in achievements if pk > 0},
        {-pk for pk in achievements if pk < 0},
        dict(tallies or ()),
        {
            (activity_id, date.fromordinal(day)): (units, rewarded)
            for activity_id, day, units, rewarded in usage or ()
        },
        _instants(rewarded_at or ()),
    )


def _instants(pairs: Iterable[tuple[int, int]]) -> dict[int, list[datetime]]:
    instants: dict[int, list[datetime]] = {}
    for activity_id, microseconds in pairs:
        instant = EPOCH + timedelta(microseconds=microseconds)
        instants.setdefault(activity_id, []).append(instant)
    return instants


def _changes(changesets: Sequence[UserChangeset]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of each of ``writing.CHANGES``, in its order."""
    rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in writing.CHANGES}
    for changeset in changesets:
        user_id = changeset.state.user_id
        for activity_id, quantity in changeset.tallies.items():
            rows["tallies"].append((user_id, activity_id, quantity, changeset.now))
        for day, change in changeset.changed_days.items():
            rows["days"].append((user_id, day, "active", *change))
        rows["lost_days"] += [(user_id, day) for day in changeset.lost_days]
        rows["unlocks"] += changeset.unlocks
        rows["celebrations"] += changeset.notice_rows()
    return rows
