"""What a user may be shown: their standing, and the achievements that they may see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, NamedTuple

from django.db.models import (
    Exists,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.progression import LevelProgress, get_level_progress
from gamification.domain.rules import AchievementStatus
from gamification.domain.streaks import Streak, StreakStatus, streak_status
from gamification.models import Achievement, UserAchievement, UserGamification
from gamification.models.progress import calendar_of
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
    #: The zone that they will follow, and from when on, where a change waits.
    pending_time_zone: str | None
    effective_at: datetime | None
    #: Whether others are shown where the user stands.
    is_public: bool
    #: Grows with every change; 0 for a user to whom nothing happened yet.
    version: int


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
    """Return where ``user`` stands now, in one query.

    Raises ``UnknownUserError`` for what cannot be a user.
    """
    user_id, now = user_id_of(user), timezone.now()
    row = _Row(*next(iter(_rows().using(write_alias()).filter(user=user_id)), ()))
    streak = Streak(row.current_streak, row.longest_streak, row.last_active_on)
    calendar = calendar_of(row.zone_history, conf.default_calendar)
    last = calendar.zones[-1]
    waits = last.since > now.timestamp()
    return ProfileSummary(
        level=get_level_progress(row.total_xp, conf.LEVEL_THRESHOLDS),
        highest_level=row.highest_level,
        streak=streak_status(streak, calendar, now),
        active_days=row.active_days,
        achievements=row.held,
        time_zone=calendar.zone_at(now).key,
        pending_time_zone=last.zone if waits else None,
        effective_at=datetime.fromtimestamp(last.since, UTC) if waits else None,
        is_public=row.is_public,
        version=row.version,
    )


class _Row(NamedTuple):
    """What is stored of a user; the defaults are those of one without a row."""

    total_xp: int = 0
    highest_level: int = 1
    current_streak: int = 0
    longest_streak: int = 0
    last_active_on: date | None = None
    active_days: int = 0
    zone_history: Any = None
    is_public: bool = True
    version: int = 0
    #: Achievements that the user holds.
    held: int = 0


@cache
def _rows() -> QuerySet[UserGamification, tuple[Any, ...]]:
    """Return the rows of all users; to make the query takes longer than to run it."""
    held = _held(OuterRef("user")).order_by()
    # An aggregate would group, and give nothing where there is none.
    count = held.values(count=Func("pk", function="COUNT", output_field=IntegerField()))
    rows = UserGamification.objects.order_by().annotate(held=Subquery(count))
    return rows.values_list(*_Row._fields)


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
