"""How many units of a record earn XP: daily limits and cooldowns."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from gamification.domain.days import ONE_DAY
from gamification.domain.outcomes import Withheld, WithheldReason
from gamification.domain.standing import Record, Standing


class Limits:
    """What a user may still earn, as the records of one request use it up."""

    def __init__(self, standing: Standing, now: datetime) -> None:
        self._calendar = standing.calendar
        self._now = now
        self._usage = dict(standing.usage)
        self._rewarded_at = {k: list(v) for k, v in standing.rewarded_at.items()}

    def admit(self, record: Record, day: date) -> tuple[int, Withheld | None]:
        """Return how many of the record's units earn XP, and what is withheld."""
        activity, quantity = record.activity, record.quantity
        if activity.daily_limit is None and activity.cooldown is None:
            return quantity, None
        if ready_at := self._cooling_until(record):
            rewarded, reason = 0, WithheldReason.COOLDOWN
        else:
            rewarded, reason = self._room(record, day), WithheldReason.DAILY_LIMIT
            ready_at = self._calendar.begins(day + ONE_DAY)
        self._use(record, day, rewarded)
        if rewarded == quantity:
            return rewarded, None
        held_back = quantity - rewarded
        xp, earnable_at = held_back * activity.xp_reward, max(ready_at, self._now)
        return rewarded, Withheld(xp, held_back, reason, earnable_at)

    def _room(self, record: Record, day: date) -> int:
        """A date credits ``min(daily limit, units that day)``, in any order."""
        limit, quantity = record.activity.daily_limit, record.quantity
        if limit is None:
            return quantity
        units, rewarded = self._usage.get((record.activity.id, day), (0, 0))
        return max(0, min(quantity, min(limit, units + quantity) - rewarded))

    def _cooling_until(self, record: Record) -> datetime | None:
        cooldown = timedelta(seconds=record.activity.cooldown or 0)
        near = [
            instant
            for instant in self._rewarded_at.get(record.activity.id, ())
            if abs(instant - record.occurred_at) < cooldown
        ]
        return max(near) + cooldown if near else None

    def _use(self, record: Record, day: date, rewarded: int) -> None:
        activity_id = record.activity.id
        units, before = self._usage.get((activity_id, day), (0, 0))
        self._usage[activity_id, day] = (units + record.quantity, before + rewarded)
        if rewarded:
            instants = self._rewarded_at.setdefault(activity_id, [])
            instants.append(record.occurred_at)
