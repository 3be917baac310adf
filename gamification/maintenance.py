"""Proof that progress is what the ledger says, and the way back to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import F, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.derive import DerivedEntry, Progress, derive_progress
from gamification.exceptions import UnknownUserError
from gamification.models import (
    ActiveDay,
    Activity,
    ActivityTally,
    LedgerEntry,
    UserGamification,
    write_alias,
)
from gamification.services.unit_of_work import in_transaction, wrap_database_errors
from gamification.services.user_batches import check_batch_size
from gamification.services.validation import UserRef, user_id_of
from gamification.storage import Store

#: Users that are compared at a time.
BATCH_SIZE = 1_000

#: Numbers of one user, by name.
Numbers = dict[str, object]


@dataclass(frozen=True, slots=True)
class Drift:
    """A derived number that is not what the ledger says."""

    user_id: Any
    #: Such as ``total_xp``, ``tally kpi_completed`` or ``day 2026-03-01``.
    what: str
    stored: object
    derived: object

    def __str__(self) -> str:
        return (
            f"user {self.user_id}: {self.what} is {self.stored}, "
            f"the ledger says {self.derived}"
        )


def reconcile(
    user: UserRef | None = None,
    *,
    fix: bool = False,
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Drift]:
    """Yield every derived number that differs from the ledger, for all users or one.

    Users are compared ``batch_size`` at a time without locks; a difference is looked
    at again with the user locked before it counts. With ``fix`` the user is rebuilt
    on the way. ``progress`` is called with the number of users after each batch.
    Raises ``UnknownUserError``, ``StorageError``, and ``ValueError`` for a
    ``batch_size`` below 1.
    """
    for user_ids in _pages(user, batch_size):
        for user_id, drift in _compare(user_ids).items():
            if drift:
                yield from _confirm(user_id, fix=fix)
        if progress:
            progress(len(user_ids))


def rebuild(user: UserRef) -> None:
    """Make the user's progress anew from the ledger, without celebrations.

    Raises ``UnknownUserError``, ``StorageError``.
    """
    user_id = user_id_of(user)
    in_transaction(write_alias(), [user_id], lambda store: _rebuild(user_id))


def _pages(user: UserRef | None, size: int) -> Iterator[list[Any]]:
    check_batch_size(size)
    if user is not None:
        yield [user_id_of(user)]
        return
    users = get_user_model()._base_manager.using(write_alias()).order_by("pk")
    rest = users
    while page := _first(rest, size):
        yield page
        rest = users.filter(pk__gt=page[-1])


def _first(users: QuerySet[Any], size: int) -> list[Any]:
    with wrap_database_errors(write_alias()):
        return list(users.values_list("pk", flat=True)[:size])


def _confirm(user_id: Any, *, fix: bool) -> list[Drift]:
    def confirm(store: Store) -> list[Drift]:
        drift = _compare([user_id])[user_id]
        if drift and fix:
            _rebuild(user_id)
        return drift

    return in_transaction(write_alias(), [user_id], confirm)


def _compare(user_ids: Sequence[Any]) -> dict[Any, list[Drift]]:
    """Return the differences of each user."""
    with wrap_database_errors(write_alias()):
        derived, stored = _derived(user_ids), _stored(user_ids)
    return {
        user_id: [
            Drift(user_id, what, stored[user_id].get(what), derived[user_id].get(what))
            for what in sorted(stored[user_id].keys() | derived[user_id].keys())
            if stored[user_id].get(what) != derived[user_id].get(what)
        ]
        for user_id in user_ids
    }


def _derived(user_ids: Sequence[Any]) -> dict[Any, Numbers]:
    names = _activity_names()
    profiles = _profiles(user_ids)
    thresholds, numbers = conf.LEVEL_THRESHOLDS, {}
    for user_id, progress in _replayed(user_ids).items():
        profile = profiles.get(user_id, UserGamification())
        columns = progress.columns(profile.calendar, thresholds)
        numbers[user_id] = _numbers(columns, progress, names)
        if user_id not in profiles and not progress.tallies and not progress.peak_xp:
            numbers[user_id] = {}
    return numbers


def _replayed(user_ids: Sequence[Any]) -> dict[Any, Progress]:
    lines: dict[Any, list[DerivedEntry]] = defaultdict(list)
    entries = LedgerEntry.objects.using(write_alias()).filter(user__in=user_ids)
    rows = entries.order_by("id").values_list("user_id", *DerivedEntry._fields)
    for user_id, *values in rows:
        lines[user_id].append(DerivedEntry(*values))
    return {user_id: derive_progress(lines[user_id]) for user_id in user_ids}


def _stored(user_ids: Sequence[Any]) -> dict[Any, Numbers]:
    alias, names = write_alias(), _activity_names()
    profiles = _profiles(user_ids)
    progress = {user_id: Progress() for user_id in user_ids}
    tallies = ActivityTally.objects.using(alias).filter(user__in=user_ids)
    for tally in tallies:
        progress[tally.user_id].tallies[tally.activity_id] = (
            tally.count,
            tally.last_recorded_at,
        )
    days = ActiveDay.objects.using(alias).filter(user__in=user_ids)
    for day in days.filter(kind=ActiveDay.Kind.ACTIVE):
        progress[day.user_id].days[day.date] = (day.activities, day.xp)
    columns = Progress().columns(conf.default_calendar, conf.LEVEL_THRESHOLDS)
    return {
        user_id: _numbers(
            {name: getattr(profiles[user_id], name) for name in columns}
            if user_id in profiles
            else {},
            progress[user_id],
            names,
        )
        for user_id in user_ids
    }


def _numbers(columns: Numbers, progress: Progress, names: dict[int, str]) -> Numbers:
    numbers = dict(columns)
    for activity_id, (count, last) in progress.tallies.items():
        numbers[f"tally {names[activity_id]}"] = count
        numbers[f"tally {names[activity_id]} recorded at"] = last
    for day, (activities, xp) in progress.days.items():
        numbers[f"day {day}"] = f"{activities} activities, {xp} XP"
    return numbers


def _profiles(user_ids: Sequence[Any]) -> dict[Any, UserGamification]:
    rows = UserGamification.objects.using(write_alias()).filter(user__in=user_ids)
    return {profile.user_id: profile for profile in rows}


def _activity_names() -> dict[int, str]:
    return dict(Activity.objects.using(write_alias()).values_list("id", "key"))


def _rebuild(user_id: Any) -> None:
    """Write what the ledger says; the user is locked."""
    alias, progress = write_alias(), _replayed([user_id])[user_id]
    profile = _profiles([user_id]).get(user_id)
    if profile is None:
        raise UnknownUserError
    UserGamification.objects.using(alias).filter(pk=profile.pk).update(
        **progress.columns(profile.calendar, conf.LEVEL_THRESHOLDS),
        version=F("version") + 1,
        updated_at=timezone.now(),
    )
    tallies = ActivityTally.objects.using(alias)
    tallies.filter(user=user_id).delete()
    tallies.bulk_create(
        ActivityTally(
            user_id=user_id, activity_id=activity_id, count=count, last_recorded_at=last
        )
        for activity_id, (count, last) in progress.tallies.items()
    )
    days = ActiveDay.objects.using(alias)
    days.filter(user=user_id, kind=ActiveDay.Kind.ACTIVE).delete()
    days.bulk_create(
        ActiveDay(user_id=user_id, date=day, activities=activities, xp=xp)
        for day, (activities, xp) in progress.days.items()
    )
