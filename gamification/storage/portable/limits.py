"""Reads with the ORM what daily limits and cooldowns need to know of the ledger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from gamification.domain.outcomes import EntryKind
from gamification.domain.state import Usage
from gamification.models import LedgerEntry
from gamification.storage.queries import ActivityIds, StateQuery


def load_usage(
    query: StateQuery, ids: ActivityIds, alias: str
) -> Mapping[Any, Mapping[tuple[int, date], Usage]]:
    """Return the units of limited activities, and those rewarded, by user and date."""
    usage: dict[Any, dict[tuple[int, date], Usage]] = defaultdict(dict)
    if not ids.limited:
        return usage
    rows = _recent(query, ids, ids.limited, alias).order_by()
    for user_id, activity_id, day, units, rewarded in rows.values_list(
        "user_id", "activity_id", "local_date"
    ).annotate(units=Sum("quantity"), credited=Sum("rewarded")):
        usage[user_id][activity_id, day] = (int(units), int(rewarded))
    return usage


def load_rewarded_at(
    query: StateQuery, ids: ActivityIds, alias: str
) -> Mapping[Any, Mapping[int, list[datetime]]]:
    """Return the instants of rewarded records of activities with a cooldown."""
    instants: dict[Any, dict[int, list[datetime]]] = defaultdict(dict)
    if not ids.cooled:
        return instants
    ledger = LedgerEntry.objects.using(alias).filter(user=OuterRef("user"))
    rows = _recent(query, ids, ids.cooled, alias).filter(
        ~Exists(ledger.filter(reverses=OuterRef("pk"))), kind=EntryKind.ACTIVITY
    )
    more = ledger.filter(corrects=OuterRef("pk")).order_by()
    corrected = more.values("corrects").annotate(n=Sum("rewarded"))
    rows = rows.annotate(
        units=F("rewarded") + Coalesce(Subquery(corrected.values("n")), 0)
    ).filter(units__gt=0)
    for user_id, activity_id, instant in rows.values_list(
        "user_id", "activity_id", "occurred_at"
    ):
        instants[user_id].setdefault(activity_id, []).append(instant)
    return instants


def _recent(
    query: StateQuery, ids: ActivityIds, activity_ids: Sequence[int], alias: str
) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.using(alias).filter(
        user__in=query.user_ids,
        activity__in=activity_ids,
        local_date__range=(ids.since, ids.until),
    )
