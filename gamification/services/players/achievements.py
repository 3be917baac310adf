"""The achievements that a user may see, and the progress with each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, cast

from django.db import connections
from django.db.models import F, FilteredRelation, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils import timezone

from gamification.domain.catalogue import AchievementStatus, Facts
from gamification.models import Achievement, UserAchievement, write_alias
from gamification.models.condition_text import load_names
from gamification.models.users import prepare_key
from gamification.services.players.conditions import (
    ConditionProgress,
    TreeProgress,
    measure_trees,
)
from gamification.services.players.progress import stored_progress
from gamification.services.streaks.measuring import longest_runs_of
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, user_id_of

#: Placeholder for the user in a statement that serves all users.
_USER: Final = object()


@dataclass(frozen=True, slots=True)
class AchievementProgress:
    """A user's progress towards an achievement."""

    achievement: Achievement
    #: None until the user holds it.
    unlocked_at: datetime | None
    current: int
    target: int
    #: Share of the way, 0 to 1; 1 once it is unlocked.
    fraction: float
    #: How far the user is with further conditions; None if there are none.
    conditions: ConditionProgress | None = None


@naming_errors
def get_achievements(user: UserRef) -> list[AchievementProgress]:
    """Return every achievement that ``user`` may see, in two queries.

    It takes another read of the user where achievements require more than a criterion.

    Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    user_id = user_id_of(user)
    return _measured(user_id, _visible_at_once(user_id))


@naming_errors
def get_achievement(user: UserRef, key: str) -> AchievementProgress | None:
    """Return the achievement with this key, if ``user`` may see it, in two queries.

    Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    visible = visible_achievements(user).filter(key=key)
    return next(iter(_measured(user_id_of(user), visible)), None)


@naming_errors
def get_all_achievements(user: UserRef, **which: Any) -> list[AchievementProgress]:
    """Return all achievements, even some that ``user`` may not see; meant for staff."""
    user_id = user_id_of(user)
    return _measured(user_id, _joined(user_id).filter(**which))


def visible_achievements(user: UserRef) -> QuerySet[Any]:
    """Return the achievements that ``user`` may see.

    They are the active ones that are not secret, and those that the user holds. Nobody
    sees a draft. Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    return _visible(user_id_of(user))


def name_visible(user: UserRef, row: Achievement) -> None:
    """Let the text of an achievement name only achievements that ``user`` may see."""
    row.names = names = load_names([row.conditions])
    if named := names.achievements:
        rows = visible_achievements(user).filter(key__in=named)
        seen = {key: named[key] for key in rows.values_list("key", flat=True)}
        row.names = names._replace(achievements=seen)


def held_achievements(user: UserRef, *, viewer: UserRef) -> QuerySet[UserAchievement]:
    """Return the unlocks of ``user`` that ``viewer`` may see, latest first.

    Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    unlocks = UserAchievement.objects.using(write_alias()).select_related("achievement")
    held = unlocks.filter(user=user_id_of(user), revoked_at=None)
    return held.filter(achievement__in=visible_achievements(viewer))


@naming_errors
def count_secrets(user: UserRef) -> int:
    """Return how many secret achievements ``user`` can still find, in one query.

    Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    secrets = _joined(user_id_of(user)).filter(
        is_secret=True, status=AchievementStatus.ACTIVE
    )
    return secrets.filter(own_unlock=None).count()


def _joined(user_id: Any) -> QuerySet[Any]:
    """Return all achievements, each with the user's unlock and tally, if any."""
    # Databases reserve the word "unlock", and Django does not quote these names.
    own_unlock = FilteredRelation(
        "user_achievements",
        condition=Q(
            user_achievements__user=user_id, user_achievements__revoked_at=None
        ),
    )
    counted = FilteredRelation(
        "activity__tallies", condition=Q(activity__tallies__user=user_id)
    )
    achievements = Achievement.objects.using(write_alias())
    return achievements.annotate(own_unlock=own_unlock, counted=counted).annotate(
        unlocked_at=F("own_unlock__unlocked_at"), tally=F("counted__count")
    )


def _visible(user_id: Any) -> QuerySet[Any]:
    return _joined(user_id).filter(
        Q(status=AchievementStatus.ACTIVE, is_secret=False)
        | Q(own_unlock__isnull=False) & ~Q(status=AchievementStatus.DRAFT)
    )


def _visible_at_once(user_id: Any) -> Iterator[Any]:
    """Yield the rows of ``_visible`` with a statement that is compiled only once."""
    connection = connections[write_alias()]
    sql, parameters = _statement(connection.alias)
    key = prepare_key(user_id, connection.alias)
    given = [key if each is _USER else each for each in parameters]
    rows = Achievement.objects.using(connection.alias).raw(sql, given)
    for row in cast("Iterable[Any]", rows):
        if row.unlocked_at and timezone.is_naive(row.unlocked_at):
            # SQLite stores no time zones.
            row.unlocked_at = row.unlocked_at.replace(tzinfo=connection.timezone)
        yield row


@cache
def _statement(alias: str) -> tuple[str, Sequence[Any]]:
    """Return the SQL of ``_visible``, which takes longer to compile than to run.

    The parameter ``_USER`` marks the place of the user's primary key.
    """
    compiler = _visible(RawSQL("%s", [_USER])).query.get_compiler(alias)
    sql, parameters = compiler.as_sql()
    return sql, parameters


def _measured(user_id: Any, joined: Iterable[Any]) -> list[AchievementProgress]:
    """Return the user's progress with each row of ``_joined``."""
    stored, achievements = stored_progress(user_id), list(joined)
    facts = Facts(
        stored.active_days,
        stored.longest_streak,
        stored.level,
        stored.total_xp,
        stored.held,
        {each.activity_id: each.tally or 0 for each in achievements},
        longest_runs_of(user_id, (each.streak_id for each in achievements)),
    )
    measured, trees = dict(facts.measures()), measure_trees(user_id, achievements)
    plain = {each.pk: measured.get(each.measure, 0) for each in achievements}
    progress = {pk: TreeProgress(value) for pk, value in plain.items()} | {**trees}
    return [_progress(each, progress[each.pk]) for each in achievements]


def _progress(achievement: Any, progress: TreeProgress) -> AchievementProgress:
    unlocked_at, target = achievement.unlocked_at, achievement.threshold
    current = progress.current
    fraction = 1.0 if unlocked_at else min(1.0, max(0.0, current / target))
    return AchievementProgress(
        achievement, unlocked_at, current, target, fraction, progress.conditions
    )
