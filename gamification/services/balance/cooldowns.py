"""Counts records again by another cooldown, one by one.

Whether a cooldown allows a reward depends on the records before, so sums do not tell.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from gamification.domain.limits import Done, rewarded_units
from gamification.domain.outcomes import EntryKind
from gamification.services.balance.sql import Rate, entries_of


class _Entry(NamedTuple):
    """The columns that are read of a ledger entry."""

    user_id: Any
    activity_id: int
    occurred_at: Any
    id: int
    local_date: date
    kind: str
    quantity: int
    amount: int
    reverses: int | None


@dataclass(slots=True)
class Recount:
    """The XP of a period by other numbers, for the users who are read."""

    #: XP that was given, and that would have been given, by activity id.
    xp: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: XP that each user would have on top.
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
    in_order = entries.order_by("user_id", "activity_id", "occurred_at", "id")
    rows = in_order.values_list(*_Entry._fields)
    for (user_id, activity_id), group in groupby(rows, itemgetter(0, 1)):
        rate, history = by_id[activity_id], [_Entry(*row) for row in group]
        units = rewarded_units(_standing(history), rate.limit, rate.cooldown)
        before = sum(entry.amount for entry in history)
        result.add(user_id, rate, before, units * rate.reward)
    return result


def _standing(history: Collection[_Entry]) -> Iterable[Done]:
    """Yield the records that were not reversed, which happens on their own date."""
    reversed_ids = {entry.reverses for entry in history}
    for entry in history:
        if entry.kind == EntryKind.ACTIVITY and entry.id not in reversed_ids:
            yield Done(entry.occurred_at, entry.local_date, entry.quantity)
