"""Who would get an achievement by a backfill, before anybody is given it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Case, Count, Exists, IntegerField, OuterRef, QuerySet, When

from gamification.conf import conf
from gamification.domain.catalogue import Criterion
from gamification.models import (
    Achievement,
    ActivityTally,
    UserAchievement,
    UserGamification,
    write_alias,
)
from gamification.services.players.explanations import stored_achievement

#: Criteria that measure a column of the user's row.
_COLUMNS: Final[dict[str, str]] = {
    Criterion.ACTIVE_DAYS: "active_days",
    Criterion.LONGEST_STREAK: "longest_streak",
    Criterion.LEVEL: "level",
    Criterion.TOTAL_XP: "total_xp",
}


@dataclass(frozen=True, slots=True)
class BackfillPreview:
    """What a backfill would do, without what follows from its XP."""

    #: Users who would get the achievement.
    users: int
    #: The first of them, in order of their keys.
    sample: tuple[AbstractBaseUser, ...]
    #: XP that they would get, all together.
    xp: int
    #: Those of them whom that XP alone would lift to another level.
    level_changes: int


def preview_backfill(
    achievement: str | Achievement, *, sample: int = 10
) -> BackfillPreview:
    """Say what backfilling ``achievement`` would do now; changes nothing.

    It is the key of one of any status, or a valid ``Achievement`` that need not be
    saved, such as one that is being edited. Takes three queries at the most, whatever
    the number of users. Raises ``UnknownAchievementError``.
    """
    if isinstance(achievement, str):
        achievement = stored_achievement(achievement)
    reward, profiles = achievement.xp_reward, qualifying_users(achievement)
    counts = profiles.aggregate(users=Count("pk"), level_changes=_level_changes(reward))
    # To look for some where there are none would go through all.
    some = min(sample, counts["users"])
    first = profiles.select_related("user").order_by("user_id")[:some]
    return BackfillPreview(
        sample=tuple(profile.user for profile in first),
        xp=counts["users"] * reward,
        **counts,
    )


def qualifying_users(achievement: Achievement) -> QuerySet[UserGamification]:
    """Keep those who meet ``achievement``, and neither hold it nor lost it to staff.

    Somebody for whom nothing was ever recorded earns nothing.
    """
    alias = write_alias()
    unlocks = UserAchievement.objects.using(alias).filter(user=OuterRef("user"))
    profiles = UserGamification.objects.using(alias)
    return _meeting(achievement, profiles).filter(
        ~Exists(unlocks.filter(achievement=achievement.pk))
    )


def _meeting(
    achievement: Achievement, profiles: QuerySet[UserGamification]
) -> QuerySet[UserGamification]:
    """Keep those whose facts are at the threshold or above."""
    threshold, alias = achievement.threshold, profiles.db
    if achievement.criterion == Criterion.ACTIVITY_COUNT:
        tallies = ActivityTally.objects.using(alias).filter(user=OuterRef("user"))
        counted = tallies.filter(activity=achievement.activity_id, count__gte=threshold)
        return profiles.filter(Exists(counted))
    if achievement.criterion == Criterion.ACHIEVEMENTS:
        held = UserAchievement.objects.using(alias).filter(revoked_at=None)
        by_user = held.order_by().values("user").annotate(held=Count("user"))
        return profiles.filter(
            user__in=by_user.filter(held__gte=threshold).values("user")
        )
    if column := _COLUMNS.get(achievement.criterion):
        return profiles.filter(**{f"{column}__gte": threshold})
    return profiles.none()


def _level_changes(xp: int) -> Count:
    """Count the users whom ``xp`` lifts over a threshold of the levels."""
    lifted = [
        When(total_xp__gte=threshold - xp, total_xp__lt=threshold, then=1)
        for threshold in conf.LEVEL_THRESHOLDS[1:]
    ]
    return Count(Case(*lifted, output_field=IntegerField()))
