"""The store for every database that Django supports, written with the ORM."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from django.db import connections, models
from django.db.models import F, Value
from django.db.models.functions import Greatest

from gamification.domain.changeset import UserChangeset
from gamification.domain.nearby import Nearby, Span, Touched
from gamification.domain.outcomes import CelebrationMode, Entry
from gamification.domain.state import NONE, NOTHING, UserState
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
from gamification.models.progress import calendar_of
from gamification.models.users import in_order, target_field
from gamification.storage.base import Snapshot, Store, Written
from gamification.storage.boosts import read_groups
from gamification.storage.catalogue import load_catalogue
from gamification.storage.filters import add_tallies, load_tallies
from gamification.storage.goals import load_counts, load_numbers
from gamification.storage.portable.limits import load_rewarded_at, load_usage
from gamification.storage.portable.nearby_rows import FEW, find_longest, read_nearby
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
    """Reads and writes through the ORM, always while the users are locked."""

    is_optimistic = False
    batch_size = 500

    def _rows(self, model: type[models.Model]) -> models.QuerySet[Any]:
        return model._default_manager.using(self.alias)

    def begin(self) -> None:
        # At MySQL's REPEATABLE READ, plain reads can be older than the locks.
        connection = connections[self.alias]
        if connection.vendor == "mysql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")

    def lock(self, user_ids: UserIds) -> None:
        profiles = self._rows(UserGamification).filter(user__in=user_ids)
        if connections[self.alias].features.has_select_for_update:
            # Plain reads come after all locks: the first of them may fix the moment
            # that all later ones see.
            rows = profiles.order_by("user_id").select_for_update()
            known = {*rows.values_list("user_id", flat=True)}
            if missing := set(user_ids) - known:
                self._make(missing)
                list(rows.values_list("pk"))
        else:
            # The first statement is a write, so that it locks the database for writing
            # before anything is read, even if there is no user to lock.
            nobody = self._rows(UserGamification).filter(pk=0)
            (profiles if user_ids else nobody).update(version=F("version"))
            known = {*profiles.values_list("user_id", flat=True)}
            if missing := set(user_ids) - known:
                self._make(missing)

    def _make(self, user_ids: Collection[Any]) -> None:
        """Create the rows of those of the users who exist."""
        users = target_field().model._base_manager.using(self.alias)
        existing = users.filter(pk__in=user_ids).order_by()
        if connections[self.alias].features.has_select_for_update:
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
        held, revoked, lapsed = self._achievements(query.user_ids)
        tallies, usage = self._tallies(query, ids), load_usage(query, ids, self.alias)
        groups = read_groups(self.alias, query.user_ids, query.groups(catalogue))
        rewarded_at = load_rewarded_at(query, ids, self.alias)
        filters = load_tallies(query.user_ids, ids.asked.filters, self.alias)
        numbers = load_numbers(query.user_ids, ids.repeated, self.alias)
        counts = load_counts(query.user_ids, ids.spans, self.alias)
        states = {
            profile.user_id: UserState(
                profile.user_id,
                calendar_of(profile.zone_history, query.calendar),
                profile.version,
                profile.total_xp,
                profile.level,
                profile.highest_level,
                profile.highest_streak,
                profile.active_days,
                profile.streak,
                profile.is_excluded,
                profile.last_occurred_at,
                frozenset(held[profile.user_id]),
                frozenset(revoked[profile.user_id]),
                frozenset(lapsed[profile.user_id]),
                tallies[profile.user_id],
                usage[profile.user_id],
                rewarded_at[profile.user_id],
                celebrates=profile.celebration_mode != CelebrationMode.NONE,
                has_exceptions=profile.has_exceptions,
                filters=filters.get(profile.user_id),
                asked=ids.asked,
                pending_counts=profile.pending_counts,
                groups=groups.get(profile.user_id, NONE),
                numbers=numbers.get(profile.user_id, NOTHING),
                spans=ids.spans and (ids.spans, counts.get(profile.user_id, NOTHING)),
            )
            for profile in self._rows(UserGamification).filter(user__in=query.user_ids)
        }
        excluded = {pk for pk, state in states.items() if state.is_excluded}
        snapshot = Snapshot(catalogue, states, excluded, groups=groups, spans=ids.spans)
        if query.keys and (replays := self._replays(query.keys)):
            return self.with_replays(snapshot, replays)
        return snapshot

    def _achievements(self, user_ids: UserIds) -> Any:
        held: dict[Any, set[int]] = defaultdict(set)
        revoked: dict[Any, set[int]] = defaultdict(set)
        lapsed: dict[Any, set[int]] = defaultdict(set)
        rows = self._rows(UserAchievement).filter(user__in=user_ids)
        for user_id, achievement_id, revoked_at, is_lapsed in rows.values_list(
            "user_id", "achievement_id", "revoked_at", "can_be_earned_again"
        ):
            lost = lapsed if is_lapsed else revoked
            (lost if revoked_at else held)[user_id].add(achievement_id)
        # An achievement that can be earned again may have rows of every kind.
        for user_id in held:
            revoked[user_id] -= held[user_id]
        for user_id in lapsed:
            lapsed[user_id] -= held[user_id] | revoked[user_id]
        return held, revoked, lapsed

    def _tallies(
        self, query: StateQuery, ids: ActivityIds
    ) -> Mapping[Any, Mapping[int, int]]:
        tallies: dict[Any, dict[int, int]] = defaultdict(dict)
        rows = self._rows(ActivityTally).filter(
            user__in=query.user_ids, activity__in=ids.all
        )
        for user_id, activity_id, count in rows.values_list(
            "user_id", "activity_id", "count"
        ):
            tallies[user_id][activity_id] = count
        return tallies

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
            self._rows(UserGamification).filter(user=user_id).update(
                **dict(zip(PROGRESS_FIELDS, values, strict=True))
            )
            self._write_tallies(changeset)
            add_tallies(user_id, counts, self.alias)
            self._write_days(changeset)
            self._write_unlocks(changeset)
            self._rows(StreakFreeze).bulk_create(
                StreakFreeze(**row._asdict())
                for row in changeset.streaks.freeze_rows(changeset.now)
            )
        entries = self._rows(LedgerEntry).bulk_create(
            LedgerEntry(**dict(zip(ENTRY_FIELDS, row, strict=True)))
            for changeset in encoded
            for row in entry_rows(changeset)
        )
        self._rows(PendingScore).bulk_create(
            PendingScore(user_id=entry.user_id, occurred_at=entry.occurred_at)
            for changeset in encoded
            for entry in changeset.entries
            if entry.amount and changeset.rules.keeps_boards
        )
        rows: list[tuple[int, Any, str | None]]
        rows = [(entry.pk, entry.user_id, None) for entry in entries]
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
        tallies = self._rows(ActivityTally).filter(user=changeset.state.user_id)
        for activity_id, quantity in changeset.tallies.items():
            changed = tallies.filter(activity=activity_id).update(
                count=F("count") + quantity,
                last_recorded_at=Greatest("last_recorded_at", Value(changeset.now)),
            )
            if not changed:
                tallies.create(
                    user_id=changeset.state.user_id,
                    activity_id=activity_id,
                    count=quantity,
                    last_recorded_at=changeset.now,
                )

    def _write_days(self, changeset: UserChangeset) -> None:
        user_id, changes = changeset.state.user_id, changeset.changed_days
        days = self._rows(ActiveDay).filter(user=user_id)
        if changeset.lost_days:
            days.filter(date__in=changeset.lost_days).delete()
        new = []
        for day, (activities, xp) in changes.items():
            changed = days.filter(date=day).update(
                activities=F("activities") + activities, xp=F("xp") + xp
            )
            if not changed:
                new.append(
                    ActiveDay(user_id=user_id, date=day, activities=activities, xp=xp)
                )
        days.bulk_create(new)

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
