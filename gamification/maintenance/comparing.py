"""Compares users' progress with what their ledgers add up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Self

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.derive import (
    DerivedEntry,
    Progress,
    Reward,
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
from gamification.services.catalogue.filters.counts import filter_numbers
from gamification.services.jobs import jobs_undone_for
from gamification.services.levels.table import current_thresholds
from gamification.services.streaks.derived import DerivedStreaks, derive_streaks
from gamification.services.unit_of_work import wrap_database_errors
from gamification.storage.streaming import stream

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


class Unlocked(NamedTuple):
    """An achievement that a user holds or has lost, by its row or by the ledger."""

    since: datetime
    xp: int
    period: date | None
    lost_at: datetime | None

    @classmethod
    def stored(cls, row: UserAchievement) -> Self:
        return cls(row.unlocked_at, row.xp_awarded, row.period, row.revoked_at)

    @classmethod
    def by(cls, reward: Reward) -> Self:
        entry, loss = reward.entry, reward.reversal
        lost_at = loss.recorded_at if loss else None
        return cls(entry.occurred_at, entry.amount, entry.period, lost_at)

    def __str__(self) -> str:
        period = f" for {self.period}" if self.period else ""
        until = f" until {self.lost_at}" if self.lost_at else ""
        return f"held since {self.since}{until}{period}, {self.xp} XP"


def compare(user_ids: Sequence[Any]) -> dict[Any, list[Drift]]:
    """Return the differences of each user."""
    with wrap_database_errors(write_alias()):
        names, profiles = _Names.read(), read_profiles(user_ids)
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
    replayed = replay(user_ids)
    streaks = streaks_of(replayed, profiles)
    for user_id, progress in replayed.items():
        profile = profiles.get(user_id)
        if profile is None and progress.last_occurred_at is None:
            numbers[user_id] = Numbers()
        else:
            forgiving = streaks.get(user_id)
            columns = columns_of(
                progress, profile or UserGamification(), thresholds, forgiving
            )
            numbers[user_id] = _numbers(columns, progress, names)
            missing = forgiving.missing if forgiving else ()
            numbers[user_id] |= {
                f"freeze {row.kind} {row.date}": row.amount for row in missing
            }
            numbers[user_id] |= {
                names.achievement(*place): str(Unlocked.by(reward))
                for place, reward in progress.unlocks.items()
            }
    return numbers


def replay(user_ids: Sequence[Any]) -> dict[Any, Progress]:
    """Return the progress that the ledger of each user adds up to."""
    replayed = {user_id: Progress() for user_id in user_ids}
    entries = LedgerEntry.objects.filter(user__in=user_ids)
    in_order = entries.order_by("user_id", "id")
    rows = stream(in_order.values_list("user_id", *DerivedEntry._fields))
    undone = jobs_undone_for(entries)
    for user_id, lines in groupby(rows, itemgetter(0)):
        replayed[user_id] = derive_progress(
            (DerivedEntry(*line[1:]) for line in lines), undone.get(user_id, {})
        )
    return replayed


def streaks_of(
    replayed: Mapping[Any, Progress], profiles: Profiles
) -> dict[Any, DerivedStreaks]:
    """Return the streaks of users whose streaks may forgive something."""
    days = {user_id: progress.days.keys() for user_id, progress in replayed.items()}
    return derive_streaks(profiles.values(), days, write_alias(), timezone.now())


def columns_of(
    progress: Progress,
    profile: UserGamification,
    thresholds: Sequence[int],
    streaks: DerivedStreaks | None,
) -> Numbers:
    """Return the columns that the user's row should have."""
    return progress.columns(
        profile.calendar,
        thresholds,
        highest_level=profile.highest_level,
        highest_streak=profile.highest_streak,
        streak=streaks.daily if streaks else None,
        has_exceptions=bool(streaks and streaks.has_exceptions),
    )


def _stored(
    user_ids: Sequence[Any], profiles: Profiles, names: _Names
) -> dict[Any, Numbers]:
    progress = {user_id: Progress() for user_id in user_ids}
    tallies = ActivityTally.objects.filter(user__in=user_ids)
    for tally in tallies:
        progress[tally.user_id].tallies[tally.activity_id] = (
            tally.count,
            tally.last_recorded_at,
        )
    days = ActiveDay.objects.filter(user__in=user_ids)
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
    for unlock in UserAchievement.objects.filter(user__in=user_ids):
        name = names.achievement(unlock.achievement_id, unlock.number)
        numbers[unlock.user_id][name] = str(Unlocked.stored(unlock))
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


@dataclass(frozen=True, slots=True)
class _Names:
    """The keys of activities and achievements, by id."""

    activities: Mapping[int, str]
    achievements: Mapping[int, str]

    @classmethod
    def read(cls) -> Self:
        return cls(
            dict(Activity.objects.values_list("id", "key")),
            dict(Achievement.objects.values_list("id", "key")),
        )

    def achievement(self, pk: int, number: int) -> str:
        times = f" × {number}" if number > 1 else ""
        return f"achievement {self.achievements[pk]}{times}"


def read_profiles(user_ids: Sequence[Any]) -> Profiles:
    """Return the stored rows of these users; some may have none."""
    rows = UserGamification.objects.filter(user__in=user_ids)
    return {profile.user_id: profile for profile in rows}
