"""Rebuilds a user's progress from the ledger, while others go on to write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, TypeVar

from django.db.models import F
from django.utils import timezone

from gamification.domain.derive import Reward
from gamification.domain.freezes import FreezeRow
from gamification.maintenance.comparing import (
    columns_of,
    read_profiles,
    replay,
    streaks_of,
)
from gamification.models import (
    ActiveDay,
    ActivityTally,
    UserAchievement,
    UserGamification,
    write_alias,
)
from gamification.services.catalogue.filters.counts import put_counts, wrong_counts
from gamification.services.corrections.restoring import forget_others, restore_unlock
from gamification.services.levels.table import current_thresholds
from gamification.services.streaks.derived import write_missing
from gamification.services.unit_of_work import attempts, wrap_database_errors
from gamification.services.user_changes import count_again
from gamification.services.validation import UserRef, unknown_user, user_id_of
from gamification.storage import store_for

#: How often a user is worked on without a lock, before others have to wait.
EARLY_TRIES: Final = 10

Found = TypeVar("Found")


def rebuild(user: UserRef) -> None:
    """Rebuild the user's progress from the ledger, without celebrations.

    Others can write meanwhile: it locks the user only to write what differs, and starts
    again if somebody wrote since it began to read. After some tries it holds the lock
    all the time. Raises ``UnknownUserError``, ``StorageError``.
    """
    user_id = user_id_of(user)
    as_of_one_moment(user_id, lambda: plan_rebuilding(user_id), Rebuilding.write)


def as_of_one_moment(
    user_id: Any, work: Callable[[], Found], write: Callable[[Found], None]
) -> Found:
    """Return what ``work`` finds out while nobody writes, and ``write`` it.

    Only ``write`` holds the user's lock, unless there are many other writers.
    """
    alias = write_alias()
    store = store_for(alias)
    for _ in range(EARLY_TRIES):
        with wrap_database_errors(alias):
            before = _version_of(user_id)
            found = work()
        for attempt in attempts(store, [user_id]):
            with attempt:
                attempt.lock()
                is_current = _version_of(user_id) == before
                if is_current:
                    write(found)
        if is_current:
            return found
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            found = work()
            write(found)
    return found


def _version_of(user_id: Any) -> int | None:
    rows = UserGamification.objects.using(write_alias()).filter(user=user_id)
    return rows.values_list("version", flat=True).first()


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """The changes after which a user's rows say the same as the ledger."""

    user_id: Any
    #: None if the user has no row yet, so that nothing is known.
    columns: Mapping[str, object] | None
    tallies: Sequence[ActivityTally] = ()
    days: Sequence[ActiveDay] = ()
    freezes: Sequence[FreezeRow] = ()
    #: Counts by id of the filter and by bucket.
    filters: Mapping[tuple[int, str], int] = field(default_factory=dict)
    #: Rewards by achievement id and number, where the row is missing or says something
    #: else.
    unlocks: Mapping[tuple[int, int], Reward] | None = None
    #: Ids of activities, and dates, of rows that are too many.
    gone_tallies: Sequence[int] = ()
    gone_days: Sequence[date] = ()
    #: The achievement ids and numbers that the ledger knows.
    known_unlocks: Collection[tuple[int, int]] = ()

    def write(self) -> None:
        """Write the differences; the user is locked, and as they were planned."""
        alias, user_id = write_alias(), self.user_id
        if self.columns is None:
            raise unknown_user(user_id)
        write_missing(self.freezes, alias)
        UserGamification.objects.using(alias).filter(user=user_id).update(
            **self.columns, version=F("version") + 1, updated_at=timezone.now()
        )
        tallies = ActivityTally.objects.using(alias)
        tallies.filter(user=user_id, activity__in=self.gone_tallies).delete()
        tallies.bulk_create(
            self.tallies,
            update_conflicts=True,
            unique_fields=["user", "activity"],
            update_fields=["count", "last_recorded_at"],
        )
        days = ActiveDay.objects.using(alias)
        days.filter(user=user_id, date__in=self.gone_days).delete()
        days.bulk_create(
            self.days,
            update_conflicts=True,
            unique_fields=["user", "date"],
            update_fields=["kind", "activities", "xp"],
        )
        count_again(user_id, alias)
        put_counts(user_id, self.filters, alias)
        for place, reward in (self.unlocks or {}).items():
            restore_unlock(user_id, *place, reward)
        forget_others(user_id, self.known_unlocks)


def plan_rebuilding(user_id: Any) -> Rebuilding:
    """Return what the user's rows lack to say the same as the ledger."""
    profile = read_profiles([user_id]).get(user_id)
    if profile is None:
        return Rebuilding(user_id, None)
    progress = replay([user_id])[user_id]
    streaks = streaks_of({user_id: progress}, {user_id: profile}).get(user_id)
    tallies, days, unlocks = _stored(user_id)
    return Rebuilding(
        user_id,
        columns_of(progress, profile, current_thresholds(), streaks),
        tallies=[
            ActivityTally(
                user_id=user_id, activity_id=pk, count=count, last_recorded_at=last
            )
            for pk, (count, last) in progress.tallies.items()
            if tallies.get(pk) != (count, last)
        ],
        days=[
            ActiveDay(user_id=user_id, date=day, activities=activities, xp=xp)
            for day, (activities, xp) in progress.days.items()
            if days.get(day) != (activities, xp)
        ],
        freezes=streaks.missing if streaks else (),
        filters=wrong_counts(user_id, write_alias()),
        # A row that says why the user lost the achievement knows more, and stays.
        unlocks={
            place: reward
            for place, reward in progress.unlocks.items()
            if place not in unlocks or unlocks[place] != _row_of(reward)
        },
        gone_tallies=[*tallies.keys() - progress.tallies.keys()],
        gone_days=[*days.keys() - progress.days.keys()],
        known_unlocks=progress.unlocks.keys(),
    )


#: When an achievement was unlocked, and its XP; None if the user has lost it.
Unlocked = tuple[datetime, int] | None


def _row_of(reward: Reward) -> Unlocked:
    entry = reward.entry
    return None if reward.reversal else (entry.occurred_at, entry.amount)


def _stored(
    user_id: Any,
) -> tuple[
    dict[int, tuple[int, datetime]],
    dict[date, tuple[int, int]],
    dict[tuple[int, int], Unlocked],
]:
    """Return the stored tallies, active days and unlocks."""
    alias = write_alias()
    tallies = ActivityTally.objects.using(alias).filter(user=user_id)
    days = ActiveDay.objects.using(alias).filter(
        user=user_id, kind=ActiveDay.Kind.ACTIVE
    )
    unlocks = UserAchievement.objects.using(alias).filter(user=user_id)
    return (
        {row.activity_id: (row.count, row.last_recorded_at) for row in tallies},
        {row.date: (row.activities, row.xp) for row in days},
        {
            (row.achievement_id, row.number): None
            if row.revoked_at
            else (row.unlocked_at, row.xp_awarded)
            for row in unlocks
        },
    )
