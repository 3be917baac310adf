"""The scope of a recalculation, and the records in it that have to be corrected."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django.db.models import Count, Q, QuerySet

from gamification.domain.catalogue import Catalogue
from gamification.domain.history import StandingEntry, standing_entries
from gamification.domain.outcomes import EntryKind
from gamification.domain.recalculation import Due, recalculate_day
from gamification.domain.rules import ActivityRule
from gamification.exceptions import InvalidRequestError, InvalidSpanError
from gamification.models import Activity, LedgerEntry
from gamification.services.balance.report import MAX_DAYS
from gamification.services.balance.sql import Rate, day_sums
from gamification.services.catalogue.lookup import unknown_definition
from gamification.services.validation import fingerprint
from gamification.storage import Store

#: The kinds of entries that have the reward of a unit.
_REWARDED: Final = (EntryKind.ACTIVITY, EntryKind.CORRECTION)


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
        records = LedgerEntry.objects.order_by()
        return records.filter(
            kind__in=_REWARDED,
            activity__in=[rule.id for rule in rules],
            local_date__range=(self.since, self.until),
        )

    def sums(self, rules: Sequence[ActivityRule], every: int = 1) -> QuerySet[Any, Any]:
        """Return units and XP by user, activity and date.

        ``stale`` counts the entries that have another reward than the activity, or
        whose XP was multiplied by boosts: only one by one, they tell what is due.
        """
        rates = [rate_of(rule) for rule in rules]
        present = Q(pk=None)
        for rule in rules:
            present |= Q(activity=rule.id, xp_reward=rule.xp_reward)
        others = Q(kind__in=_REWARDED) & ~present | Q(boosts__isnull=False)
        stale = Count("pk", filter=others)
        sums = day_sums(rates, self.since, self.until, every)
        counted: QuerySet[Any, Any] = sums.annotate(stale=stale)
        return counted


def rate_of(rule: ActivityRule) -> Rate:
    """Return the rate of ``rule`` for days that are counted again."""
    return Rate(
        rule.id,
        rule.key,
        rule.xp_reward,
        rule.daily_limit,
        has_cooldown=rule.cooldown is not None,
    )


def numbers_tag(rules: Iterable[ActivityRule]) -> str:
    """Return a digest of the rewards and limits of ``rules``."""
    numbers = [(r.key, r.xp_reward, r.daily_limit, r.cooldown) for r in rules]
    return fingerprint(*numbers)


def find_dues(
    scope: RecalculationScope,
    rules: Sequence[ActivityRule],
    user_ids: Sequence[Any],
    store: Store,
) -> dict[Any, list[Due]]:
    """Return the records to correct, by user, without users who have none."""
    by_id = {rule.id: rule for rule in rules}
    entries = store.entries(
        user_ids,
        activity__in=[*by_id],
        local_date__range=(scope.since, scope.until),
    )
    days: dict[tuple[Any, int, date], list[StandingEntry]] = {}
    for each in standing_entries(entries):
        entry = each.entry
        key = (entry.user_id, entry.activity_id or 0, entry.local_date)
        days.setdefault(key, []).append(each)
    dues: dict[Any, list[Due]] = {}
    for (user_id, activity_id, _), standing in days.items():
        standing.sort(key=lambda each: each.entry.occurred_at)
        day = [*recalculate_day(standing, by_id[activity_id])]
        if changes := [due for due in day if due.is_change]:
            dues.setdefault(user_id, []).extend(changes)
    return dues
