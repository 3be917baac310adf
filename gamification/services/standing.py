"""What a user may be shown: their standing, and the achievements that they may see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from django.contrib.auth import get_user_model
from django.db import connections
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.progression import LevelProgress, get_level_progress
from gamification.domain.rules import AchievementStatus, Facts
from gamification.domain.streaks import Streak, StreakStatus, streak_status
from gamification.models import Achievement
from gamification.models.progress import calendar_of
from gamification.services.requests import UserRef, user_id_of, write_alias
from gamification.storage.tables import PROFILES, UNLOCKS


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

    @property
    def is_shown(self) -> bool:
        """Whether the user may see it: it is active and no secret, or they hold it.

        A draft is shown to nobody.
        """
        status = self.achievement.status
        if self.unlocked_at:
            return status != AchievementStatus.DRAFT
        return status == AchievementStatus.ACTIVE and not self.achievement.is_secret

    @property
    def is_kept_secret(self) -> bool:
        """Whether it is a secret that the user could find out."""
        is_active = self.achievement.status == AchievementStatus.ACTIVE
        return is_active and self.achievement.is_secret and not self.unlocked_at


def read_progress(user: UserRef) -> ProfileSummary:
    """Return where ``user`` stands now, in one query.

    Raises ``UnknownUserError`` for what cannot be a user.
    """
    user_id, now = user_id_of(user), timezone.now()
    row = _row_of(user_id)
    streak = Streak(row.current_streak, row.longest_streak, row.last_active_on)
    calendar = calendar_of(json.loads(row.zone_history), conf.default_calendar)
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
    level: int = 1
    highest_level: int = 1
    current_streak: int = 0
    longest_streak: int = 0
    last_active_on: date | None = None
    active_days: int = 0
    #: As JSON.
    zone_history: str = "[]"
    is_public: bool = True
    version: int = 0
    #: Achievements that the user holds.
    held: int = 0


#: Run as it is: to make the query takes Django longer than the database to answer it.
_ROW_SQL: Final = f"""SELECT {", ".join(_Row._fields[:-1])}, (
    SELECT COUNT(*) FROM {UNLOCKS} u
    WHERE u.user_id = p.user_id AND u.revoked_at IS NULL
) FROM {PROFILES} p WHERE p.user_id = %s"""


def _row_of(user_id: Any) -> _Row:
    connection = connections[write_alias()]
    pk = get_user_model()._meta.pk.get_db_prep_value(user_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(_ROW_SQL, [pk])
        return _Row(*(cursor.fetchone() or ()))


def read_achievements(user: UserRef) -> list[AchievementProgress]:
    """Return every achievement that ``user`` may see, in two queries.

    Raises ``UnknownUserError`` for what cannot be a user.
    """
    return [row for row in measure_achievements(user) if row.is_shown]


def measure_achievements(user: UserRef, **which: Any) -> list[AchievementProgress]:
    """Return how far ``user`` is with achievements, also with those not shown.

    ``which`` filters them. It takes two queries, whatever they find. Raises
    ``UnknownUserError`` for what cannot be a user.
    """
    user_id = user_id_of(user)
    row = _row_of(user_id)
    achievements = list(_joined(user_id).filter(**which))
    counts = {each.activity_id: each.tally or 0 for each in achievements}
    facts = Facts(
        row.active_days, row.longest_streak, row.level, row.total_xp, row.held, counts
    )
    measured = dict(facts.measures())
    return [
        _progress(each, measured.get((each.criterion, each.activity_id), 0))
        for each in achievements
    ]


def held_achievements(user: UserRef) -> QuerySet[UserAchievement]:
    """Return what ``user`` holds and may see, the latest first.

    Raises ``UnknownUserError`` for what cannot be a user.
    """
    held = _held(user_id_of(user)).select_related("achievement")
    return held.exclude(achievement__status=AchievementStatus.DRAFT)


def _joined(user_id: Any) -> QuerySet[Any]:
    """Return all achievements, each with the user's unlock and tally, if any."""
    unlock = FilteredRelation(
        "user_achievements",
        condition=Q(
            user_achievements__user=user_id, user_achievements__revoked_at=None
        ),
    )
    counted = FilteredRelation(
        "activity__tallies", condition=Q(activity__tallies__user=user_id)
    )
    achievements = Achievement.objects.using(write_alias())
    return achievements.annotate(unlock=unlock, counted=counted).annotate(
        unlocked_at=F("unlock__unlocked_at"), tally=F("counted__count")
    )


def _progress(achievement: Any, current: int) -> AchievementProgress:
    unlocked_at, target = achievement.unlocked_at, achievement.threshold
    fraction = 1.0 if unlocked_at else min(1.0, max(0.0, current / target))
    return AchievementProgress(achievement, unlocked_at, current, target, fraction)
