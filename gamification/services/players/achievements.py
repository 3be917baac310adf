"""The achievements that a user may see, and the progress with each."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from django.db import connections
from django.db.models import Count, F, FilteredRelation, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import Facts
from gamification.domain.criteria import Measure
from gamification.domain.rules import AchievementStatus
from gamification.domain.seasons import Season, SeasonState
from gamification.models import Achievement, UserAchievement, write_alias
from gamification.models.texts.conditions import load_names
from gamification.models.users import prepare_key
from gamification.services.players.conditions import (
    ConditionProgress,
    TreeProgress,
    measure_trees,
)
from gamification.services.players.goals import GoalProgress, goals_of, season_of
from gamification.services.players.progress import StoredProgress, stored_progress
from gamification.services.streaks.measuring import longest_runs_of
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, user_id_of
from gamification.storage.json_rows import ensure_aware

#: Placeholders in a statement that serves all users: the user, now, and their clock.
_USER, _NOW, _WALL = object(), object(), object()

#: How far clocks are ahead of UTC somewhere, and behind it.
_AHEAD, _BEHIND = timedelta(hours=14), timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class AchievementProgress:
    """A user's progress towards an achievement."""

    achievement: Achievement
    #: None until the user holds it.
    unlocked_at: datetime | None
    current: int
    target: int
    #: Share of the way, 0 to 1; 1 once it is unlocked and cannot be earned again now.
    fraction: float
    #: How often the user holds it.
    times: int = 0
    #: Whether its season is to come, is now, or is over; None without a season.
    season: SeasonState | None = None

    @property
    def is_open(self) -> bool:
        """Whether the user can earn it now, or did."""
        return self.season in {None, SeasonState.OPEN} or self.unlocked_at is not None

    #: How far the user is with further conditions; None if there are none.
    conditions: ConditionProgress | None = None


@naming_errors
def get_achievements(user: UserRef) -> list[AchievementProgress]:
    """Return every achievement that ``user`` may see, in two queries.

    If achievements have conditions, it reads the user once more, and takes a query for
    the names that the conditions mention.

    Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    user_id, now = user_id_of(user), timezone.now()
    stored = stored_progress(user_id)
    achievements = [*_visible_at_once(user_id, stored, now)]
    _name(achievements, [each.key for each in achievements])
    return _measured(user_id, stored, achievements, now)


@naming_errors
def get_achievement(user: UserRef, key: str) -> AchievementProgress | None:
    """Return the achievement with this key, if ``user`` may see it, in two queries.

    With conditions it takes as many more queries as ``get_achievements``, and another
    one if they name achievements. Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    user_id, now = user_id_of(user), timezone.now()
    stored = stored_progress(user_id)
    wall = stored.calendar.clock_at(now)
    visible = _visible(user_id, now, wall, wall)
    achievements = [*visible.filter(key=key)]
    _name(achievements, visible.values_list("key", flat=True))
    return next(iter(_measured(user_id, stored, achievements, now)), None)


@naming_errors
def get_all_achievements(user: UserRef, **which: Any) -> list[AchievementProgress]:
    """Return all achievements, even some that ``user`` may not see; meant for staff."""
    return all_achievements(user, None, **which)


def all_achievements(
    user: UserRef, named: Iterable[str] | None, **which: Any
) -> list[AchievementProgress]:
    """Return all achievements, the texts of which name only those with keys ``named``.

    None lets them name every achievement.
    """
    user_id = user_id_of(user)
    rows = [*_joined(user_id).filter(**which)]
    _name(rows, named)
    return _measured(user_id, stored_progress(user_id), rows, timezone.now())


def visible_achievements(user: UserRef) -> QuerySet[Any]:
    """Return the achievements that ``user`` may see.

    They are the active ones that are not secret, and those that the user holds. Nobody
    sees a draft, nor an achievement that staff hide outside its season. A season on
    users' own clocks lasts as long as it lasts anywhere. Raises ``UnknownUserError`` if
    ``user`` is invalid.
    """
    user_id, now = user_id_of(user), timezone.now()
    # Wherever the user is, which only another read would tell.
    return _visible(user_id, now, now + _AHEAD, now - _BEHIND)


def name_visible(user: UserRef, row: Achievement) -> None:
    """Let the text of an achievement name only achievements that ``user`` may see."""
    _name([row], visible_achievements(user).values_list("key", flat=True))


def _name(achievements: Collection[Achievement], named: Iterable[str] | None) -> None:
    """Load the names for the texts, of achievements only those with keys ``named``."""
    names = load_names(each.conditions for each in achievements)
    if named is not None and names.achievements:
        known = names.achievements
        seen = {key: known[key] for key in named if key in known}
        names = names._replace(achievements=seen)
    for each in achievements:
        each.names = names


