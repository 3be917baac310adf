"""What a user may be shown: their standing, and the achievements that they may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.progression import LevelProgress, get_level_progress
from gamification.domain.rules import AchievementStatus
from gamification.domain.streaks import StreakStatus, streak_status
from gamification.models import Achievement, UserAchievement, UserGamification
from gamification.services.explaining import read_facts
from gamification.services.requests import UserRef, user_id_of, write_alias


@dataclass(frozen=True, slots=True)
class ProfileSummary:
    """Where a user stands at one instant."""

    level: LevelProgress
    #: The highest level that was ever reached.
    highest_level: int
    streak: StreakStatus
    #: Days on which the user was active, and achievements that they hold.
    active_days: int
    achievements: int
    #: The IANA zone that the user's days follow.
    time_zone: str


@dataclass(frozen=True, slots=True)
class AchievementProgress:
    """How far a user is on the way to an achievement."""

    achievement: Achievement
    #: None until the user holds it.
    unlocked_at: datetime | None
    current: int
    target: int
    #: Share of the way, 0 to 1; 1 once it is unlocked.
    fraction: float


def read_progress(user: UserRef) -> ProfileSummary:
    """Return where ``user`` stands now, in two queries.

    Raises ``UnknownUserError`` for what cannot be a user.
    """
    user_id, now = user_id_of(user), timezone.now()
    profiles = UserGamification.objects.using(write_alias()).filter(user=user_id)
    profile = profiles.first() or UserGamification()
    calendar = profile.calendar
    return ProfileSummary(
        level=get_level_progress(profile.total_xp, conf.LEVEL_THRESHOLDS),
        highest_level=profile.highest_level,
        streak=streak_status(profile.streak, calendar, now),
        active_days=profile.active_days,
        achievements=_held(user_id).count(),
        time_zone=calendar.zone_at(now).key,
    )


def read_achievements(user: UserRef) -> list[AchievementProgress]:
    """Return every achievement that ``user`` may see, in five queries.

    Raises ``UnknownUserError`` for what cannot be a user.
    """
    return measure_achievements(user, visible_achievements(user))


def visible_achievements(user: UserRef) -> QuerySet[Achievement]:
    """Keep what ``user`` may see: active ones, without secrets, and what they hold.

    A draft is shown to nobody. Raises ``UnknownUserError`` for what cannot be a user.
    """
    is_held = Exists(_held(user_id_of(user)).filter(achievement=OuterRef("pk")))
    achievements = Achievement.objects.using(write_alias())
    return achievements.filter(
        Q(status=AchievementStatus.ACTIVE, is_secret=False)
        | Q(is_held) & ~Q(status=AchievementStatus.DRAFT)
    )


def measure_achievements(
    user: UserRef, achievements: Iterable[Achievement]
) -> list[AchievementProgress]:
    """Return how far ``user`` is with each of ``achievements``, in four queries.

    Raises ``UnknownUserError`` for what cannot be a user.
    """
    facts, unlocks = read_facts(user), _held(user_id_of(user))
    unlocked_at = dict(unlocks.values_list("achievement_id", "unlocked_at"))
    return [
        _progress(
            achievement,
            unlocked_at.get(achievement.pk),
            facts.measure(achievement.criterion, achievement.activity_id),
        )
        for achievement in achievements
    ]


def _held(user_id: Any) -> QuerySet[UserAchievement]:
    rows = UserAchievement.objects.using(write_alias())
    return rows.filter(user=user_id, revoked_at=None)


def _progress(
    achievement: Achievement, unlocked_at: datetime | None, current: int
) -> AchievementProgress:
    target = achievement.threshold
    fraction = 1.0 if unlocked_at else min(1.0, max(0.0, current / target))
    return AchievementProgress(achievement, unlocked_at, current, target, fraction)
