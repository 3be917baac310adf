"""Previews a recalculation: its effect, before anything is corrected."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.decisions import decide_recalculation, effect_of
from gamification.domain.estimates import Estimate, Sample
from gamification.domain.rules import ActivityRule
from gamification.models import UserGamification, write_alias
from gamification.services.balance.recalculation.scope import (
    RecalculationScope,
    find_dues,
    numbers_tag,
    rate_of,
)
from gamification.services.balance.sql import due_sql, every_so_many, whole_rows
from gamification.services.effects import Effects, mixed, play
from gamification.services.unit_of_work import naming_errors
from gamification.storage import store_for
from gamification.storage.catalogue import load_catalogue


@dataclass(frozen=True, slots=True)
class ActivityCorrection:
    """XP that past records of an activity would gain and lose."""

    added: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class RecalculationPreview:
    """The effect of a recalculation, with everything that follows from it."""

    effects: Effects
    #: Users who would be skipped, because their total would fall below 0.
    skipped: Estimate
    #: Corrections by the key of each recalculated activity.
    activities: Mapping[str, ActivityCorrection]
    #: Digest of the activities' rewards and limits: ``expected`` by ``recalculate_xp``.
    tag: str

    @property
    def users(self) -> int:
        """Users whose records would be corrected."""
        return self.effects.users.value

    @property
    def raised(self) -> int:
        """Users whose level would be higher."""
        return self.effects.raised.value

    @property
    def lowered(self) -> int:
        """Users whose level would be lower."""
        return self.effects.lowered.value


@naming_errors
def preview_recalculation(scope: RecalculationScope) -> RecalculationPreview:
    """Return what a recalculation of ``scope`` would do now; changes nothing.

    It plays the recalculation for all users whose records may need corrections, or for
    a sample of users if there are very many.

    Raises ``UnknownActivityError``.
    """
    began, catalogue = time.monotonic(), load_catalogue(write_alias())
    rules = scope.rules(catalogue)
    every = every_so_many(scope.since, scope.until)
    suspects = _suspects(scope, rules, every)
    keys = mixed(suspects)
    sample = Sample(len(suspects))
    _play(scope, keys, sample, began)
    if every > 1:
        _widen(sample, len(suspects), every)
    return RecalculationPreview(
        Effects.of(sample, catalogue),
        sample.estimate("skipped"),
        {rule.key: _correction(sample, rule) for rule in rules},
        numbers_tag(rules),
    )


def _play(
    scope: RecalculationScope, keys: Sequence[int], sample: Sample, began: float
) -> None:
    """Add up the effects on the users whose rows have ``keys``."""
    store, now = store_for(write_alias()), timezone.now()
    for snapshot in play(keys, sample, began):
        rules = conf.rules(snapshot.catalogue)
        by_id = snapshot.catalogue.achievement_keys
        activities = scope.rules(snapshot.catalogue)
        dues = find_dues(scope, activities, [*snapshot.states], store)
        for user_id, due in dues.items():
            state = snapshot.states[user_id]
            changeset = decide_recalculation(state, due, rules, now)
            sample.add(effect_of(changeset, by_id) if changeset else {"skipped": 1})


def _widen(sample: Sample, suspects: int, every: int) -> None:
    """Let ``sample`` stand for all users; it is of suspects among one of ``every``."""
    users = UserGamification.objects.count()
    share = sample.size / suspects if suspects else 1
    sample.population, sample.size = users, max(1, ceil(users / every * share))


def _correction(sample: Sample, rule: ActivityRule) -> ActivityCorrection:
    added, taken = ("added", rule.id), ("taken", rule.id)
    return ActivityCorrection(
        sample.estimate(added).value, sample.estimate(taken).value
    )


def _suspects(
    scope: RecalculationScope, rules: Sequence[ActivityRule], every: int
) -> list[int]:
    """Return the keys of the rows of users who may have a record of the wrong worth.

    One statement reads the ledger once, for one of ``every`` users.
    """
    days, values = scope.sums(rules, every).query.sql_with_params()
    due, rewards = due_sql([rate_of(rule) for rule in rules])
    profiles = UserGamification._meta.db_table
    sql = f"""
SELECT DISTINCT p.id FROM (
    SELECT user_id, xp, stale, {due} AS due FROM ({days}) AS days) AS sums
JOIN {profiles} p ON p.user_id = sums.user_id
WHERE sums.due <> sums.xp OR sums.stale > 0"""
    return [key for (key,) in whole_rows(sql, [*rewards, *values])]