def held_achievements(user: UserRef, *, viewer: UserRef) -> QuerySet[UserAchievement]:
    """Return the unlocks of ``user`` that ``viewer`` may see, latest first.

    Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    unlocks = UserAchievement.objects.select_related("achievement")
    held = unlocks.filter(user=user_id_of(user), revoked_at=None)
    return held.filter(achievement__in=visible_achievements(viewer))


def held_once(user: UserRef, *, viewer: UserRef) -> QuerySet[Any]:
    """Return the latest of the ``held_achievements`` for each achievement.

    Each has ``times``: how often ``user`` holds it.
    """
    held = held_achievements(user, viewer=viewer)
    same = UserAchievement.objects.filter(
        user=OuterRef("user"), achievement=OuterRef("achievement"), revoked_at=None
    )
    counts = same.order_by().values("user").annotate(n=Count("pk")).values("n")
    last = same.order_by("-unlocked_at", "-number").values("pk")[:1]
    return held.filter(pk=Subquery(last)).annotate(times=Subquery(counts))


@naming_errors
def count_secrets(user: UserRef) -> int:
    """Return how many secret achievements ``user`` can still find now.

    It takes one query, and another one if a secret has a season on users' own clocks.
    Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    user_id, now = user_id_of(user), timezone.now()
    open_ones = _joined(user_id).filter(status=AchievementStatus.ACTIVE, times=0)
    secrets = open_ones.filter(is_secret=True)
    seasons = [
        Season(*row)
        for row in secrets.values_list("starts_at", "ends_at", "season_zone")
    ]
    calendar = conf.default_calendar
    if any((each.starts_at or each.ends_at) and not each.zone for each in seasons):
        calendar = stored_progress(user_id).calendar
    return sum(each.contains(now, calendar) for each in seasons)


def _joined(user_id: Any) -> QuerySet[Any]:
    """Return all achievements, each with the user's unlocks and tally, if any."""
    held = UserAchievement.objects.filter(
        user=user_id, achievement=OuterRef("pk"), revoked_at=None
    )
    times = held.order_by().values("user").annotate(n=Count("pk")).values("n")
    latest = held.order_by("-unlocked_at").values("unlocked_at")[:1]
    counted = FilteredRelation(
        "activity__tallies", condition=Q(activity__tallies__user=user_id)
    )
    return Achievement.objects.annotate(counted=counted).annotate(
        unlocked_at=Subquery(latest),
        times=Coalesce(Subquery(times), 0),
        tally=F("counted__count"),
    )


def _in_season(now: Any, latest: Any, earliest: Any) -> Q:
    """Return the condition that it is in season, or has none.

    ``latest`` and ``earliest`` are what the user's clock may show.
    """
    return Q(
        (Q(starts_at=None) | Q(starts_at__lte=now))
        & (Q(ends_at=None) | Q(ends_at__gt=now)),
        ~Q(season_zone=""),
    ) | Q(
        (Q(starts_at=None) | Q(starts_at__lte=latest))
        & (Q(ends_at=None) | Q(ends_at__gt=earliest)),
        season_zone="",
    )


def _visible(user_id: Any, now: Any, latest: Any, earliest: Any) -> QuerySet[Any]:
    is_shown = Q(shown_outside_season=True) | _in_season(now, latest, earliest)
    return _joined(user_id).filter(
        Q(is_shown, status=AchievementStatus.ACTIVE, is_secret=False)
        | Q(times__gt=0) & ~Q(status=AchievementStatus.DRAFT)
    )


def _visible_at_once(
    user_id: Any, stored: StoredProgress, now: datetime
) -> Iterator[Any]:
    """Yield the rows of ``_visible`` with a statement that is compiled only once."""
    connection = connections[write_alias()]
    sql, parameters = _statement(connection.alias)
    key = prepare_key(user_id, connection.alias)
    adapt = connection.ops.adapt_datetimefield_value
    known = {
        _USER: key,
        _NOW: adapt(now),
        _WALL: adapt(stored.calendar.clock_at(now)),
    }
    given = [known.get(each, each) for each in parameters]
    rows = Achievement.objects.using(connection.alias).raw(sql, given)
    for row in cast("Iterable[Any]", rows):
        if row.unlocked_at:
            row.unlocked_at = ensure_aware(row.unlocked_at, connection.timezone)
        yield row


@cache
def _statement(alias: str) -> tuple[str, Sequence[Any]]:
    """Return the SQL of ``_visible``, which takes longer to compile than to run.

    The parameters ``_USER``, ``_NOW`` and ``_WALL`` mark the places of values.
    """
    marks = (RawSQL("%s", [each]) for each in (_USER, _NOW, _WALL, _WALL))
    compiler = _visible(*marks).query.get_compiler(alias)
    sql, parameters = compiler.as_sql()
    return sql, parameters


def _measured(
    user_id: Any, stored: StoredProgress, joined: Iterable[Any], now: datetime
) -> list[AchievementProgress]:
    """Return the user's progress with each row of ``_joined``."""
    achievements = list(joined)
    facts = Facts(
        stored.active_days,
        stored.longest_streak,
        stored.level,
        stored.total_xp,
        stored.held,
        {each.activity_id: each.tally or 0 for each in achievements},
        longest_runs_of(user_id, (each.streak_id for each in achievements)),
    )
    measured, calendar = dict(facts.measures()), stored.calendar
    trees = measure_trees(user_id, achievements)
    goals = goals_of(user_id, achievements, now)
    return [
        _progress(
            each,
            goals.get(each.pk) or _once(each, trees.get(each.pk), measured),
            season_of(each, calendar, now),
            trees[each.pk].conditions if each.pk in trees else None,
        )
        for each in achievements
    ]


def _once(
    achievement: Any, tree: TreeProgress | None, measured: Mapping[Measure, int]
) -> GoalProgress:
    current = tree.current if tree else measured.get(achievement.measure, 0)
    return GoalProgress(current, achievement.threshold, achievement.times > 0)


def _progress(
    achievement: Any,
    goal: GoalProgress,
    season: SeasonState | None,
    conditions: ConditionProgress | None,
) -> AchievementProgress:
    share = min(1.0, max(0.0, goal.current / goal.target))
    is_over = goal.is_over or (achievement.max_times == 1 and achievement.times > 0)
    return AchievementProgress(
        achievement,
        achievement.unlocked_at,
        goal.current,
        goal.target,
        1.0 if is_over else share,
        achievement.times,
        season,
        conditions,
    )
