"""What users' records would give with another cooldown: one by one.

Whether a cooldown lets a record earn depends on those before it, so that no sum tells.
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


class _Line(NamedTuple):
    """What is read of an entry."""

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
    """XP of a period by other numbers, of those users who are looked at."""

    #: XP that was given, and that would have been, by activity id.
    xp: dict[int, tuple[int, int]] = field(default_factory=dict)
    #: XP that users would have more.
    deltas: dict[Any, int] = field(default_factory=dict)

    def add(self, user_id: Any, rate: Rate, before: int, after: int) -> None:
        old, new = self.xp.get(rate.id, (0, 0))
        self.xp[rate.id] = (old + before, new + after)
        if before != after:
            self.deltas[user_id] = self.deltas.get(user_id, 0) + after - before


def recount(rates: Collection[Rate], since: date, until: date, every: int) -> Recount:
    """Return what ``rates`` would have given in a period, which begins afresh."""
    by_id, result = {rate.id: rate for rate in rates}, Recount()
    if not rates:
        return result
    entries = entries_of(rates, since, until, every)
    in_order = entries.order_by("user_id", "activity_id", "occurred_at", "id")
    rows = in_order.values_list(*_Line._fields)
    for (user_id, activity_id), lines in groupby(rows, itemgetter(0, 1)):
        rate, history = by_id[activity_id], [_Line(*line) for line in lines]
        units = rewarded_units(_standing(history), rate.limit, rate.cooldown)
        before = sum(line.amount for line in history)
        result.add(user_id, rate, before, units * rate.reward)
    return result


def _standing(history: Collection[_Line]) -> Iterable[Done]:
    """Yield the records that were not taken back, which is on their own date."""
    undone = {line.reverses for line in history}
    for line in history:
        if line.kind == EntryKind.ACTIVITY and line.id not in undone:
            yield Done(line.occurred_at, line.local_date, line.quantity)
