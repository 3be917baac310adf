"""Daily limits and cooldowns: how many units of a record earn XP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from gamification.domain.days import ONE_DAY
from gamification.domain.history import StandingEntry
from gamification.domain.outcomes import Entry, Withheld, WithheldReason
from gamification.domain.rules import ActivityRule
from gamification.domain.state import Record, Usage, UserState


class Done(NamedTuple):
    """One record of an activity: its time, the user's date, and its units."""

    at: datetime
    day: date
    quantity: int


class RewardCount:
    """Counts the units of a user's records that would earn XP.

    ``limit`` is in units per date, ``cooldown`` in seconds; None means there is none.
    """

    def __init__(self, limit: int | None, cooldown: int | None) -> None:
        self.units = 0
        self._limit = limit
        self._gap = timedelta(seconds=cooldown or 0)
        self._ready_at: datetime | None = None
        self._usage: dict[date, Usage] = {}

    def add(self, record: Done) -> None:
        """Add the next record; records come in order of time."""
        at, day, quantity = record
        units, before = self._usage.get(day, (0, 0))
        rewarded = 0
        if self._ready_at is None or at >= self._ready_at:
            rewarded = room(quantity, self._limit, (units, before))
        if rewarded:
            self._ready_at = at + self._gap
        self._usage[day] = (units + quantity, before + rewarded)
        self.units += rewarded


def room(quantity: int, limit: int | None, usage: Usage) -> int:
    """Return how many of ``quantity`` can still earn XP on a date with this ``usage``.

    In whatever order its records come, a date credits ``min(limit, units that day)``.
    """
    if limit is None:
        return quantity
    units, rewarded = usage
    return max(0, min(quantity, min(limit, units + quantity) - rewarded))


def freed_units(
    reversed_entry: Entry, standing: Iterable[StandingEntry], activity: ActivityRule
) -> Iterator[tuple[StandingEntry, int]]:
    """Yield records that earn more XP after a reversal, each with the units gained.

    ``standing`` holds the unreversed records of ``activity``, without the one that is
    reversed: all of its date, and all of every date within a cooldown of it.
    """
    records = sorted(standing, key=lambda each: each.entry.occurred_at)
    cooldown = timedelta(seconds=activity.cooldown or 0)
    usage: dict[date, Usage] = {}
    for each in records:
        units, rewarded = usage.get(each.entry.local_date, (0, 0))
        usage[each.entry.local_date] = (
            units + each.entry.quantity,
            rewarded + each.rewarded,
        )
    rewarded_at = [each.entry.occurred_at for each in records if each.rewarded]
    for each in records:
        at, day = each.entry.occurred_at, each.entry.local_date
        is_near = abs(at - reversed_entry.occurred_at) < cooldown
        if not is_near and day != reversed_entry.local_date:
            continue
        if not each.rewarded and any(
            abs(at - other) < cooldown for other in rewarded_at
        ):
            continue
        units, rewarded = usage[day]
        limit = units if activity.daily_limit is None else activity.daily_limit
        freed = min(each.withheld, min(limit, units) - rewarded)
        if freed > 0:
            usage[day] = (units, rewarded + freed)
            rewarded_at.append(at)
            yield each, freed


def crowded_units(
    back: Iterable[StandingEntry],
    standing: Iterable[StandingEntry],
    newer: Container[int | None],
    activities: Iterable[ActivityRule],
) -> Iterator[tuple[StandingEntry, int]]:
    """Yield records that took the place of others, each with the units it took.

    The others come ``back``: limits and cooldowns would have withheld these units if
    they had never been gone. ``newer`` has the ids of entries that were recorded
    meanwhile, and ``standing`` holds all entries that stand then.
    """
    rules: dict[int | None, ActivityRule] = {rule.id: rule for rule in activities}
    returned = [each for each in back if each.rewarded]
    since = [each for each in standing if each.entry.id in newer and each.rewarded]
    units, new, room = map(_units_by_date, (standing, since, returned))
    for each in reversed(since):
        place, rule = _place_of(each), rules[each.entry.activity_id]
        before = units[place] - new[place]
        limit = units[place] if rule.daily_limit is None else rule.daily_limit
        taken = min(each.rewarded, room[place], units[place] - max(before, limit))
        if _is_cooling(each, returned, rule):
            taken = each.rewarded
        if taken > 0:
            for counter in (units, new, room):
                counter[place] -= taken
            yield each, taken


def _units_by_date(
    records: Iterable[StandingEntry],
) -> Counter[tuple[int | None, date]]:
    """Return the units that earn XP, by activity and date."""
    units = Counter[Any]()
    for each in records:
        units[_place_of(each)] += each.rewarded
    return units


def _place_of(record: StandingEntry) -> tuple[int | None, date]:
    return record.entry.activity_id, record.entry.local_date


def _is_cooling(
    record: StandingEntry, rewarded: Iterable[StandingEntry], rule: ActivityRule
) -> bool:
    """Say whether the cooldown of another record covers this one."""
    cooldown = timedelta(seconds=rule.cooldown or 0)
    return any(
        each.entry.activity_id == rule.id
        and abs(each.entry.occurred_at - record.entry.occurred_at) < cooldown
        for each in rewarded
    )


class Limits:
    """A user's remaining allowance, which the records of one request use up."""

    def __init__(self, state: UserState, now: datetime) -> None:
        self._calendar = state.calendar
        self._now = now
        self._usage = dict(state.usage)
        self._rewarded_at = {k: list(v) for k, v in state.rewarded_at.items()}

    def admit(
        self, record: Record, activity: ActivityRule, day: date
    ) -> tuple[int, Withheld | None]:
        """Return how many of the record's units earn XP, and the withheld XP."""
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
