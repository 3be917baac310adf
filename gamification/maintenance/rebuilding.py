"""Rebuilds a user's progress from the ledger, while others continue to write."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from math import ceil
from typing import Any, Final, TypeVar

from django.db.models import F
from django.utils import timezone

from gamification.domain.derive import Reward
from gamification.domain.freezes import FreezeRow
from gamification.maintenance.comparing import (
    Unlocked,
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

#: How often a rebuild tries without holding the lock, before others have to wait.
EARLY_TRIES: Final = 10

#: Rows that one step writes while it holds the lock, so that others wait only briefly.
ROWS_AT_ONCE: Final = 200
#: Unlocks that one step writes. Each takes statements of its own.
UNLOCKS_AT_ONCE: Final = 10
#: Seconds between two steps, in which others can take the lock.
PAUSE: Final = 0.01

Found = TypeVar("Found")

#: A part of the work, which runs while the user is locked.
Step = Callable[[], None]


def rebuild(user: UserRef) -> None:
    """Rebuild the user's progress from the ledger, without celebrations.

    Others can write meanwhile: the rebuild locks the user only to write what differs,
    some rows at a time, and starts again if somebody has written since it began to
    read. After some tries it holds the lock until it is done. Raises
    ``UnknownUserError``, ``StorageError``.
    """
    user_id = user_id_of(user)
    as_of_one_moment(user_id, lambda: plan_rebuilding(user_id), Rebuilding.steps)


def as_of_one_moment(
    user_id: Any,
    work: Callable[[], Found],
    steps: Callable[[Found], Sequence[Step]],
) -> list[Found]:
    """Take the ``steps`` that follow from what ``work`` finds while nobody writes.

    Only a step holds the user's lock, unless there are many other writers. If somebody
    writes between two steps, ``work`` runs again to find out what is left to do. Return
    each finding from which steps were taken, in order.
    """
    alias, true = write_alias(), list[Found]()
    for _ in range(EARLY_TRIES):
        with wrap_database_errors(alias):
            before = _version_of(user_id)
            found = work()
        todo = steps(found)
        taken = _take(todo, user_id, before)
        true += [found] if taken else []
        if taken == len(todo):
            return true
    for attempt in attempts(store_for(alias), [user_id]):
        with attempt:
            attempt.lock()
            found = work()
            for step in steps(found):
                step()
    return [*true, found]


def _take(steps: Sequence[Step], user_id: Any, version: int | None) -> int:
    """Take steps until somebody else changes the user; return how many were taken."""
    store = store_for(write_alias())
    for taken, step in enumerate(steps):
        if taken:
            # Others who wait for the lock need a moment to take it.
            time.sleep(PAUSE)
        for attempt in attempts(store, [user_id]):
            with attempt:
                attempt.lock()
                is_current = _version_of(user_id) == version
                if is_current:
                    step()
                    after = _version_of(user_id)
        if not is_current:
            return taken
        version = after
    return len(steps)


def _version_of(user_id: Any) -> int | None:
    rows = UserGamification.objects.filter(user=user_id)
    return rows.values_list("version", flat=True).first()


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """The changes that make a user's rows match the ledger."""

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
    unlocks: Mapping[tuple[int, int], Reward] = field(default_factory=dict)
    #: Ids of activities, and dates, of rows that are too many.
    gone_tallies: Sequence[int] = ()
    gone_days: Sequence[date] = ()
    #: The achievement ids and numbers that the ledger knows.
    known_unlocks: Collection[tuple[int, int]] = ()

    def steps(self) -> list[Step]:
        """Return the steps that write the differences, a few rows each."""
        rows = (self.tallies, self.days, self.freezes, self.filters)
        most = max(len(each) for each in (*rows, self.gone_tallies, self.gone_days))
        turns = max(most / ROWS_AT_ONCE, len(self.unlocks) / UNLOCKS_AT_ONCE)
        return [self._part(turn).write for turn in range(max(1, ceil(turns)))]

    def _part(self, turn: int) -> Rebuilding:
        """Return the rows of one step."""
        few = slice(turn * ROWS_AT_ONCE, (turn + 1) * ROWS_AT_ONCE)
        fewer = slice(turn * UNLOCKS_AT_ONCE, (turn + 1) * UNLOCKS_AT_ONCE)
        return replace(
            self,
            tallies=self.tallies[few],
            days=self.days[few],
            freezes=self.freezes[few],
            filters=dict([*self.filters.items()][few]),
            unlocks=dict([*self.unlocks.items()][fewer]),
            gone_tallies=self.gone_tallies[few],
            gone_days=self.gone_days[few],
        )

    def write(self) -> None:
        """Write the differences; the user is locked, and unchanged since the plan."""
        alias, user_id = write_alias(), self.user_id
        if self.columns is None:
            raise unknown_user(user_id)
        write_missing(self.freezes)
        UserGamification.objects.filter(user=user_id).update(
            **self.columns, version=F("version") + 1, updated_at=timezone.now()
        )
        tallies = ActivityTally.objects.all()
        tallies.filter(user=user_id, activity__in=self.gone_tallies).delete()
        tallies.bulk_create(
            self.tallies,
            update_conflicts=True,
            unique_fields=["user", "activity"],
            update_fields=["count", "last_recorded_at"],
        )
        days = ActiveDay.objects.all()
        days.filter(user=user_id, date__in=self.gone_days).delete()
        days.bulk_create(
            self.days,
            update_conflicts=True,
            unique_fields=["user", "date"],
            update_fields=["kind", "activities", "xp"],
        )
        count_again(user_id, alias)
        put_counts(user_id, self.filters, alias)
        for place, reward in self.unlocks.items():
            restore_unlock(user_id, *place, reward)
        forget_others(user_id, self.known_unlocks)


def plan_rebuilding(user_id: Any) -> Rebuilding:
    """Return the changes that the user's rows need to match the ledger."""
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
        unlocks={
            place: reward
            for place, reward in progress.unlocks.items()
            if unlocks.get(place) != Unlocked.by(reward)
        },
        gone_tallies=[*tallies.keys() - progress.tallies.keys()],
        gone_days=[*days.keys() - progress.days.keys()],
        known_unlocks=progress.unlocks.keys(),
    )


def _stored(
    user_id: Any,
) -> tuple[
    dict[int, tuple[int, datetime]],
    dict[date, tuple[int, int]],
    dict[tuple[int, int], Unlocked],
]:
    """Return the stored tallies, active days and unlocks."""
    tallies = ActivityTally.objects.filter(user=user_id)
    days = ActiveDay.objects.filter(user=user_id, kind=ActiveDay.Kind.ACTIVE)
    unlocks = UserAchievement.objects.filter(user=user_id)
    return (
        {row.activity_id: (row.count, row.last_recorded_at) for row in tallies},
        {row.date: (row.activities, row.xp) for row in days},
        {(row.achievement_id, row.number): Unlocked.stored(row) for row in unlocks},
    )
