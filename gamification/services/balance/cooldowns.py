"""Counts records again by another cooldown, one by one.

Whether a cooldown allows a reward depends on the records before, so sums do not tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef

from gamification.domain.boosted import worth_of
from gamification.domain.limits import Done, RewardCount
from gamification.domain.outcomes import Entry, EntryKind
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
    boosts: Any
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


def recount(
    worlds: Sequence[Collection[Rate]], since: date, until: date, every: int
) -> list[Recount]:
    """Return the XP that the rates of each world would have given.

    It counts as if nothing came before ``since``, and reads the records only once.
    """
    by_id = [{rate.id: rate for rate in rates} for rates in worlds]
    results = [Recount() for _ in worlds]
    wanted = [rate for rates in worlds for rate in rates]
    if not wanted:
        return results
    entries = entries_of(wanted, since, until, every)
    ledger = LedgerEntry.objects.using(entries.db)
    reversal = ledger.filter(user=OuterRef("user"), reverses=OuterRef("pk"))
    entries = entries.annotate(is_reversed=Exists(reversal))
    in_order = entries.order_by("user_id", "activity_id", "occurred_at", "id")
    rows = stream(in_order.values_list(*_Entry._fields))
    for (user_id, activity_id), group in groupby(rows, itemgetter(0, 1)):
        counted = [
            (result, RateCount(rate))
            for rates, result in zip(by_id, results, strict=True)
            if (rate := rates.get(activity_id))
        ]
        before = _count((_Entry(*row) for row in group), [each[1] for each in counted])
        for result, count in counted:
            result.add(user_id, count.rate, before, count.xp)
    return results


class RateCount:
    """The XP of a user's records by one rate, each at its own factor."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self.xp = 0
        self._units = RewardCount(rate.limit, rate.cooldown)

    def add(self, entry: _Entry | Entry) -> None:
        """Count the next record; records come in order of time."""
        done = Done(entry.occurred_at, entry.local_date, entry.quantity)
        before = self._units.units
        self._units.add(done)
        base = (self._units.units - before) * self.rate.reward
        self.xp += worth_of(base, entry.boosts)


def _count(history: Iterable[_Entry], counts: Sequence[RateCount]) -> int:
    """Count the records that were not reversed; return the XP of all entries."""
    xp = 0
    for entry in history:
        xp += entry.amount
        if entry.kind == EntryKind.ACTIVITY and not entry.is_reversed:
            for count in counts:
                count.add(entry)
    return xp
