"""What a recalculation would do, before anything is corrected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import QuerySet

from gamification.conf import conf
from gamification.domain.catalogue import ActivityRule, Catalogue
from gamification.domain.outcomes import EntryKind
from gamification.exceptions import (
    InvalidRequestError,
    InvalidSpanError,
)
from gamification.models import (
    Activity,
    LedgerEntry,
    UserGamification,
    write_alias,
)
from gamification.services.balance.report import MAX_DAYS
from gamification.services.balance.sql import (
    Rate,
    day_sums,
    due_sql,
    every_so_many,
    level_sql,
    whole_rows,
)
from gamification.services.catalogue.lookup import unknown_definition
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import fingerprint
from gamification.storage.catalogue import load_catalogue


@dataclass(frozen=True, slots=True)
class RecalculationScope:
    """The keys of the activities, and the users' dates, to recalculate."""

    activities: Sequence[str]
    since: date
    until: date

    def __post_init__(self) -> None:
        if not self.activities:
            raise InvalidRequestError("No activity is chosen.", field="activities")
        if not 1 <= (self.until - self.since).days + 1 <= MAX_DAYS:
            raise InvalidSpanError(f"The dates do not span 1 to {MAX_DAYS} days.")

    def rules(self, catalogue: Catalogue) -> list[ActivityRule]:
        """Return the present rules of the activities, or raise an error.

        Raises ``UnknownActivityError``.
        """
        known = catalogue.activities
        for key in self.activities:
            if key not in known:
                raise unknown_definition(Activity, key)
        return [known[key] for key in sorted({*self.activities})]

    def records(self, rules: Iterable[ActivityRule]) -> QuerySet[LedgerEntry]:
        """Return all users' records and their corrections, in no order."""
        records = LedgerEntry.objects.using(write_alias()).order_by()
        return records.filter(
            kind__in=(EntryKind.ACTIVITY, EntryKind.CORRECTION),
            activity__in=[rule.id for rule in rules],
            local_date__range=(self.since, self.until),
        )

    def sums(self, rules: Iterable[ActivityRule], every: int = 1) -> QuerySet[Any, Any]:
        """Return units and XP by user, activity and date."""
        rates = [rate_of(rule) for rule in rules]
        return day_sums(rates, self.since, self.until, every)


@dataclass(frozen=True, slots=True)
class ActivityCorrection:
    """XP that past days of an activity would gain and lose."""

    added: int = 0
    taken: int = 0


@dataclass(frozen=True, slots=True)
class RecalculationPreview:
    """The effect of a recalculation, without the unlocks that follow from its XP."""

    #: One of so many users was checked; the numbers are scaled up to all users.
    every: int
    #: Users whose records would be corrected.
    users: int
    #: Users who would be skipped, because their total would fall below 0.
    skipped: int
    #: Users whose level would be higher, or lower.
    raised: int
    lowered: int
    #: Corrections by the key of each recalculated activity.
    activities: Mapping[str, ActivityCorrection]
    #: Digest of the activities' rewards and limits: ``expected`` by ``recalculate_xp``.
    tag: str


@naming_errors
def preview_recalculation(scope: RecalculationScope) -> RecalculationPreview:
    """Return what a recalculation of ``scope`` would do now, in four queries.

    If there are very many users, it checks only some of them, and estimates.

    Raises ``UnknownActivityError``.
    """
    rules = scope.rules(load_catalogue(write_alias()))
    every = every_so_many(scope.since, scope.until)
    rows = _run(scope, rules, every)
    xp = {row[1]: ActivityCorrection(*row[2:4]) for row in rows if row[0]}
    [(_, users, skipped, raised, lowered)] = [row for row in rows if not row[0]]
    return RecalculationPreview(
        every,
        users,
        skipped,
        raised,
        lowered,
        activities={rule.key: xp.get(rule.id, ActivityCorrection()) for rule in rules},
        tag=numbers_tag(rules),
    )


def rate_of(rule: ActivityRule) -> Rate:
    """Return the rate of ``rule`` for days that are counted again."""
    return Rate(
        rule.id,
        rule.key,
        rule.xp_reward,
        rule.daily_limit,
        counts_anew=True,
        has_cooldown=rule.cooldown is not None,
    )


def numbers_tag(rules: Iterable[ActivityRule]) -> str:
    """Return a digest of the rewards and limits of ``rules``."""
    numbers = [(r.key, r.xp_reward, r.daily_limit, r.cooldown) for r in rules]
    return fingerprint(*numbers)


def _run(
    scope: RecalculationScope, rules: Sequence[ActivityRule], every: int
) -> list[tuple[int, ...]]:
    """Return rows of (1, activity, XP added, XP taken, 0), and one of (0, users,
    skipped, raised, lowered), from one statement that reads the ledger once.
    """
    days, values = scope.sums(rules, every).query.sql_with_params()
    due, rewards = due_sql([rate_of(rule) for rule in rules])
    level, steps = level_sql("p.total_xp + d.delta", conf.LEVEL_THRESHOLDS)
    profiles = UserGamification._meta.db_table
    sql = f"""
WITH days AS (SELECT user_id, origin, xp, {due} AS due FROM ({days}) AS days),
changes AS (
    SELECT user_id, origin, sum(CASE WHEN due > xp THEN due - xp ELSE 0 END) AS added,
        sum(CASE WHEN due < xp THEN xp - due ELSE 0 END) AS taken
    FROM days WHERE due <> xp GROUP BY user_id, origin),
deltas AS (
    SELECT user_id, CAST(sum(added - taken) AS bigint) AS delta
    FROM changes GROUP BY user_id),
moves AS (
    SELECT d.user_id, p.level AS before, {level} AS after,
        CASE WHEN d.delta < 0 AND p.total_xp + d.delta < 0 THEN 0 ELSE 1 END AS counts
    FROM deltas d JOIN {profiles} p ON p.user_id = d.user_id)
SELECT 1, c.origin, {every} * sum(c.added), {every} * sum(c.taken), 0
FROM changes c JOIN moves m ON m.user_id = c.user_id
WHERE m.counts = 1 GROUP BY c.origin
UNION ALL SELECT 0, {every} * coalesce(sum(counts), 0),
    {every} * coalesce(sum(1 - counts), 0),
    {every} * coalesce(sum(CASE WHEN after > before THEN counts END), 0),
    {every} * coalesce(sum(CASE WHEN after < before THEN counts END), 0)
FROM moves"""
    return whole_rows(sql, [*rewards, *values, *steps])
