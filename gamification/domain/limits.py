"""How many units of a record earn XP: daily limits and cooldowns."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from gamification.domain.days import ONE_DAY
from gamification.domain.outcomes import Withheld, WithheldReason
from gamification.domain.rules import ActivityRule
from gamification.domain.standing import Record, Standing


class Limits:
    """What a user may still earn, as the records of one request use it up."""

    def __init__(self, standing: Standing, now: datetime) -> None:
        self._calendar = standing.calendar
        self._now = now
        self._usage = dict(standing.usage)
        self._rewarded_at = {k: list(v) for k, v in standing.rewarded_at.items()}

    def admit(
        self, record: Record, activity: ActivityRule, day: date
    ) -> tuple[int, Withheld | None]:
        """Return how many of the record's units earn XP, and what is withheld."""
        quantity = record.quantity
        if ready_at := self._cooling_until(record.occurred_at, activity):
            rewarded, reason = 0, WithheldReason.COOLDOWN
        else:
            rewarded = self._room(quantity, activity, day)
            reason = WithheldReason.DAILY_LIMIT
            ready_at = self._calendar.begins(day + ONE_DAY, after=self._now)
        units, before = self._usage.get((activity.id, day), (0, 0))
        self._usage[activity.id, day] = (units + quantity, before + rewarded)
        if rewarded:
            instants = self._rewarded_at.setdefault(activity.id, [])
            instants.append(record.occurred_at)
        if rewarded == quantity:
            return rewarded, None
        held_back = quantity - rewarded
        xp, earnable_at = held_back * activity.xp_reward, max(ready_at, self._now)
        return rewarded, Withheld(xp, held_back, reason, earnable_at)

    def _room(self, quantity: int, activity: ActivityRule, day: date) -> int:
        """A date credits ``min(daily limit, units that day)``, in any order."""
        if activity.daily_limit is None:
            return quantity
        units, rewarded = self._usage.get((activity.id, day), (0, 0))
        room = min(activity.daily_limit, units + quantity) - rewarded
        return max(0, min(quantity, room))

    def _cooling_until(self, at: datetime, activity: ActivityRule) -> datetime | None:
        cooldown = timedelta(seconds=activity.cooldown or 0)
        instants = self._rewarded_at.get(activity.id, ())
        near = [instant for instant in instants if abs(instant - at) < cooldown]
        return max(near) + cooldown if near else None
