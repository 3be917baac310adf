"""Explains why a user holds an achievement or does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from gamification.domain.catalogue import Facts
from gamification.domain.criteria import Criterion
from gamification.domain.rules import AchievementStatus
from gamification.domain.seasons import SeasonState
from gamification.models import (
    Achievement,
    ActivityTally,
    UserAchievement,
    UserGamification,
    write_alias,
)
from gamification.models.texts.criteria import criterion_text
from gamification.services.catalogue.lookup import get_definition
from gamification.services.players.achievements import name_visible
from gamification.services.players.conditions import (
    ConditionProgress,
    TreeProgress,
    measure_trees,
)
from gamification.services.players.goals import goals_of, season_of
from gamification.services.streaks.explaining import unused_freezes
from gamification.services.streaks.measuring import longest_runs_of
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import (
    UserRef,
    unknown_user,
    user_id_of,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The reason why a user holds an achievement or does not."""

    achievement: str
    name: str
    is_unlocked: bool
    criterion: str
    #: The name of the activity or criterion that is measured.
    measures: str
    current: int
    target: int
    missing: int
    #: Share of the way, 0 to 1.
    fraction: float
    #: Codes of the reasons why activities alone do not unlock the achievement:
    #: ``excluded`` (the user, from the game), ``draft``, ``retired``, ``revoked``,
    #: ``manual``, ``inactive_activity``, ``upcoming``, ``ended`` (the season).
    blocked_by: tuple[str, ...]
    #: The whole explanation in words.
    text: str
    #: How far the user is with further conditions; None if there are none.
    conditions: ConditionProgress | None = None


@naming_errors
def get_facts(user: UserRef) -> Facts:
    """Return the facts that achievements measure for a user.

    It takes four queries, and more where achievements measure streaks besides the daily
    one. Raises ``UnknownUserError`` if ``user`` is invalid.
    """
    user_id = user_id_of(user)
    measured = Achievement.objects.exclude(streak=None)
    streaks = measured.values_list("streak_id", flat=True)
    return _facts(user_id, _profile_of(user_id), streaks)


def _profile_of(user_id: Any) -> UserGamification:
    """Return the user's row, or an empty one for a newcomer."""
    rows = UserGamification.objects.filter(user=user_id)
    return rows.first() or UserGamification()


def _facts(
    user_id: Any, profile: UserGamification, streaks: Iterable[int | None]
) -> Facts:
    tallies = ActivityTally.objects.filter(user=user_id)
    held = UserAchievement.objects.filter(user=user_id, revoked_at=None)
    return Facts(
        profile.active_days,
        profile.longest_streak,
        profile.level,
        profile.total_xp,
        held.values("achievement").distinct().count(),
        dict(tallies.values_list("activity_id", "count")),
        longest_runs_of(user_id, streaks),
    )


@naming_errors
def explain_achievement(user: UserRef, achievement: str) -> Explanation:
    """Explain what ``user`` needs for the achievement with this key.

    It explains any achievement, even a secret one: the caller decides who may ask.
    Raises ``UnknownAchievementError``, ``UnknownUserError``.
    """
    user_id, alias = user_id_of(user), write_alias()
    if not get_user_model()._base_manager.using(alias).filter(pk=user_id).exists():
        raise unknown_user(user_id)
    row = get_definition(Achievement, achievement)
    name_visible(user, row)
    unlocks = UserAchievement.objects.filter(user=user_id)
    rows = [*unlocks.filter(achievement=row).order_by("number")]
    held = [each for each in rows if each.revoked_at is None]
    unlock, is_unlocked = next(iter(held or rows), None), bool(held)
    profile, now = _profile_of(user_id), timezone.now()
    tree = measure_trees(user_id, [row]).get(row.pk)
    if tree is None:
        facts = _facts(user_id, profile, [row.streak_id])
        tree = TreeProgress(facts.measure(*row.measure))
    goal = goals_of(user_id, [row], now).get(row.pk)
    if goal:
        tree, row.threshold = replace(tree, current=goal.current), goal.target
    season = season_of(row, profile.calendar, now)
    blockers = _blockers(row, unlock, season, is_excluded=profile.is_excluded)
    is_again = bool(held and goal and not goal.is_over and row.max_times != 1)
    explanation = _explanation(row, tree, is_unlocked, blockers, is_again=is_again)
    is_streak = row.criterion == Criterion.LONGEST_STREAK and explanation.missing
    more = unused_freezes(user_id, row) if is_streak else ""
    if is_again:
        more = _again(row, len(held), tree.current)
    return replace(explanation, text=f"{explanation.text} {more}".rstrip())


