"""The store for PostgreSQL: one statement reads, one writes, for any number of users.

A read returns the version of each user's row. A write changes a user only if the row
still has that version, so that a single record takes two round trips and no lock.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from django.db import transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.nearby import Nearby, Span, Touched
from gamification.domain.outcomes import Entry
from gamification.models import LedgerEntry
from gamification.storage.base import Snapshot, Store, Written
from gamification.storage.boosts import memberships, read_groups
from gamification.storage.goals import span_params
from gamification.storage.postgresql.arrays import (
    RowShape,
    TableRows,
    arity,
    encode,
    encode_set,
)
from gamification.storage.postgresql.changed import ChangedRows
from gamification.storage.postgresql.keys import UserKeys, user_columns
from gamification.storage.postgresql.prepared import fetch_rows, prepared_cursor
from gamification.storage.postgresql.sql import entries, reading, writing
from gamification.storage.postgresql.sql.nearby import (
    NEARBY_FIELDS,
    longest_sql,
    nearby_sql,
)
from gamification.storage.postgresql.sql.suspects import SETTINGS, suspects_sql
from gamification.storage.postgresql.stamped import forget_catalogue, stamped_catalogue
from gamification.storage.postgresql.states import (
    IS_EXCLUDED,
    KEYS,
    STAMPS,
    StoredStates,
)
from gamification.storage.queries import ActivityIds, StateQuery, UserIds, UserKey
from gamification.storage.rows import ENTRY_FIELDS, PROGRESS_FIELDS, entry_values


class EncodedWrite(NamedTuple):
    """A statement that writes changesets, with its parameters."""

    sql: str
    params: Sequence[Any]
    user_ids: UserIds


class PostgreSQLStore(Store):
    """Reads and writes sets of users."""

    is_optimistic = True
    batch_size = 10_000

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self._keys = UserKeys.of(self.alias)
        self._user_type, self._users = user_columns(self.alias)
        #: For statements about one user, which come again and again.
        self._repeating: CursorWrapper | None = None

    @cached_property
    def _cursor(self) -> CursorWrapper:
        # A store lives as long as one call of a verb, and so can its cursors.
        cursor: CursorWrapper = self.connection.cursor()
        return cursor

    def _run(self, sql: str, params: Sequence[Any] = ()) -> None:
        self._cursor.execute(sql, params)

    def _fetch(
        self, sql: str, params: Any = (), *, repeats: bool = False
    ) -> list[tuple[Any, ...]]:
        if not repeats:
            self._cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = self._cursor.fetchall()
            return rows
        if self._repeating is None:
            self._repeating = prepared_cursor(self.connection)
        return fetch_rows(self._repeating, sql, params)

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

    def is_current(self, catalogue: Catalogue) -> bool:
        known = stamped_catalogue(self.connection, self._fetch)
        [(stamp,)] = self._fetch(reading.CATALOGUE_STAMP)
        return known.catalogue is catalogue and known.stamp == stamp

    def writers(self) -> list[str]:
        return [name for (name,) in self._fetch(reading.WRITERS)]

    def read(self, query: StateQuery) -> Snapshot:
        while True:
            catalogue, stamp, is_hash = stamped_catalogue(self.connection, self._fetch)
            ids = ActivityIds.of(query, catalogue)
            groups = query.groups(catalogue) if memberships() else []
            rows = self._read(query, ids, groups, hashes=is_hash)
            if rows[0][0] == stamp:
                break
            forget_catalogue(self.connection)
        found = [row for row in rows if row[STAMPS] is not None]
        rows = self._converted(found, STAMPS)
        excluded = {row[STAMPS] for row in rows if row[IS_EXCLUDED]}
        newcomer_groups: Mapping[Any, frozenset[int]] = {}
        if groups and len(rows) < len(query.user_ids):
            newcomer_groups = read_groups(self.alias, query.user_ids, groups)
        snapshot = Snapshot(
            catalogue,
            StoredStates(rows, query, ids, has_groups=bool(groups)),
            excluded,
            groups=newcomer_groups,
            spans=ids.spans,
        )
        if query.keys and (replays := self._replays(query, rows)):
            return self.with_replays(snapshot, replays)
        return snapshot

    def _read(
        self,
        query: StateQuery,
        ids: ActivityIds,
        groups: Sequence[int],
        *,
        hashes: bool,
    ) -> list[tuple[Any, ...]]:
        # Only for a single user does the same statement look up keys.
        keys = [key for _, key in query.keys] if len(query.user_ids) == 1 else []
        user_ids = self._prepared(query.user_ids)
        params = [encode_set(ids.all)] if ids.all else []
        for activity_ids in (ids.limited, ids.cooled):
            if activity_ids:
                params += [encode_set(activity_ids), ids.since, ids.until]
        if filters := [*ids.asked.filters]:
            params += [*(ids.reach or ()), encode_set(filters)]
        if keys:
            params.append(encode_set(keys))
        if groups:
            params.append(encode_set(groups))
        if ids.repeated:
            params.append([*ids.repeated])
        if ids.spans:
            params += span_params(ids.spans)
        shape = reading.ReadShape(
            arity(query.user_ids),
            arity(ids.all),
            arity(ids.limited),
            arity(ids.cooled),
            arity(filters),
            arity(keys),
            arity(groups),
            bool(ids.repeated),
            ids.spans is not None,
            hashes,
            ids.reach is not None,
        )
        sql = reading.read_sql(self._user_type, shape)
        params.append(encode_set(user_ids))
        return self._fetch(sql, params, repeats=len(query.user_ids) == 1)

    def _replays(
        self, query: StateQuery, rows: Sequence[tuple[Any, ...]]
    ) -> Mapping[UserKey, Entry]:
        if not rows:
            return {}
        if len(query.user_ids) == 1:
            ids = rows[0][KEYS]
        else:
            [shape], params = self._encode(TableRows(("user_id", "key"), query.keys))
            sql = reading.used_keys_sql(self._user_type, shape)
            ids = [pk for (pk,) in self._fetch(sql, params)]
        if not ids:
            return {}
        stored = LedgerEntry.objects.using(self.alias).filter(pk__in=ids)
        entries = [Entry(*entry_values(row)) for row in stored]
        return {(entry.user_id, str(entry.key)): entry for entry in entries}

    def entries_about(self, user_id: Any, entry_id: int) -> list[Entry]:
        sql = entries.about_sql(self._user_type)
        return self._entries(sql, user_id, [entry_id] * 3)

    def entries_near(
        self,
        user_id: Any,
        days: Collection[date],
        activity_ids: Collection[int],
        bounded: Collection[int],
    ) -> list[Entry]:
        sql = entries.near_sql(self._user_type)
        return self._entries(sql, user_id, [[*activity_ids], [*days], [*bounded]])

    def _entries(self, sql: str, user_id: Any, params: Sequence[Any]) -> list[Entry]:
        rows = self._fetch(sql, [*self._prepared([user_id]), *params], repeats=True)
        found = self._converted(rows, entries.USER)
        return [entries.make_entry(row) for row in found]

    def days(self, user_ids: UserIds) -> Mapping[Any, Mapping[date, int]]:
        days: dict[Any, dict[date, int]] = {user_id: {} for user_id in user_ids}
        sql = reading.days_sql(self._user_type, arity(user_ids))
        rows = self._fetch(sql, (encode_set(self._prepared(user_ids)),))
        for user_id, day, activities in self._converted(rows, 0):
            days[user_id][day] = activities
        return days

    def nearby(
        self, touched: Mapping[Any, Touched], longest: int
    ) -> Mapping[Any, Nearby]:
        rows = [
            (day, pk, count)
            for pk, days in touched.items()
            for day, count in days.items()
        ]
        [shape], params = self._encode(TableRows(NEARBY_FIELDS, rows))
        sql = nearby_sql(self._user_type, shape)
        counts: dict[Any, dict[date, int]] = {user_id: {} for user_id in touched}
        spans: dict[Any, list[Span]] = {user_id: [] for user_id in touched}
        found = self._fetch(sql, params, repeats=len(touched) == 1)
        for day, user_id, activities, *bounds, changes in self._converted(found, 1):
            counts[user_id][day] = activities or 0
            pairs = [bounds[:2], bounds[2:]]
            if activities and changes:
                pairs.append([day, day])
            spans[user_id] += [(first, last) for first, last in pairs if first]
        return {pk: Nearby.of(counts[pk], spans[pk]) for pk in touched}

    def longest_elsewhere(
        self, user_id: Any, spans: Sequence[Span], neutral: Collection[date]
    ) -> int:
        [key] = self._prepared([user_id])
        firsts, lasts = [list(each) for each in zip(*spans, strict=True)]
        params = (key, firsts, lasts, list(neutral), key)
        [(longest,)] = self._fetch(longest_sql(self._user_type), params)
        return int(longest)

    def suspects(
        self,
        first: Any,
        last: Any,
        thresholds: Sequence[int],
        undos: Sequence[int],
    ) -> tuple[Collection[Any], Collection[Any]]:
        bounds = self._prepared([first, last])
        values = {
            "first": bounds[0],
            "last": bounds[1],
            "thresholds": [*thresholds],
            "undos": [*undos],
            "salt": secrets.randbits(62),
        }
        with transaction.atomic(using=self.alias):
            self._run(SETTINGS)
            rows = self._fetch(suspects_sql(self._user_type), values)
            # Nothing was written; it takes back the settings alone.
            transaction.set_rollback(True, using=self.alias)
        books, streaks = list[Any](), list[Any]()
        for user_id, is_streak in self._converted(rows, 0):
            (streaks if is_streak else books).append(user_id)
        return books, streaks

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

    def encode(self, changesets: Iterable[UserChangeset]) -> EncodedWrite | None:
        rows = ChangedRows.of(changesets)
        if not rows.users:
            return None
        if rows.are_of_record:
            return self._encode_record(rows)
        user_ids = [row[0] for row in rows.users]
        names, changes = rows.made
        (users, *changed, ledger), params = self._encode(
            TableRows(PROGRESS_FIELDS, rows.users),
            *changes,
            TableRows(ENTRY_FIELDS, rows.entries),
        )
        shapes = tuple(zip(names, changed, strict=True))
        new_in = self._users if rows.are_new else None
        write = writing.WriteShape(users, shapes, ledger, new_in, rows.keeps_boards)
        sql = writing.write_sql(self._user_type, write)
        return EncodedWrite(sql, params, user_ids)

    def _encode_record(self, rows: ChangedRows) -> EncodedWrite:
        [user], [(_, *entry)] = rows.users, rows.entries
        # The row says the first two of the changes, a tally and a day.
        row = TableRows(writing.RECORD_FIELDS, [(*user, *entry)])
        names, changes = rows.made
        (shape, *changed), params = self._encode(row, *changes[2:])
        shapes = tuple(zip(names[2:], changed, strict=True))
        kind, keeps_boards = self._user_type, rows.keeps_boards
        sql = writing.record_sql(kind, shape, shapes, keeps_boards=keeps_boards)
        return EncodedWrite(sql, params, user[:1])

    def write(self, encoded: EncodedWrite) -> Written:
        repeats = len(encoded.user_ids) == 1
        rows = self._fetch(encoded.sql, encoded.params, repeats=repeats)
        return Written.of(self._converted(rows, 1), encoded.user_ids)
