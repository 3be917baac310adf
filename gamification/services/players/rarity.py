"""Counts how rare each achievement is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.core.cache import cache
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.models import (
    ActivityTally,
    UserAchievement,
    UserGamification,
)
from gamification.services.cache import scoped_key, tolerating_errors
from gamification.services.unit_of_work import naming_errors

#: Key in the cache; its number grows when the format of the value changes.
CACHE_KEY: Final = "gamification:rarity:1"


@dataclass(frozen=True, slots=True)
class Rarity:
    """The number of users who hold each achievement, among the active users."""

    #: Number of users by achievement id, without achievements that nobody holds.
    holders: Mapping[int, int]
    #: Number of users who did anything, with or without achievements.
    denominator: int
    worked_out_at: datetime

    def share_of(self, achievement_id: int) -> float | None:
        """Return the share of users who hold the achievement, from 0 to 1.

        It is None if there are no users to count.
        """
        if not self.denominator:
            return None
        # Holders are counted a moment later, when there may be more users.
        return min(1.0, self.holders.get(achievement_id, 0) / self.denominator)


@naming_errors
def get_rarity() -> Rarity:
    """Return how rare all achievements are, cached for ``RARITY_TTL``.

    It counts active, non-staff users with at least one activity that was not reversed
    (staff too if ``RANKS_STAFF`` is set), and no revoked achievements. Without a valid
    value in the cache it takes at most six queries, and one more on PostgreSQL, where
    the key in the cache depends on the schema.
    """
    ttl = conf.RARITY_TTL
    key = scoped_key(CACHE_KEY) if ttl else ""
    kept = _kept(key) if key else None
    if kept and timedelta(0) <= timezone.now() - kept.worked_out_at < ttl:
        return kept
    rarity = _work_out()
    if key:
        _keep(key, rarity, ttl)
    return rarity


def _work_out() -> Rarity:
    # Nearly all users count, so it is faster to subtract those who do not.
    unlocks = UserAchievement.objects.filter(revoked_at=None)
    denominator = UserGamification.objects.count()
    holders = Counter(_holders(unlocks))
    for others in _others():
        if count := others.count():
            denominator -= count
            held = unlocks.filter(user__in=others.values("user"))
            holders.subtract(_holders(held))
    return Rarity(dict(+holders), max(0, denominator), timezone.now())


def _holders(unlocks: QuerySet[UserAchievement]) -> dict[int, int]:
    """Return the number of holders by id of the achievement."""
    by_achievement = unlocks.order_by().values_list("achievement")
    return dict(by_achievement.annotate(Count("user", distinct=True)))


def _others() -> Iterator[QuerySet[UserGamification]]:
    """Yield users who are not counted, and counted users who did nothing."""
    profiles = UserGamification.objects.order_by()
    tallies = ActivityTally.objects.filter(user=OuterRef("user"), count__gt=0)
    yield profiles.uncounted()
    yield profiles.counted().filter(~Exists(tallies), active_days=0)


def _kept(key: str) -> Rarity | None:
    with tolerating_errors():
        match cache.get(key):
            case [float(worked_out_at), int(denominator), dict(holders)]:
                instant = datetime.fromtimestamp(worked_out_at, UTC)
                return Rarity(holders, denominator, instant)
    return None


def _keep(key: str, rarity: Rarity, ttl: timedelta) -> None:
    # Plain values, which every version of this code can read.
    value = [rarity.worked_out_at.timestamp(), rarity.denominator, {**rarity.holders}]
    with tolerating_errors():
        cache.set(key, value, ttl.total_seconds())
