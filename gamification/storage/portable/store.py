"""The store for SQLite, which asks and writes one table after the other.

Its SQL is plain enough for PostgreSQL, too, where tests compare both stores.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from django.db import models

from gamification.domain.celebrations import NoticeRow
from gamification.domain.changeset import UserChangeset
from gamification.domain.nearby import Nearby, Span, Touched
from gamification.domain.outcomes import Entry
from gamification.domain.pending_counts import FilterCounts
from gamification.models import (
    ActiveDay,
    ActivityTally,
    Celebration,
    FilterTally,
    LedgerEntry,
    PendingScore,
    StreakFreeze,
    UserAchievement,
    UserGamification,
)
from gamification.models.users import convert_key, in_order, target_field
from gamification.storage.base import Snapshot, Store, Written
from gamification.storage.boosts import read_groups
from gamification.storage.catalogue import load_catalogue
from gamification.storage.portable.nearby_rows import FEW, find_longest, read_nearby
from gamification.storage.portable.states import read_states
from gamification.storage.portable.table import Table
from gamification.storage.queries import ActivityIds, StateQuery, UserIds, UserKey
from gamification.storage.rows import (
    ENTRY_FIELDS,
    PROGRESS_FIELDS,
    entry_rows,
    entry_values,
    filter_counts,
    notice_rows,
    progress_values,
)

#: The columns that make an unlock unique.
UNLOCK_KEY: Final = ("user_id", "achievement_id", "number")


class PortableStore(Store):
    """Reads and writes table by table, always while the users are locked."""

    is_optimistic = False
    batch_size = 500

    def _rows(self, model: type[models.Model]) -> models.QuerySet[Any]:
        return model._default_manager.using(self.alias)

    def begin(self) -> None:
        """Do nothing: a transaction of SQLite needs no preparation."""

    def lock(self, user_ids: UserIds) -> None:
        if not self.connection.features.has_select_for_update:
            self._lock_database(user_ids)
            return
        # Plain reads come after all locks: the first of them may fix the moment that
        # all later ones see.
        profiles = self._rows(UserGamification).filter(user__in=user_ids)
        rows = profiles.order_by("user_id").select_for_update()
        known = {*rows.values_list("user_id", flat=True)}
        if missing := set(user_ids) - known:
            self._make(missing)
            list(rows.values_list("pk"))

    def _lock_database(self, user_ids: UserIds) -> None:
        """Lock the database for writing, even if there is no user to lock.

        The first statement is a write, so that nothing is read before.
        """
        profiles, users = Table(UserGamification, self.alias), {"user": user_ids}
        if profiles.update(users, {"version": 0}, adds=["version"]) < len(user_ids):
            rows = profiles.select(["user"], users)
            self._make(set(user_ids) - {convert_key(key, self.alias) for [key] in rows})

    def _make(self, user_ids: Collection[Any]) -> None:
        """Create the rows of those of the users who exist."""
        users = target_field().model._base_manager.using(self.alias)
        existing = users.filter(pk__in=user_ids).order_by()
        if self.connection.features.has_select_for_update:
            existing = existing.select_for_update()
        self._rows(UserGamification).bulk_create(
            [
                UserGamification(user_id=user_id)
                for user_id in in_order(existing.values_list("pk", flat=True))
            ],
            ignore_conflicts=True,
        )

    def read(self, query: StateQuery) -> Snapshot:
        catalogue = load_catalogue(self.alias)
        ids = ActivityIds.of(query, catalogue)
        groups = read_groups(self.alias, query.user_ids, query.groups(catalogue))
        states = read_states(query, ids, groups, self.alias)
        excluded = {pk for pk, state in states.items() if state.is_excluded}
        snapshot = Snapshot(catalogue, states, excluded, groups=groups, spans=ids.spans)
        if query.keys and (replays := self._replays(query.keys)):
            return self.with_replays(snapshot, replays)
        return snapshot

    def _replays(self, keys: Sequence[UserKey]) -> Mapping[UserKey, Entry]:
        wanted = set(keys)
        rows = self._rows(LedgerEntry).filter(
            user__in={user_id for user_id, _ in wanted},
            key__in={key for _, key in wanted},
        )
        entries = {
            (row.user_id, str(row.key)): Entry(*entry_values(row)) for row in rows
        }
        return {used: entry for used, entry in entries.items() if used in wanted}

    def days(self, user_ids: UserIds) -> Mapping[Any, Mapping[date, int]]:
        days: dict[Any, dict[date, int]] = {user_id: {} for user_id in user_ids}
        rows = self._active_days().filter(user__in=user_ids)
        for user_id, day, activities in rows.values_list(
            "user_id", "date", "activities"
        ):
            days[user_id][day] = activities
        return days

    def _active_days(self) -> models.QuerySet[Any]:
        return self._rows(ActiveDay).filter(kind=ActiveDay.Kind.ACTIVE)

    def nearby(
        self, touched: Mapping[Any, Touched], longest: int
    ) -> Mapping[Any, Nearby]:
        if sum(map(len, touched.values())) > FEW:
            known = self.days([*touched])
            return {pk: Nearby.among(known[pk], days) for pk, days in touched.items()}
        rows = self._active_days()
        return {
            user_id: read_nearby(rows.filter(user=user_id), days, longest)
            for user_id, days in touched.items()
        }

    def longest_elsewhere(
        self, user_id: Any, spans: Sequence[Span], neutral: Collection[date]
    ) -> int:
        return find_longest(self._active_days().filter(user=user_id), spans, neutral)

    def celebration_ids(self, keys: Sequence[UserKey]) -> Mapping[UserKey, int]:
        wanted = set(keys)
        users, dedupe_keys = {user_id for user_id, _ in wanted}, {k for _, k in wanted}
        rows = Table(Celebration, self.alias).select(
            ("user", "dedupe_key", "id"), {"user": users, "dedupe_key": dedupe_keys}
        )
        found = {(convert_key(user, self.alias), key): pk for user, key, pk in rows}
        return {place: pk for place, pk in found.items() if place in wanted}

    def encode(
        self, changesets: Iterable[UserChangeset]
    ) -> Sequence[UserChangeset] | None:
        return [*changesets] or None

    def write(self, encoded: Sequence[UserChangeset]) -> Written:
        for changeset in encoded:
            user_id = changeset.state.user_id
            pending, counts = filter_counts(changeset)
            values = progress_values(changeset, pending)
            progress = dict(zip(PROGRESS_FIELDS[1:], values[1:], strict=True))
            Table(UserGamification, self.alias).update({"user": [user_id]}, progress)
            self._write_tallies(changeset)
            self._write_counts(user_id, counts)
            self._write_days(changeset)
            self._write_unlocks(changeset)
            self._rows(StreakFreeze).bulk_create(
                StreakFreeze(**row._asdict())
                for row in changeset.streaks.freeze_rows(changeset.now)
            )
        entries = [row for changeset in encoded for row in entry_rows(changeset)]
        pks = Table(LedgerEntry, self.alias).insert(ENTRY_FIELDS, entries)
        scores = [
            (entry.user_id, entry.occurred_at)
            for changeset in encoded
            for entry in changeset.entries
            if entry.amount and changeset.rules.keeps_boards
        ]
        Table(PendingScore, self.alias).insert(("user", "occurred_at"), scores)
        rows: list[tuple[int, Any, str | None]]
        rows = [(pk, row[0], None) for pk, row in zip(pks, entries, strict=True)]
        rows += self._write_celebrations(encoded)
        return Written.of(rows, [each.state.user_id for each in encoded])

    def _write_celebrations(
        self, changesets: Sequence[UserChangeset]
    ) -> Iterator[tuple[int, Any, str | None]]:
        """Create the celebrations that do not exist; yield id, user and dedupe key."""
        planned = [row for each in changesets for row in notice_rows(each)]
        if not planned:
            return
        existing = self.celebration_ids([(r.user_id, r.dedupe_key) for r in planned])
        new = [row for row in planned if (row.user_id, row.dedupe_key) not in existing]
        made = Table(Celebration, self.alias).insert(NoticeRow._fields, new)
        for pk, row in zip(made, new, strict=True):
            yield pk, row.user_id, row.dedupe_key

    def _write_tallies(self, changeset: UserChangeset) -> None:
        tallies, user_id = Table(ActivityTally, self.alias), changeset.state.user_id
        for activity_id, quantity in changeset.tallies.items():
            tallies.put(
                {"user": user_id, "activity": activity_id},
                {"count": quantity, "last_recorded_at": changeset.now},
                adds=["count"],
                latest=["last_recorded_at"],
            )

    def _write_counts(self, user_id: Any, counts: FilterCounts) -> None:
        tallies = Table(FilterTally, self.alias)
        for (pk, bucket), count in counts.items():
            place = {"user": user_id, "filter": pk, "bucket": bucket}
            tallies.put(place, {"count": count}, adds=["count"])

    def _write_days(self, changeset: UserChangeset) -> None:
        user_id, days = changeset.state.user_id, Table(ActiveDay, self.alias)
        if changeset.lost_days:
            rows = self._active_days().filter(user=user_id)
            rows.filter(date__in=changeset.lost_days).delete()
        for day, (activities, xp) in changeset.changed_days.items():
            place = {"user": user_id, "date": day, "kind": ActiveDay.Kind.ACTIVE}
            changes = {"activities": activities, "xp": xp}
            days.put(place, changes, adds=changes)

    def _write_unlocks(self, changeset: UserChangeset) -> None:
        unlocks = Table(UserAchievement, self.alias)
        for unlock in changeset.unlocks:
            values = unlock._asdict()
            unlocks.put({name: values[name] for name in UNLOCK_KEY}, values)
        rows = self._rows(UserAchievement).filter(user=changeset.state.user_id)
        for achievement_id, number in changeset.forgotten:
            rows.filter(achievement=achievement_id, number=number).delete()
