"""The store for PostgreSQL: one statement reads, one writes, for any number of users.

A read returns the version of each user's row. A write changes a user only if the row
still has that version, so that a single record takes two round trips and no lock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache, cached_property
from typing import Any, NamedTuple

from django.db import connections
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.days import instant_at
from gamification.domain.outcomes import Entry
from gamification.domain.state import NONE, NOTHING, UserState
from gamification.domain.streaks import Streak
from gamification.models import LedgerEntry, UserGamification
from gamification.models.progress import calendar_of
from gamification.models.users import target_field
from gamification.storage import reading, writing
from gamification.storage.arrays import RowShape, TableRows, arity, encode, encode_set
from gamification.storage.base import (
    ENTRY_FIELDS,
    PROGRESS_FIELDS,
    ActivityIds,
    Snapshot,
    StateQuery,
    Store,
    UserIds,
    UserKey,
    Written,
    entry_rows,
    entry_values,
    notice_rows,
    progress_values,
)
from gamification.storage.catalogue import (
    ids_by_key,
    make_catalogue,
    make_levels,
    make_streaks,
)
from gamification.storage.keys import UserKeys

#: Changes whenever a row of the catalogue changes, whoever changes it.
Stamp = tuple[int | None, ...]

#: The number of stamps, with which every row of a read begins.
STAMPS = 4

#: Catalogues by alias and database, each with the stamp of its rows.
_catalogues: dict[tuple[str, str], tuple[Stamp, Catalogue]] = {}


class EncodedWrite(NamedTuple):
    """A statement that writes changesets, with its parameters."""

    sql: str
    params: Sequence[Any]
    changesets: Sequence[UserChangeset]


class PostgreSQLStore(Store):
    """Reads and writes sets of users."""

    is_optimistic = True
    batch_size = 10_000

    def __init__(self, alias: str) -> None:
        super().__init__(alias)
        self._connection = connections[alias]
        self._keys = UserKeys.of(alias)
        self._user_type, self._users = _user_columns(alias)

    @cached_property
    def _cursor(self) -> CursorWrapper:
        # A store lives as long as one call of a verb, and so can its cursor.
        return self._connection.cursor()

    def _run(self, sql: str, params: Sequence[Any] = ()) -> None:
        self._cursor.execute(sql, params)

    def _fetch(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self._cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = self._cursor.fetchall()
        return rows

    def begin(self) -> None:
        # Writes rely on locks, and on statements that see the latest commits, whatever
        # the site's isolation level. Under a stricter level, all waiting writes would
        # fail.
        self._run("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def lock(self, user_ids: UserIds) -> None:
        if not user_ids:
            return
        kind, count, now = self._user_type, arity(user_ids), timezone.now()
        ids = encode_set(self._prepared(user_ids))
        [(known,)] = self._fetch(writing.count_sql(kind, count), (ids,))
        if known < len(user_ids):
            make = writing.make_missing_sql(kind, count, *self._users)
            self._run(make, (now, now, ids))
        self._run(writing.lock_sql(kind, count), (ids,))

    def read(self, query: StateQuery) -> Snapshot:
        while True:
            stamp, catalogue = self._catalogue()
            ids = ActivityIds.of(query, catalogue)
            rows = self._read(query, ids)
            if rows[0][:STAMPS] == stamp:
                break
            _catalogues.pop(self._cache_key, None)
        found = [row[STAMPS:] for row in rows if row[STAMPS] is not None]
        rows = self._converted(found, 0)
        states = {row[0]: _user_state(row, query) for row in rows}
        snapshot = Snapshot(catalogue, states)
        if query.keys and (replays := self._replays(query, rows)):
            return self.with_replays(snapshot, replays)
        return snapshot

    @property
    def _cache_key(self) -> tuple[str, str]:
        return self.alias, str(self._connection.settings_dict["NAME"])

    def _catalogue(self) -> tuple[Stamp, Catalogue]:
        cached = _catalogues.get(self._cache_key)
        if cached is None:
            [row] = self._fetch(reading.CATALOGUE)
            *stamp, activities, achievements, levels, streaks = row
            rows = json.loads(activities)
            catalogue = make_catalogue(
                rows,
                json.loads(achievements),
                make_levels(levels),
                make_streaks(streaks, ids_by_key(rows)),
            )
            cached = _catalogues[self._cache_key] = (tuple(stamp), catalogue)
        return cached

    def _read(self, query: StateQuery, ids: ActivityIds) -> list[tuple[Any, ...]]:
        # Only for a single user does the same statement look up keys.
        keys = [key for _, key in query.keys] if len(query.user_ids) == 1 else []
        params = [encode_set(ids.all)] if ids.all else []
        for activity_ids in (ids.limited, ids.cooled):
            if activity_ids:
                params += [encode_set(activity_ids), ids.since, ids.until]
        if keys:
            params.append(encode_set(keys))
        shape = reading.ReadShape(
            arity(query.user_ids),
            arity(ids.all),
            arity(ids.limited),
            arity(ids.cooled),
            arity(keys),
        )
        sql = reading.read_sql(self._user_type, shape)
        params.append(encode_set(self._prepared(query.user_ids)))
        return self._fetch(sql, params)

    def _replays(
        self, query: StateQuery, rows: Sequence[tuple[Any, ...]]
    ) -> Mapping[UserKey, Entry]:
        if not rows:
            return {}
        if len(query.user_ids) == 1:
            ids = rows[0][-1]
        else:
            [shape], params = self._encode(TableRows(("user_id", "key"), query.keys))
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
        rows = self._fetch(sql, (encode_set(self._prepared(user_ids)),))
        for user_id, day, activities in self._converted(rows, 0):
            days[user_id][day] = activities
        return days

    def celebration_ids(self, keys: Sequence[UserKey]) -> Mapping[UserKey, int]:
        [shape], params = self._encode(TableRows(("user_id", "dedupe_key"), keys))
        sql = reading.celebrated_sql(self._user_type, shape)
        rows = self._converted(self._fetch(sql, params), 0)
        return {(user_id, key): pk for user_id, key, pk in rows}

    def _prepared(self, user_ids: UserIds) -> UserIds:
        return self._keys.prepare(user_ids) if self._keys else user_ids

    def _converted(self, rows: Sequence[tuple[Any, ...]], place: int) -> Any:
        return self._keys.convert(rows, place) if self._keys else rows

    def _encode(self, *tables: TableRows) -> tuple[list[RowShape], list[object]]:
        if self._keys:
            prepare = self._keys.prepare_columns
            tables = tuple(
                TableRows(fields, prepare(fields, rows)) for fields, rows in tables
            )
        return encode(tables)

    def encode(self, changesets: Sequence[UserChangeset]) -> EncodedWrite:
        changes = {name: rows for name, rows in _changes(changesets).items() if rows}
        entries = [row for changeset in changesets for row in entry_rows(changeset)]
        (users, *changed, ledger), params = self._encode(
            TableRows(PROGRESS_FIELDS, [progress_values(each) for each in changesets]),
            *(TableRows(writing.CHANGES[name][0], changes[name]) for name in changes),
            TableRows(ENTRY_FIELDS, entries),
        )
        shapes = tuple(zip(changes, changed, strict=True))
        new_in = None if changesets[0].state.version else self._users
        keeps_boards = changesets[0].rules.keeps_boards
        write = writing.WriteShape(users, shapes, ledger, new_in, keeps_boards)
        return EncodedWrite(
            writing.write_sql(self._user_type, write), params, changesets
        )

    def write(self, encoded: EncodedWrite) -> Written:
        rows = self._fetch(encoded.sql, encoded.params)
        return Written.of(self._converted(rows, 1), encoded.changesets)


@cache
def _user_columns(alias: str) -> tuple[str, tuple[str, str]]:
    """Return the type of users' keys, and the table and column with these keys.

    The names are quoted.
    """
    connection = connections[alias]
    kind = UserGamification._meta.get_field("user").db_type(connection)
    target, quote = target_field(), connection.ops.quote_name
    return str(kind), (quote(target.model._meta.db_table), quote(str(target.column)))


def _user_state(row: Sequence[Any], query: StateQuery) -> UserState:
    (user_id, version, total_xp, level, highest_level, highest_streak) = row[:6]
    active_days, last_occurred_at, *streak = row[6:11]
    is_excluded, zones, celebrates, has_exceptions = row[11:15]
    achievements, tallies, usage, rewarded_at = row[15:19]
    return UserState(
        user_id,
        query.calendar
        if zones == "[]"
        else calendar_of(json.loads(zones), query.calendar),
        version,
        total_xp,
        level,
        highest_level,
        highest_streak,
        active_days,
        Streak(*streak),
        is_excluded,
        None if last_occurred_at is None else instant_at(last_occurred_at),
        _with_state(reading.HELD, achievements),
        _with_state(reading.REVOKED, achievements),
        _with_state(reading.LAPSED, achievements),
        dict(tallies) if tallies else NOTHING,
        _usage(usage) if usage else NOTHING,
        _instants(rewarded_at) if rewarded_at else NOTHING,
        celebrates=celebrates,
        has_exceptions=has_exceptions,
    )


def _with_state(state: int, codes: Iterable[int]) -> frozenset[int]:
    """Return the ids of the achievements that have this state."""
    return frozenset([code // 4 for code in codes if code % 4 == state]) or NONE


def _usage(rows: Iterable[Sequence[int]]) -> dict[tuple[int, date], tuple[int, int]]:
    return {
        (activity_id, date.fromordinal(day)): (units, rewarded)
        for activity_id, day, units, rewarded in rows
    }


def _instants(pairs: Iterable[tuple[int, int]]) -> dict[int, list[datetime]]:
    instants: dict[int, list[datetime]] = {}
    for activity_id, microseconds in pairs:
        instants.setdefault(activity_id, []).append(instant_at(microseconds))
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
        rows["forgotten"] += [(user_id, pk) for pk in changeset.forgotten]
        rows["celebrations"] += notice_rows(changeset)
        rows["freezes"] += changeset.streaks.freeze_rows(changeset.now)
    return rows
