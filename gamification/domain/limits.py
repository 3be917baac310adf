"""How many units of records earn XP: daily limits and cooldowns."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from gamification.domain.catalogue import ActivityRule
from gamification.domain.days import ONE_DAY
from gamification.domain.outcomes import Withheld, WithheldReason
from gamification.domain.state import Record, Usage, UserState


class Done(NamedTuple):
    """What a user did of one activity: when, on which of their dates, how much."""

    at: datetime
    day: date
    quantity: int


def rewarded_units(
    records: Iterable[Done], limit: int | None, cooldown: int | None
) -> int:
    """Return how many units of a user's ``records`` would earn XP.

    They come in order of time. ``limit`` is in units of a date, ``cooldown`` in
    seconds; None is none.
    """
    total, gap = 0, timedelta(seconds=cooldown or 0)
    ready_at: datetime | None = None
    usage: dict[date, Usage] = {}
    for at, day, quantity in records:
        units, before = usage.get(day, (0, 0))
        rewarded = 0
        if ready_at is None or at >= ready_at:
            rewarded = room(quantity, limit, (units, before))
        if rewarded:
            ready_at = at + gap
        usage[day] = (units + quantity, before + rewarded)
        total += rewarded
    return total


def room(quantity: int, limit: int | None, usage: Usage) -> int:
    """Return how many of ``quantity`` a date has room for, after its ``usage``.

    A date credits ``min(limit, units that day)``, in any order.
    """
    if limit is None:
        return quantity
    units, rewarded = usage
    return max(0, min(quantity, min(limit, units + quantity) - rewarded))


class Limits:
    """What a user may still earn, as the records of one request use it up."""

    def __init__(self, state: UserState, now: datetime) -> None:
        self._calendar = state.calendar
        self._now = now
        self._usage = dict(state.usage)
        self._rewarded_at = {k: list(v) for k, v in state.rewarded_at.items()}

    def admit(
        self, record: Record, activity: ActivityRule, day: date
    ) -> tuple[int, Withheld | None]:
        """Return how many of the record's units earn XP, and what is withheld."""
        quantity = record.quantity
        units, before = self._usage.get((activity.id, day), (0, 0))
        if ready_at := self._cooling_until(record.occurred_at, activity):
            rewarded, reason = 0, WithheldReason.COOLDOWN
        else:
            rewarded = room(quantity, activity.daily_limit, (units, before))
            reason = WithheldReason.DAILY_LIMIT
            ready_at = self._calendar.begins(day + ONE_DAY, after=self._now)
        self._usage[activity.id, day] = (units + quantity, before + rewarded)
        if rewarded:
            instants = self._rewarded_at.setdefault(activity.id, [])
            instants.append(record.occurred_at)
        if rewarded == quantity:
            return rewarded, None
        held_back = quantity - rewarded
        xp, earnable_at = held_back * activity.xp_reward, max(ready_at, self._now)
        return rewarded, Withheld(xp, held_back, reason, earnable_at)

    def _cooling_until(self, at: datetime, activity: ActivityRule) -> datetime | None:
        cooldown = timedelta(seconds=activity.cooldown or 0)
        instants = self._rewarded_at.get(activity.id, ())
        near = [instant for instant in instants if abs(instant - at) < cooldown]
        return max(near) + cooldown if near else None
