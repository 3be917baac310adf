"""Previews a backfill: finds the users who would get the achievement."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import Count, Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.criteria import Criterion
from gamification.domain.decisions import decide_backfill, effect_of
from gamification.domain.estimates import Sample
from gamification.domain.requirements import NOWHERE
from gamification.domain.rules import AchievementRule, AchievementStatus
from gamification.domain.state import UserState
from gamification.models import (
    Achievement,
    UserAchievement,
    UserGamification,
    write_alias,
)
from gamification.models.users import in_order
from gamification.services.catalogue.backfill.meeting import (
    COLUMNS,
    Meeting,
    meeting,
    tally_reaches,
)
from gamification.services.catalogue.filters.syncing import is_tree
from gamification.services.catalogue.lookup import get_definition
from gamification.services.effects import (
    Effects,
    UnlockEffect,
    choose,
    load_if_open,
    mixed,
    play,
    thinning,
)
from gamification.services.players.goals import is_special
from gamification.services.streaks.measuring import users_with_run
from gamification.services.unit_of_work import naming_errors
from gamification.storage import store_for
from gamification.storage.catalogue import load_catalogue, rule_of
from gamification.storage.streaks import load_days, load_ledgers


@dataclass(frozen=True, slots=True)
class BackfillPreview:
    """The effect of a backfill, with everything that follows from it."""

    #: The first users who would get the achievement, in order of their keys.
    sample: tuple[AbstractBaseUser, ...]
    effects: Effects
    #: The other achievements that these users would unlock.
    also: Sequence[UnlockEffect] = ()

    @property
    def users(self) -> int:
        """Users who would get the achievement."""
        return self.effects.users.value

    @property
    def xp(self) -> int:
        """XP that they would get in all, including that of other achievements."""
        return self.effects.xp.value

    @property
    def level_changes(self) -> int:
        """Number of these users who would reach another level."""
        return self.effects.raised.value


@naming_errors
def preview_backfill(
    achievement: str | Achievement, *, sample: int = 10
) -> BackfillPreview:
    """Say what backfilling ``achievement`` would do now; changes nothing.

    ``achievement`` is the key of an achievement of any status, or a valid
    ``Achievement`` that need not be saved, such as one in a form. The preview plays the
    backfill as if the achievement were active: for all users who qualify, or for a
    sample of them if there are more than it can play in a few seconds. Raises
    ``UnknownAchievementError``.
    """
    if not isinstance(achievement, Achievement):
        achievement = get_definition(Achievement, achievement)
    began, profiles = time.monotonic(), qualifying_users(achievement)
    count = profiles.count()
    keys = mixed(choose(profiles, thinning(count))) if count else []
    effects, awarded = _play(achievement, keys, count, began)
    if is_tree(achievement) or is_special(achievement):
        # Some of them may not qualify after all.
        profiles = profiles.filter(user__in=in_order(awarded)[:sample])
    # Without this, a query that finds nobody would scan all users.
    first = profiles.select_related("user").order_by("user_id")[: min(sample, count)]
    return BackfillPreview(
        tuple(profile.user for profile in first),
        effects,
        effects.unlocks_besides(achievement.key),
    )


def _play(
    achievement: Achievement, keys: Sequence[int], count: int, began: float
) -> tuple[Effects, list[Any]]:
    """Return the effects of the backfill on ``count`` users, of whom some have keys.

    The second value has those of them who would be awarded the achievement.
    """
    sample, catalogue, awarded = Sample(count), Catalogue(), list[Any]()
    now, rule = timezone.now(), _active_rule(achievement)
    for snapshot in play(keys, sample, began):
        catalogue = snapshot.catalogue.with_achievement(rule)
        by_id, rules = catalogue.achievement_keys, conf.rules(catalogue)
        states = snapshot.states.values()
        load_what_decides(states, catalogue, [rule])
        for changeset in decide_backfill(states, rule, rules, now):
            sample.add(effect_of(changeset, by_id))
            awarded.append(changeset.state.user_id)
    return Effects.of(sample, catalogue), awarded


def load_what_decides(
    states: Collection[UserState],
    catalogue: Catalogue,
    rules: Sequence[AchievementRule],
) -> None:
    """Give ``states`` the dates and the ledgers that show who meets ``rules``."""
    store = store_for(write_alias())
    if any(rule.streak_id is not None for rule in rules):
        load_days(states, catalogue, store)
    if any(rule.is_special for rule in rules):
        load_ledgers(states, catalogue, store)
    load_if_open(states, catalogue)


def _active_rule(achievement: Achievement) -> AchievementRule:
    """Return the rule of ``achievement`` as if it were active."""
    return replace(rule_of(achievement), status=AchievementStatus.ACTIVE)


def qualifying_users(
    achievement: Achievement, catalogue: Catalogue | None = None
) -> QuerySet[UserGamification]:
    """Return users who meet ``achievement``, do not hold it, and may earn it.

    They may not if staff revoked it, or excluded them from the game. Users for whom
    nothing was ever recorded never qualify. For an achievement with a period or a
    season, these are all who may earn it: their ledgers decide. It reads the
    ``catalogue`` if it is needed and not given.
    """
    unlocks = UserAchievement.objects.filter(user=OuterRef("user"))
    profiles = UserGamification.objects.all()
    profiles = profiles.filter(is_excluded=False).exclude(last_occurred_at=None)
    rows = unlocks.filter(achievement=achievement.pk, can_be_earned_again=False)
    if achievement.repeat_every is None and not achievement.repeat_period:
        return _meeting(achievement, profiles, catalogue).filter(~Exists(rows))
    done = rows.order_by().values("user").annotate(n=Count("pk")).values("n")
    again: QuerySet[Any] = profiles.annotate(done=Coalesce(Subquery(done), 0))
    if achievement.max_times is not None:
        again = again.filter(done__lt=achievement.max_times)
    return _meeting(achievement, again, catalogue)


def _meeting(
    achievement: Achievement,
    profiles: QuerySet[UserGamification],
    catalogue: Catalogue | None,
) -> QuerySet[UserGamification]:
    """Keep users whose facts reach what earns it, or earns it again.

    Of an achievement that requires more than that, it keeps all who may meet it.
    """
    if is_tree(achievement):
        condition = meeting_of(achievement, catalogue).condition
        return profiles if condition is None else profiles.filter(condition)
    every = achievement.repeat_every
    threshold: Any = achievement.threshold
    inner: Any = threshold
    if every is not None:
        threshold, inner = (ref("done") * every + threshold for ref in (F, OuterRef))
    if achievement.criterion == Criterion.ACTIVITY_COUNT:
        counted = achievement.activity_id or NOWHERE
        return profiles.filter(tally_reaches(counted, inner))
    if achievement.criterion == Criterion.ACHIEVEMENTS:
        unlocks = UserAchievement.objects.filter(revoked_at=None)
        held = unlocks.filter(user=OuterRef("user")).order_by().values("user")
        counts = held.annotate(n=Count("achievement", distinct=True)).values("n")
        known: QuerySet[Any] = profiles.annotate(held=Subquery(counts))
        return known.filter(held__gte=threshold)
    if achievement.streak_id is not None:
        return profiles.filter(user__in=users_with_run(achievement))
    if achievement.criterion == Criterion.TOTAL_XP and rule_of(achievement).is_spanned:
        # A season can have more XP than is left of it.
        return profiles
    if column := COLUMNS.get(achievement.criterion):
        return profiles.filter(**{f"{column}__gte": threshold})
    return profiles.none()


def meeting_of(achievement: Achievement, catalogue: Catalogue | None = None) -> Meeting:
    """Return the condition of the users who meet ``achievement`` if it is active.

    It requires more than its criterion.
    """
    rule, known = _active_rule(achievement), catalogue or load_catalogue(write_alias())
    known = known.with_achievement(rule)
    return meeting(known.tree_of(rule).requirement, known)
