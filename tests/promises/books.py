"""A naive model of one user, which keeps only the records that stand.

It uses no line of the package. A reversal takes a record off the books, as if it had
never been there. Totals, tallies, days, streaks and boards are counted anew whenever
somebody asks for them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from tests.promises.items import (
    Achievement,
    Activity,
    Item,
    Refused,
    Request,
    level_of,
    measure,
)
from tests.promises.walls import Zones, date_of, follows, is_neutral, runs_of

MILESTONES = [3, 7, 14]


@dataclass
class Books:
    """One user's books."""

    number: int
    achievements: list[Achievement]
    zones: Zones = ((0, "UTC"),)
    #: The standing items, in order of arrival.
    items: list[Item] = field(default_factory=list)
    #: The request with each key, and the item that it made.
    keys: dict[str, tuple[Request, Item]] = field(default_factory=dict)
    #: The rewards of the achievements that the user holds, by key.
    held: dict[str, Item] = field(default_factory=dict)
    barred: set[str] = field(default_factory=set)
    #: Activities that the user ever did.
    known: set[str] = field(default_factory=set)
    has_history: bool = False
    highest_level: int = 1
    highest_streak: int = 0
    #: The achievements ever held, and everything ever celebrated.
    ever_held: set[str] = field(default_factory=set)
    celebrated: set[str] = field(default_factory=set)

    # Numbers that can be counted.

    @property
    def total(self) -> int:
        return sum(item.worth for item in self.items)

    @property
    def tallies(self) -> dict[str, int]:
        tallies = Counter(dict.fromkeys(self.known, 0))
        for item in self.items:
            if item.activity:
                tallies[item.activity.key] += item.units
        return dict(tallies)

    @property
    def days(self) -> dict[date, tuple[int, int]]:
        days: dict[date, tuple[int, int]] = {}
        for item in self.items:
            if item.extends:
                count, xp = days.get(item.day, (0, 0))
                days[item.day] = (count + 1, xp + item.worth)
        return days

    @property
    def runs(self) -> list[int]:
        return runs_of([*self.days], self.zones)

    def streak_on(self, today: date) -> int:
        """Return the streak as it stands on a date, which is still open."""
        last = max(self.days, default=None)
        if last is None or not (last >= today or follows(self.zones, last, today)):
            return 0
        return self.runs[-1]

    # Requests.

    def record(
        self,
        request: Request,
        activity: Activity,
        now: datetime,
        factor: Fraction = Fraction(1),
    ) -> Item:
        past = tuple(each for each in self.zones if each[0] <= now.timestamp())
        day = date_of(self.zones, request.at)
        item = Item(
            request.at,
            day,
            activity.xp,
            request.source,
            activity,
            request.quantity,
            extends=activity.extends and not is_neutral(past or self.zones[:1], day),
            factor=factor,
        )
        self.add(item)
        self.known.add(activity.key)
        self.credit(item)
        return item

    def add(self, item: Item) -> None:
        self.items.append(item)
        self.has_history = True

    def credit(self, item: Item) -> None:
        """Let as many units of the item earn XP as its limit and cooldown allow."""
        others = [
            other
            for other in self.items
            if other.activity is item.activity and other is not item
        ]
        if not item.rewarded and any(
            other.rewarded and item.is_near(other) for other in others
        ):
            return
        room = item.withheld
        if item.activity.limit is not None:
            used = sum(other.rewarded for other in others if other.day == item.day)
            room = min(room, item.activity.limit - used - item.rewarded)
        item.rewarded += max(0, room)

    def take_off(self, targets: list[Item]) -> None:
        """Take items off the books; items that they kept from XP now earn some."""
        for target in targets:
            self.items.remove(target)
        for target in targets:
            for other in sorted(self.items, key=lambda each: each.at):
                if other.activity is target.activity is not None and (
                    other.day == target.day or other.is_near(target)
                ):
                    self.credit(other)

    def adjust(self, amount: int, now: datetime) -> None:
        if amount < 0 and self.total + amount < 0:
            raise Refused("insufficient_xp")
        self.add(Item(now, date_of(self.zones, now), amount))

    def recalculate(self, keys: set[str], since: date, until: date) -> set[str] | None:
        """Give records of these activities and dates the rewards of today.

        Change nothing if the total would fall below 0. Return the activities whose
        records changed if XP was gained, and None otherwise.
        """
        items = [
            item
            for item in self.items
            if item.activity
            and item.activity.key in keys
            and since <= item.day <= until
            and item.xp != item.activity.xp
        ]
        due = sum(item.worth_at(item.activity.xp) - item.worth for item in items)
        if due < 0 and self.total + due < 0:
            return None
        for item in items:
            item.xp = item.activity.xp
        return {item.activity.key for item in items} if due > 0 else None

    def move(self, zone: str, now: datetime) -> None:
        moment = now.timestamp()
        if not self.has_history:
            self.zones = ((0, zone),)
            return
        past = tuple(each for each in self.zones if each[0] <= moment)
        self.zones = past
        if past[-1][1] != zone:
            since = moment if len(past) == 1 else max(moment, past[-1][0] + 86_400)
            self.zones = (*past, (since, zone))

    # Unlocks, losses and celebrations.

    def measure(self, achievement: Achievement) -> int:
        return measure(achievement, self.items, self.zones, len(self.held))

    def meets(self, achievement: Achievement) -> bool:
        return self.measure(achievement) >= achievement.threshold

    def met_at(self, achievement: Achievement) -> Item | None:
        """Return the item since which the standing items have met the achievement.

        An achievement that is met without any item, such as level 1, has None.
        """
        items, met = sorted(self.items, key=lambda item: item.at), []
        for number in range(1, len(items) + 1):
            so_far = items[:number]
            held = sum(each.achievement is not None for each in so_far)
            value = measure(achievement, so_far, self.zones, held)
            met.append(value >= achievement.threshold)
        still_met = [*reversed(met), False].index(False)
        return items[len(items) - still_met] if items else None

    def settle(self, judged: set[str]) -> list[str]:
        """Unlock what is met; return the keys.

        What counts an activity waits for a change of that activity.
        """
        unlocked: list[str] = []
        while earned := self.earned(judged):
            for achievement in earned:
                self.hold(achievement, self.met_at(achievement))
                unlocked.append(achievement.key)
        return unlocked

    def earned(self, judged: set[str]) -> list[Achievement]:
        return [
            each
            for each in sorted(self.achievements, key=lambda each: each.threshold)
            if each.status == "active"
            and each.key not in self.held.keys() | self.barred
            and (each.activity is None or each.activity in judged)
            and self.meets(each)
        ]

    def hold(self, achievement: Achievement, met: Item) -> None:
        reward = Item(met.at, met.day, achievement.xp, achievement=achievement.key)
        self.add(reward)
        self.held[achievement.key] = reward
        self.barred.discard(achievement.key)

    def truly_met(self, holdings: list[Achievement]) -> set[str]:
        """Return the keys of holdings that are met without their own rewards.

        Rewards of holdings that are met in this way do count for the other holdings.
        """
        met: set[str] = set()
        while True:
            away = [self.held[each.key] for each in holdings if each.key not in met]
            items = [item for item in self.items if item not in away]
            held = len(self.held) - len(away)
            before, met = (
                met,
                {
                    each.key
                    for each in holdings
                    if measure(each, items, self.zones, held) >= each.threshold
                },
            )
            if met == before:
                return met

    def lose(self, holdings: list[Achievement], truly_met: set[str]) -> None:
        """Take back holdings that are no longer met, or no longer truly met."""
        kept = holdings
        while True:
            true = [each for each in kept if each.key in truly_met]
            still = self.truly_met(true)
            gone = [
                each
                for each in kept
                if (each in true and each.key not in still)
                or (each not in true and not self.meets(each))
            ]
            if not gone:
                return
            for each in gone:
                self.items.remove(self.held.pop(each.key))
            kept = [each for each in kept if each not in gone]

    def reverse(self, targets: list[Item]) -> None:
        """Take items off the books, with all consequences."""
        before = self.total
        holdings = [
            each
            for each in self.achievements
            if each.revocable and each.key in self.held and self.meets(each)
        ]
        truly_met = self.truly_met(holdings)
        self.take_off(targets)
        self.lose(holdings, truly_met)
        judged = {target.activity.key for target in targets if target.activity}
        self.look_up(self.settle(judged) if self.total > before else [])

    def look_up(self, unlocked: list[str], *, celebrate: bool = True) -> None:
        """Remember the highest level and streak, and celebrate what is new."""
        level, streak = level_of(self.total), max(self.runs, default=0)
        new = {f"achievement:{key}" for key in {*unlocked} - self.ever_held}
        new |= {f"level:{level}"} if level > self.highest_level else set()
        new |= {
            f"streak:{days}"
            for days in MILESTONES
            if self.highest_streak < days <= streak
        }
        if celebrate:
            self.celebrated |= new
        self.ever_held |= {*unlocked}
        self.highest_level = max(self.highest_level, level)
        self.highest_streak = max(self.highest_streak, streak)

    def is_true(self, celebrated: str) -> bool:
        """Say whether what was celebrated still holds."""
        kind, _, what = celebrated.partition(":")
        if kind == "achievement":
            return what in self.held
        if kind == "level":
            return int(what) <= level_of(self.total)
        return int(what) <= max(self.runs, default=0)

    def state(self, today: date) -> dict[str, Any]:
        """Return everything that can be counted."""
        return {
            "total": self.total,
            "level": level_of(self.total),
            "highest_level": self.highest_level,
            "tallies": self.tallies,
            "days": self.days,
            "longest": max(self.runs, default=0),
            "highest_streak": self.highest_streak,
            "current": self.streak_on(today),
            "held": {
                key: (item.at, item.day, item.xp) for key, item in self.held.items()
            },
            "barred": self.barred,
            "pending": {each for each in self.celebrated if self.is_true(each)},
        }
