"""Compares users' progress with the ledger, and rebuilds it from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.db.models import F, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.derive import (
    DerivedEntry,
    Progress,
    derive_progress,
)
from gamification.domain.levels import LEVEL_THRESHOLDS
from gamification.leaderboards import score_drifts
from gamification.leaderboards.values import Key
from gamification.models import (
    Achievement,
    ActiveDay,
    Activity,
    ActivityTally,
    LedgerEntry,
    UserAchievement,
    UserGamification,
    write_alias,
)
from gamification.services.catalogue.filter_counts import (
    filter_numbers,
    rebuild_filters,
)
from gamification.services.corrections.restoring import restore_unlock
from gamification.services.jobs import jobs_undone_for
from gamification.services.levels.table import current_thresholds
from gamification.services.streaks.derived import (
    DerivedStreaks,
    derive_streaks,
    write_missing,
)
from gamification.services.unit_of_work import attempts, wrap_database_errors
from gamification.services.user_batches import check_batch_size
from gamification.services.user_changes import count_again
from gamification.services.validation import UserRef, unknown_user, user_id_of
from gamification.storage import store_for
from gamification.storage.streaming import stream

__all__ = ["Drift", "rebuild", "reconcile"]

#: Users that are compared at a time.
BATCH_SIZE = 1_000

#: The derived numbers of one user, by name.
Numbers = dict[str, object]

#: The stored rows of users, by user id.
Profiles = Mapping[Any, UserGamification]


@dataclass(frozen=True, slots=True)
class Drift:
    """A stored number that differs from the one derived from the ledger."""

    user_id: Any
    #: The number's name, such as ``total_xp`` or ``day 2026-03-01``.
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

    It compares ``batch_size`` users at a time without locks. If a user differs, it
    locks them and compares again before it reports the difference. ``fix`` rebuilds
    such a user. It calls ``progress`` with the number of users after each batch.
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
    """Rebuild the user's progress from the ledger, without celebrations.

    Raises ``UnknownUserError``, ``StorageError``.
    """
    user_id, store = user_id_of(user), store_for(write_alias())
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            _rebuild(user_id)


def _pages(user: UserRef | None, size: int) -> Iterator[list[Any]]:
    check_batch_size(size)
    users = get_user_model()._base_manager.using(write_alias()).order_by("pk")
    if user is not None:
        user_id = user_id_of(user)
        if not _first(users.filter(pk=user_id), 1):
            raise unknown_user(user_id)
        yield [user_id]
        return
    rest = users
    while page := _first(rest, size):
        yield page
        rest = users.filter(pk__gt=page[-1])


def _first(users: QuerySet[Any], size: int) -> list[Any]:
    with wrap_database_errors(write_alias()):
        return list(users.values_list("pk", flat=True)[:size])


def _confirm(user_id: Any, *, fix: bool) -> list[Drift]:
    """Lock the user and return their differences; with ``fix``, rebuild them."""
    for attempt in attempts(store_for(write_alias()), [user_id]):
        with attempt:
            attempt.lock()
            drift = _compare([user_id])[user_id]
            if drift and fix:
                _rebuild(user_id)
    return drift


def _compare(user_ids: Sequence[Any]) -> dict[Any, list[Drift]]:
    """Return the differences of each user."""
    with wrap_database_errors(write_alias()):
        names, profiles = _Names.read(), _profiles(user_ids)
        derived = _derived(user_ids, profiles, names)
        stored = _stored(user_ids, profiles, names)
        for drift in score_drifts(user_ids):
            what = f"score on {drift.board}"
            stored[drift.user_id][what] = _score(drift.kept)
            derived[drift.user_id][what] = _score(drift.counted)
        for user_id, what, kept, counted in filter_numbers(user_ids, write_alias()):
            stored[user_id][what] = kept
            derived[user_id][what] = counted
    return {
        user_id: [
            Drift(user_id, what, stored[user_id].get(what), derived[user_id].get(what))
            for what in sorted(stored[user_id].keys() | derived[user_id].keys())
            if stored[user_id].get(what) != derived[user_id].get(what)
        ]
        for user_id in user_ids
    }


def _derived(
    user_ids: Sequence[Any], profiles: Profiles, names: _Names
) -> dict[Any, Numbers]:
    numbers, thresholds = {}, current_thresholds()
    replayed = _replayed(user_ids)
    streaks = _streaks(replayed, profiles)
    for user_id, progress in replayed.items():
        profile = profiles.get(user_id)
        if profile is None and progress.last_occurred_at is None:
            numbers[user_id] = Numbers()
        else:
            forgiving = streaks.get(user_id)
            columns = _columns(
                progress, profile or UserGamification(), thresholds, forgiving
            )
            numbers[user_id] = _numbers(columns, progress, names)
            missing = forgiving.missing if forgiving else ()
            numbers[user_id] |= {
                f"freeze {row.kind} {row.date}": row.amount for row in missing
            }
            numbers[user_id] |= {
                names.achievement(pk): _held(
                    reward.occurred_at, reward.amount, is_lost=bool(reversal)
                )
                for pk, (reward, reversal) in progress.unlocks.items()
            }
    return numbers


def _replayed(user_ids: Sequence[Any]) -> dict[Any, Progress]:
    replayed = {user_id: Progress() for user_id in user_ids}
    entries = LedgerEntry.objects.using(write_alias()).filter(user__in=user_ids)
    in_order = entries.order_by("user_id", "id")
    rows = stream(in_order.values_list("user_id", *DerivedEntry._fields))
    undone = jobs_undone_for(entries)
    for user_id, lines in groupby(rows, itemgetter(0)):
        replayed[user_id] = derive_progress(
            (DerivedEntry(*line[1:]) for line in lines), undone.get(user_id, {})
        )
    return replayed


def _streaks(
    replayed: Mapping[Any, Progress], profiles: Profiles
) -> dict[Any, DerivedStreaks]:
    """Return the streaks of users whose streaks may forgive something."""
    days = {user_id: progress.days.keys() for user_id, progress in replayed.items()}
    return derive_streaks(profiles.values(), days, write_alias(), timezone.now())


def _columns(
    progress: Progress,
    profile: UserGamification,
    thresholds: Sequence[int],
    streaks: DerivedStreaks | None,
) -> Numbers:
    return progress.columns(
        profile.calendar,
        thresholds,
        highest_level=profile.highest_level,
        highest_streak=profile.highest_streak,
        streak=streaks.daily if streaks else None,
    )


def _stored(
    user_ids: Sequence[Any], profiles: Profiles, names: _Names
) -> dict[Any, Numbers]:
    alias = write_alias()
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
    columns = Progress().columns(conf.default_calendar, LEVEL_THRESHOLDS)
    numbers = {
        user_id: _numbers(
            {name: getattr(profiles[user_id], name) for name in columns}
            if user_id in profiles
            else {},
            progress[user_id],
            names,
        )
        for user_id in user_ids
    }
    for unlock in UserAchievement.objects.using(alias).filter(user__in=user_ids):
        name = names.achievement(unlock.achievement_id)
        numbers[unlock.user_id][name] = _held(
            unlock.unlocked_at, unlock.xp_awarded, is_lost=bool(unlock.revoked_at)
        )
    return numbers


def _numbers(columns: Numbers, progress: Progress, names: _Names) -> Numbers:
    numbers = dict(columns)
    for activity_id, (count, last) in progress.tallies.items():
        name = names.activities[activity_id]
        numbers[f"tally {name}"] = count
        numbers[f"tally {name} recorded at"] = last
    for day, (activities, xp) in progress.days.items():
        numbers[f"day {day}"] = f"{activities} activities, {xp} XP"
    return numbers


def _score(key: Key | None) -> str:
    """Return the score of a user on a board; None means that they are not ranked."""
    return f"{-key.debit} XP since {key.reached_at}" if key else "none"


def _held(since: datetime, xp: int, *, is_lost: bool) -> str:
    """Return the state of an achievement that the user holds, or has lost."""
    return "lost" if is_lost else f"held since {since}, {xp} XP"


@dataclass(frozen=True, slots=True)
class _Names:
    """The keys of activities and achievements, by id."""

    activities: Mapping[int, str]
    achievements: Mapping[int, str]

    @classmethod
    def read(cls) -> Self:
        alias = write_alias()
        return cls(
            dict(Activity.objects.using(alias).values_list("id", "key")),
            dict(Achievement.objects.using(alias).values_list("id", "key")),
        )

    def achievement(self, pk: int) -> str:
        return f"achievement {self.achievements[pk]}"


def _profiles(user_ids: Sequence[Any]) -> Profiles:
    rows = UserGamification.objects.using(write_alias()).filter(user__in=user_ids)
    return {profile.user_id: profile for profile in rows}


def _rebuild(user_id: Any) -> None:
    """Rebuild the progress of a locked user from the ledger."""
    alias, progress = write_alias(), _replayed([user_id])[user_id]
    profile = _profiles([user_id]).get(user_id)
    if profile is None:
        raise unknown_user(user_id)
    streaks = _streaks({user_id: progress}, {user_id: profile}).get(user_id)
    write_missing(streaks.missing if streaks else (), alias)
    UserGamification.objects.using(alias).filter(pk=profile.pk).update(
        **_columns(progress, profile, current_thresholds(), streaks),
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
    count_again(user_id, alias)
    rebuild_filters(user_id, alias)
    for achievement_id, reward in progress.unlocks.items():
        restore_unlock(user_id, achievement_id, reward)
    unlocks = UserAchievement.objects.using(alias).filter(user=user_id)
    unlocks.exclude(achievement__in=[*progress.unlocks]).delete()
