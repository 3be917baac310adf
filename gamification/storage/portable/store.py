"""The store for SQLite, which asks and writes one table after the other.

Its SQL is plain enough for PostgreSQL, too, where tests compare both stores.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import models

from gamification.domain.changeset import UserChangeset
from gamification.domain.nearby import Nearby, Span, Touched
from gamification.domain.outcomes import Entry
from gamification.models import (
    ActiveDay,
    ActivityTally,
    Celebration,
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
from gamification.storage.filters import add_tallies
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
        rows = self._rows(Celebration).filter(
            user__in={user_id for user_id, _ in wanted},
            dedupe_key__in={key for _, key in wanted},
        )
        return {
            (user_id, key): pk
            for user_id, key, pk in rows.values_list("user_id", "dedupe_key", "pk")
            if (user_id, key) in wanted
        }

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
            add_tallies(user_id, counts, self.alias)
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
        made = self._rows(Celebration).bulk_create(
            Celebration(**row._asdict()) for row in new
        )
        for row in made:
            yield row.pk, row.user_id, row.dedupe_key

    def _write_tallies(self, changeset: UserChangeset) -> None:
        tallies, user_id = Table(ActivityTally, self.alias), changeset.state.user_id
        for activity_id, quantity in changeset.tallies.items():
            if not tallies.update(
                {"user": [user_id], "activity": [activity_id]},
                {"count": quantity, "last_recorded_at": changeset.now},
                adds=["count"],
                latest=["last_recorded_at"],
            ):
                self._rows(ActivityTally).create(
                    user_id=user_id,
                    activity_id=activity_id,
                    count=quantity,
                    last_recorded_at=changeset.now,
                )

    def _write_days(self, changeset: UserChangeset) -> None:
        user_id, days = changeset.state.user_id, Table(ActiveDay, self.alias)
        rows = self._rows(ActiveDay)
        if changeset.lost_days:
            rows.filter(user=user_id, date__in=changeset.lost_days).delete()
        new = []
        for day, (activities, xp) in changeset.changed_days.items():
            changes = {"activities": activities, "xp": xp}
            if not days.update({"user": [user_id], "date": [day]}, changes, changes):
                new.append(ActiveDay(user_id=user_id, date=day, **changes))
        rows.bulk_create(new)

    def _write_unlocks(self, changeset: UserChangeset) -> None:
        for unlock in changeset.unlocks:
            self._rows(UserAchievement).update_or_create(
                user_id=unlock.user_id,
                achievement_id=unlock.achievement_id,
                number=unlock.number,
                defaults=unlock._asdict(),
            )
        rows = self._rows(UserAchievement).filter(user=changeset.state.user_id)
        for achievement_id, number in changeset.forgotten:
            rows.filter(achievement=achievement_id, number=number).delete()
