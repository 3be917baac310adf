"""The effect of a table of levels, before it is saved."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from django.db.models import Count, F
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.decisions import effect_of
from gamification.domain.estimates import Estimate, Sample
from gamification.domain.levels import LevelRule, thresholds_of
from gamification.domain.releveling import decide_level
from gamification.models import UserGamification
from gamification.services.balance.report import days_to_levels
from gamification.services.effects import Effects, choose, mixed, play, thinning
from gamification.services.levels.parsing import check_levels
from gamification.services.levels.table import (
    current_thresholds,
    due_level,
    misplaced_users,
)
from gamification.services.unit_of_work import naming_errors


@dataclass(frozen=True, slots=True)
class LevelsPreview:
    """The effect of a table of levels, with everything that follows from it."""

    effects: Effects
    #: Users by level, as stored now, and with the table, before what they unlock.
    users_now: Mapping[int, int]
    users_then: Mapping[int, int]
    #: Median days from a user's first entry to each level, with today's table and with
    #: the other, among the users of the sample who reached it.
    days_now: Mapping[int, float]
    days_then: Mapping[int, float]
    #: Users in that sample.
    sampled: int


@naming_errors
def preview_levels(levels: Sequence[LevelRule]) -> LevelsPreview:
    """Return what saving ``levels`` would do now; changes nothing.

    It plays all users who would rise, or a sample of them if there are very many; those
    who would fall are counted. Raises ``InvalidDefinitionsError`` with every error,
    ``StorageError``.
    """
    check_levels(levels)
    table = thresholds_of(levels)
    now, then, falls, rising = Counter[int](), Counter[int](), {}, 0
    for level, due, users in _counts(table):
        now[level] += users
        then[due] += users
        if due < level:
            falls[level, due] = users
        rising += users if due > level else 0
    effects = _with_falls(_play_rises(table, rising), falls)
    (days_now, days_then), sampled = days_to_levels(current_thresholds(), table)
    return LevelsPreview(effects, now, then, days_now, days_then, sampled)


def _counts(table: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return stored level, level with ``table``, and number of users."""
    rows = UserGamification.objects.order_by()
    pairs = rows.annotate(due=due_level(table)).values_list("level", "due")
    return [*pairs.annotate(users=Count("pk"))]


def _play_rises(table: tuple[int, ...], count: int) -> Effects:
    """Return the effects on the ``count`` users whose level would be higher."""
    began, misplaced = time.monotonic(), cast("Any", misplaced_users(table))
    rising = misplaced.filter(due__gt=F("level"))
    sample, catalogue, now = Sample(count), Catalogue(), timezone.now()
    keys = mixed(choose(rising, thinning(count))) if count else []
    for snapshot in play(keys, sample, began):
        catalogue = snapshot.catalogue
        rules = conf.rules(catalogue)._replace(thresholds=table)
        by_id = catalogue.achievement_keys
        for state in snapshot.states.values():
            sample.add(effect_of(decide_level(state, rules, now), by_id))
    return Effects.of(sample, catalogue)


def _with_falls(effects: Effects, falls: Mapping[tuple[int, int], int]) -> Effects:
    """Return ``effects`` with those on users who fall, which are exact."""
    fallen = sum(falls.values())
    users = Estimate(*(number + fallen for number in effects.users))
    moves = dict(sorted({**effects.moves, **falls}.items()))
    return replace(effects, users=users, lowered=Estimate.exactly(fallen), moves=moves)
