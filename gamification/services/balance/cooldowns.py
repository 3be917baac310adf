"""Counts records again by another cooldown, one by one.

Whether a cooldown allows a reward depends on the records before, so sums do not tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef

from gamification.domain.limits import Done, rewarded_units
from gamification.domain.outcomes import EntryKind
from gamification.models import LedgerEntry
from gamification.services.balance.sql import Rate, entries_of
from gamification.storage.streaming import stream


class _Entry(NamedTuple):
    """The columns that are read of a ledger entry."""

    user_id: Any
    activity_id: int
    occurred_at: Any
    local_date: date
    kind: str
    quantity: int
    amount: int
    is_reversed: bool


@dataclass(slots=True)
class Recount:
    """The XP of a period by other numbers, for the users who are read."""

    #: XP that was given, and that would have been given, by activity id.
    xp: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: XP that each user would have in addition.
    deltas: dict[Any, int] = field(default_factory=dict)

    def add(self, user_id: Any, rate: Rate, before: int, after: int) -> None:
        old, new = self.xp.get(rate.id, (0, 0))
        self.xp[rate.id] = (old + before, new + after)
        if before != after:
            self.deltas[user_id] = self.deltas.get(user_id, 0) + after - before


def recount(rates: Collection[Rate], since: date, until: date, every: int) -> Recount:
    """Return the XP that ``rates`` would have given, as if nothing came before."""
    by_id, result = {rate.id: rate for rate in rates}, Recount()
    if not rates:
        return result
    entries = entries_of(rates, since, until, every)
    ledger = LedgerEntry.objects.using(entries.db)
    reversal = ledger.filter(user=OuterRef("user"), reverses=OuterRef("pk"))
    entries = entries.annotate(is_reversed=Exists(reversal))
    in_order = entries.order_by("user_id", "activity_id", "occurred_at", "id")
    rows = stream(in_order.values_list(*_Entry._fields))
    for (user_id, activity_id), group in groupby(rows, itemgetter(0, 1)):
        rate, sums = by_id[activity_id], _Sums()
        records = sums.standing(_Entry(*row) for row in group)
        units = rewarded_units(records, rate.limit, rate.cooldown)
        result.add(user_id, rate, sums.before, units * rate.reward)
    return result


@dataclass(slots=True)
class _Sums:
    """The XP of entries that are read only once."""

    before: int = 0

    def standing(self, history: Iterable[_Entry]) -> Iterator[Done]:
        """Yield the records that were not reversed, and sum up all XP."""
        for entry in history:
            self.before += entry.amount
            if entry.kind == EntryKind.ACTIVITY and not entry.is_reversed:
                yield Done(entry.occurred_at, entry.local_date, entry.quantity)
