"""What other rates would give for each record, for users whose unlocks need dates.

A season counts what happened in it, and a boost multiplies the rewards of a time, so
what follows from XP depends on when it was earned.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from gamification.domain.history import (
    StandingEntry,
    correction_of,
    standing_entries,
)
from gamification.domain.outcomes import NO_REASON, Entry
from gamification.services.balance.boosted_days import by_rate, worths
from gamification.services.balance.cooldowns import RateCount
from gamification.services.balance.sql import Rate, entries_of
from gamification.storage.streaming import stream


def dated_gains(
    worlds: tuple[Collection[Rate], ...],
    user_ids: Collection[Any],
    since: date,
    until: date,
    now: datetime,
) -> dict[Any, Sequence[Sequence[Entry]]]:
    """Return the corrections of these users' entries by the rates of each world."""
    by_id = [{rate.id: rate for rate in rates} for rates in worlds]
    wanted = [rate for rates in worlds for rate in rates]
    if not (wanted and user_ids):
        return {}
    entries = entries_of(wanted, since, until).filter(user__in=user_ids)
    rows = entries.order_by("user_id", "id").values_list(*Entry._fields)
    read = (Entry(*row) for row in stream(rows))
    gains: dict[Any, Sequence[Sequence[Entry]]] = {}
    for user_id, ledger in groupby(read, lambda entry: entry.user_id):
        known = by_rate(ledger)
        gains[user_id] = [[*_corrections(known, rates, now)] for rates in by_id]
    return gains


def _corrections(
    ledger: Mapping[int, Sequence[Entry]], rates: Mapping[int, Rate], now: datetime
) -> Iterator[Entry]:
    for rate_id, known in ledger.items():
        for each, worth in _due(standing_entries(known), rates[rate_id]):
            if worth != each.worth:
                amount = worth - each.worth
                yield correction_of(each, amount, rewarded=0, now=now, reason=NO_REASON)


def _due(
    standing: Iterable[StandingEntry], rate: Rate
) -> Iterator[tuple[StandingEntry, int]]:
    """Yield each entry with the XP that it would give."""
    if rate.cooldown is None:
        yield from worths(standing, rate)
        return
    count = RateCount(rate)
    for each in sorted(standing, key=lambda each: each.entry.occurred_at):
        before = count.xp
        count.add(each.entry)
        yield each, count.xp - before
