"""Makes the states of users from the rows of several tables."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db import connections

from gamification.domain.outcomes import CelebrationMode
from gamification.domain.state import NONE, NOTHING, UserState
from gamification.domain.streaks import Streak
from gamification.models import ActivityTally, UserAchievement, UserGamification
from gamification.models.progress import calendar_of
from gamification.models.users import convert_key
from gamification.storage.filters import load_tallies
from gamification.storage.goals import load_counts, load_numbers
from gamification.storage.json_rows import ensure_aware
from gamification.storage.portable.limits import load_rewarded_at, load_usage
from gamification.storage.portable.table import Table
from gamification.storage.queries import ActivityIds, StateQuery, UserIds


class _Profile(NamedTuple):
    """The columns of a user's row that are read."""

    user: Any
    last_occurred_at: datetime | None
    #: As JSON.
    zone_history: str
    version: int
    total_xp: int
    level: int
    highest_level: int
    highest_streak: int
    active_days: int
    current_streak: int
    longest_streak: int
    last_active_on: date | None
    is_excluded: bool
    celebration_mode: str
    has_exceptions: bool
    pending_counts: str

    @property
    def streak(self) -> Streak:
        """The streak as of the last active date."""
        return Streak(self.current_streak, self.longest_streak, self.last_active_on)


def read_states(
    query: StateQuery,
    ids: ActivityIds,
    groups: Mapping[Any, frozenset[int]],
    alias: str,
) -> dict[Any, UserState]:
    """Return the states of the users who have a row."""
    held, revoked, lapsed = _achievements(query.user_ids, alias)
    tallies, usage = _tallies(query.user_ids, ids, alias), load_usage(query, ids, alias)
    rewarded_at = load_rewarded_at(query, ids, alias)
    filters = load_tallies(query.user_ids, ids.asked.filters, alias)
    numbers = load_numbers(query.user_ids, ids.repeated, alias)
    counts = load_counts(query.user_ids, ids.spans, alias)
    return {
        profile.user: UserState(
            profile.user,
            calendar_of(json.loads(profile.zone_history), query.calendar),
            profile.version,
            profile.total_xp,
            profile.level,
            profile.highest_level,
            profile.highest_streak,
            profile.active_days,
            profile.streak,
            profile.is_excluded,
            profile.last_occurred_at,
            frozenset(held[profile.user]),
            frozenset(revoked[profile.user]),
            frozenset(lapsed[profile.user]),
            tallies[profile.user],
            usage[profile.user],
            rewarded_at[profile.user],
            celebrates=profile.celebration_mode != CelebrationMode.NONE,
            has_exceptions=profile.has_exceptions,
            filters=filters.get(profile.user),
            asked=ids.asked,
            pending_counts=profile.pending_counts,
            groups=groups.get(profile.user, NONE),
            numbers=numbers.get(profile.user, NOTHING),
            spans=ids.spans and (ids.spans, counts.get(profile.user, NOTHING)),
        )
        for profile in _profiles(query.user_ids, alias)
    }


def _profiles(user_ids: UserIds, alias: str) -> Iterator[_Profile]:
    table, zone = Table(UserGamification, alias), connections[alias].timezone
    for key, instant, *values in table.select(_Profile._fields, {"user": user_ids}):
        last_occurred_at = instant and ensure_aware(instant, zone)
        yield _Profile(convert_key(key, alias), last_occurred_at, *values)


def _achievements(user_ids: UserIds, alias: str) -> Any:
    held: dict[Any, set[int]] = defaultdict(set)
    revoked: dict[Any, set[int]] = defaultdict(set)
    lapsed: dict[Any, set[int]] = defaultdict(set)
    rows = Table(UserAchievement, alias).select(
        ("user", "achievement", "revoked_at", "can_be_earned_again"),
        {"user": user_ids},
    )
    for key, achievement_id, revoked_at, is_lapsed in rows:
        lost = lapsed if is_lapsed else revoked
        (lost if revoked_at else held)[convert_key(key, alias)].add(achievement_id)
    # An achievement that can be earned again may have rows of every kind.
    for user_id in held:
        revoked[user_id] -= held[user_id]
    for user_id in lapsed:
        lapsed[user_id] -= held[user_id] | revoked[user_id]
    return held, revoked, lapsed


def _tallies(
    user_ids: UserIds, ids: ActivityIds, alias: str
) -> Mapping[Any, Mapping[int, int]]:
    tallies: dict[Any, dict[int, int]] = defaultdict(dict)
    rows = Table(ActivityTally, alias).select(
        ("user", "activity", "count"), {"user": user_ids, "activity": ids.all}
    )
    for key, activity_id, count in rows:
        tallies[convert_key(key, alias)][activity_id] = count
    return tallies
