"""Previews a backfill: finds the users who would get the achievement."""

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
from gamification.services.catalogue.lookup import get_definition
from gamification.services.unit_of_work import naming_errors

#: Criteria that measure a column of the user's row.
_COLUMNS: Final[dict[str, str]] = {
    Criterion.ACTIVE_DAYS: "active_days",
    Criterion.LONGEST_STREAK: "longest_streak",
    Criterion.LEVEL: "level",
    Criterion.TOTAL_XP: "total_xp",
}


@dataclass(frozen=True, slots=True)
class BackfillPreview:
    """The effect of a backfill, without the unlocks that follow from its XP."""

    #: Users who would get the achievement.
    users: int
    #: The first of these users, in order of their keys.
    sample: tuple[AbstractBaseUser, ...]
    #: XP that they would get in all.
    xp: int
    #: Number of these users who would reach another level by this XP alone.
    level_changes: int


@naming_errors
def preview_backfill(
    achievement: str | Achievement, *, sample: int = 10
) -> BackfillPreview:
    """Say what backfilling ``achievement`` would do now; changes nothing.

    ``achievement`` is the key of an achievement of any status, or a valid
    ``Achievement`` that need not be saved, such as one in a form. Takes at most three
    queries, whatever the number of users. Raises ``UnknownAchievementError``.
    """
    if not isinstance(achievement, Achievement):
        achievement = get_definition(Achievement, achievement)
    reward, profiles = achievement.xp_reward, qualifying_users(achievement)
    counts = profiles.aggregate(users=Count("pk"), level_changes=_level_changes(reward))
    # Without this, a query that finds nobody would scan all users.
    some = min(sample, counts["users"])
    first = profiles.select_related("user").order_by("user_id")[:some]
    return BackfillPreview(
        sample=tuple(profile.user for profile in first),
        xp=counts["users"] * reward,
        **counts,
    )


def qualifying_users(achievement: Achievement) -> QuerySet[UserGamification]:
    """Return users who meet ``achievement``, do not hold it, and may earn it.

    They may not if staff revoked it, or excluded them from the game. Users for whom
    nothing was ever recorded never qualify.
    """
    alias = write_alias()
    unlocks = UserAchievement.objects.using(alias).filter(user=OuterRef("user"))
    profiles = UserGamification.objects.using(alias)
    profiles = profiles.filter(is_excluded=False).exclude(last_occurred_at=None)
    return _meeting(achievement, profiles).filter(
        ~Exists(unlocks.filter(achievement=achievement.pk, can_be_earned_again=False))
    )


def _meeting(
    achievement: Achievement, profiles: QuerySet[UserGamification]
) -> QuerySet[UserGamification]:
    """Keep users whose facts reach the threshold."""
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
    """Count the users whom ``xp`` takes to another level."""
    lifted = [
        When(total_xp__gte=threshold - xp, total_xp__lt=threshold, then=1)
        for threshold in conf.LEVEL_THRESHOLDS[1:]
    ]
    return Count(Case(*lifted, output_field=IntegerField()))