def _blockers(
    row: Achievement,
    unlock: UserAchievement | None,
    season: SeasonState | None,
    *,
    is_excluded: bool,
) -> dict[str, str]:
    """Return the reasons that keep the achievement locked, in words, by code."""
    blockers = {
        "excluded": is_excluded,
        "revoked": unlock is not None and unlock.is_barred,
        "draft": row.status == AchievementStatus.DRAFT,
        "retired": row.status == AchievementStatus.RETIRED,
        "manual": row.criterion == Criterion.MANUAL,
        "inactive_activity": row.activity is not None and not row.activity.is_active,
        "upcoming": season == SeasonState.UPCOMING,
        "ended": season == SeasonState.ENDED,
    }
    words = {
        "excluded": _("Staff have excluded the user from the game."),
        "revoked": _("Staff have revoked it, and only they can give it back."),
        "draft": _("It is a draft, which nobody can unlock yet."),
        "retired": _("It is retired: nobody can unlock it any more."),
        "manual": _("Staff award it by hand."),
        "inactive_activity": _("The activity that it counts is switched off."),
        "upcoming": _("Its season has not begun."),
        "ended": _("Its season is over: only what is recorded late still counts."),
    }
    return {code: words[code] for code, blocks in blockers.items() if blocks}


def _again(row: Achievement, times: int, current: int) -> str:
    """Say how often the user has earned it, and what earns it again."""
    activity = row.activity.name if row.activity else ""
    unit = row.streak.unit if row.streak else ""
    target, now = (
        criterion_text(row.criterion, value, activity, unit)
        for value in (row.threshold, current)
    )
    text = ngettext(
        "Held once; again at %(target)s, now at %(current)s.",
        "Held %(times)s times; again at %(target)s, now at %(current)s.",
        times,
    )
    return text % {"times": times, "target": target, "current": now}


def _explanation(
    row: Achievement,
    tree: TreeProgress,
    is_unlocked: bool,
    blockers: dict[str, str],
    *,
    is_again: bool,
) -> Explanation:
    """Return the explanation; ``is_again`` says that the user can earn it once more."""
    current, is_over = tree.current, is_unlocked and not is_again
    measures = row.activity.name if row.activity else row.get_criterion_display()
    missing = 0 if is_over else max(0, row.threshold - current)
    activity = row.activity.name if row.activity else ""
    unit = row.streak.unit if row.streak else ""
    values = {
        "name": row.name,
        "required": row.criterion_text,
        "current": criterion_text(row.criterion, current, activity, unit),
        "missing": missing,
        "activity": activity,
        "conditions": ", ".join(_unmet(tree.conditions)),
    }
    return Explanation(
        achievement=row.key,
        name=row.name,
        is_unlocked=is_unlocked,
        criterion=row.criterion,
        measures=str(measures),
        current=current,
        target=row.threshold,
        missing=missing,
        fraction=1.0 if is_over else min(1.0, max(0.0, current / row.threshold)),
        blocked_by=() if is_unlocked else tuple(blockers),
        text=_text(values, is_unlocked=is_unlocked, blockers=blockers),
        conditions=tree.conditions,
    )


def _text(
    values: dict[str, object], *, is_unlocked: bool, blockers: dict[str, str]
) -> str:
    if is_unlocked:
        return _("“%(name)s” is unlocked.") % values
    if "manual" in blockers:
        sentences = [_("“%(name)s” cannot be earned by activities.")]
    else:
        sentences = [_("“%(name)s” requires %(required)s.")]
        sentences += [_("The user is at %(current)s.")]
    if values["missing"] and "manual" not in blockers:
        sentences += [_("%(missing)s to go.")]
    elif not blockers and not values["conditions"]:
        sentences += [_next_record(values)]
    if values["conditions"]:
        sentences += [_("Not met yet: %(conditions)s.")]
    return " ".join([each % values for each in sentences] + [*blockers.values()])


def _unmet(progress: ConditionProgress | None) -> Iterator[str]:
    """Yield the conditions that are not met, such as “5 × Review (2 of 5)”."""
    for each in progress.unmet if progress else ():
        values = {"text": each.text, "current": each.current, "target": each.target}
        has_count = each.name in {"criterion", "at_least"}
        text = _("%(text)s (%(current)s of %(target)s)") if has_count else "%(text)s"
        yield text % values


def _next_record(values: dict[str, object]) -> str:
    """Say which record unlocks an achievement whose criterion the user meets."""
    if values["activity"]:
        return _(
            "It unlocks with the next record of “%(activity)s”, or when staff award or "
            "backfill it."
        )
    return _(
        "It unlocks with the next record of any activity, or when staff award or "
        "backfill it."
    )
