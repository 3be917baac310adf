"""What recording means, written down once more without a line of the package."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

THRESHOLDS = [0, 50, 150, 300, 500, 750, 1_050, 1_400, 1_800, 2_250]


class Activity(NamedTuple):
    key: str
    xp: int
    limit: int | None = None
    extends: bool = True


class Achievement(NamedTuple):
    key: str
    criterion: str
    threshold: int
    xp: int
    activity: str | None = None
    status: str = "active"


class Request(NamedTuple):
    user: int
    activity: str
    quantity: int
    at: datetime
    key: str | None
    source: str


@dataclass
class Entry:
    kind: str
    amount: int
    source: str = ""
    activity: str | None = None
    units: int = 0
    rewarded: int = 0
    day: date | None = None
    is_reversed: bool = False


class Refused(Exception):  # noqa: N818 - it is not an error of the model
    """The model refuses the request, for this reason."""


@dataclass
class User:
    """One user's books."""

    zone: str
    activities: dict[str, Activity]
    achievements: list[Achievement]
    entries: list[Entry] = field(default_factory=list)
    requests: dict[str, Request] = field(default_factory=dict)
    held: dict[str, Entry] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    highest_level: int = 1

    @property
    def total(self) -> int:
        return sum(entry.amount for entry in self.entries)

    @property
    def level(self) -> int:
        return max(1, sum(self.total >= threshold for threshold in THRESHOLDS))

    @property
    def tallies(self) -> Counter[str]:
        tallies = Counter(
            {entry.activity: 0 for entry in self.entries if entry.activity}
        )
        for entry in self.entries:
            if entry.activity:
                tallies[entry.activity] += entry.units
        return tallies

    @property
    def days(self) -> dict[date, tuple[int, int]]:
        days: dict[date, tuple[int, int]] = {}
        for entry in self.entries:
            if entry.day and self.activities[entry.activity].extends:
                count, xp = days.get(entry.day, (0, 0))
                step = -1 if entry.kind == "reversal" else 1
                days[entry.day] = (count + step, xp + entry.amount)
        return {day: numbers for day, numbers in days.items() if numbers[0]}

    @property
    def runs(self) -> list[int]:
        runs, last = [0], None
        for day in sorted(self.days):
            if last and day - last == timedelta(1):
                runs[-1] += 1
            else:
                runs.append(1)
            last = day
        return runs

    def measure(self, achievement: Achievement) -> int:
        return {
            "activity_count": lambda: self.tallies[achievement.activity],
            "active_days": lambda: len(self.days),
            "longest_streak": lambda: max(self.runs),
            "level": lambda: self.level,
            "total_xp": lambda: self.total,
            "achievements": lambda: len(self.held),
            "manual": lambda: -1,
        }[achievement.criterion]()

    def is_repeated(self, request: Request) -> bool:
        used = self.requests.get(request.key) if request.key else None
        if used not in {None, request}:
            raise Refused("idempotency_conflict")
        return used is not None

    def record(self, request: Request) -> list[str]:
        """Record an activity; return what it unlocks."""
        activity = self.activities[request.activity]
        if request.key:
            self.requests[request.key] = request
        day = request.at.astimezone(ZoneInfo(self.zone)).date()
        rewarded = request.quantity
        if activity.limit is not None:
            same = [
                e for e in self.entries if (e.activity, e.day) == (activity.key, day)
            ]
            units = sum(entry.units for entry in same) + request.quantity
            room = min(activity.limit, units) - sum(entry.rewarded for entry in same)
            rewarded = max(0, min(request.quantity, room))
        return self.add(
            Entry(
                "activity",
                rewarded * activity.xp,
                request.source,
                activity.key,
                request.quantity,
                rewarded,
                day,
            )
        )

    def add(self, entry: Entry) -> list[str]:
        """Put an entry into the books; return what more XP unlocks."""
        self.entries.append(entry)
        self.highest_level = max(self.highest_level, self.level)
        unlocked: list[str] = []
        while (entry.amount > 0 or entry.kind == "activity") and (new := self.earned()):
            for achievement in new:
                self.hold(achievement)
            unlocked += [achievement.key for achievement in new]
        return unlocked

    def earned(self) -> list[Achievement]:
        return [
            achievement
            for achievement in sorted(
                self.achievements, key=lambda each: each.threshold
            )
            if achievement.status == "active"
            and achievement.criterion != "manual"
            and achievement.key not in self.held.keys() | self.revoked
            and self.measure(achievement) >= achievement.threshold
        ]

    def hold(self, achievement: Achievement) -> Entry:
        entry = Entry("achievement", achievement.xp)
        self.entries.append(entry)
        self.highest_level = max(self.highest_level, self.level)
        self.held[achievement.key] = entry
        return entry

    def adjust(self, amount: int) -> list[str]:
        if amount < 0 and self.total + amount < 0:
            raise Refused("insufficient_xp")
        return self.add(Entry("adjustment", amount))

    def reverse(self, entry: Entry) -> list[str]:
        entry.is_reversed = True
        return self.add(
            Entry(
                "reversal",
                -entry.amount,
                entry.source,
                entry.activity,
                -entry.units,
                -entry.rewarded,
                entry.day,
            )
        )

    def award(self, achievement: Achievement) -> list[str]:
        if achievement.key in self.held:
            return []
        if achievement.status != "active":
            raise Refused("achievement_not_active")
        self.revoked.discard(achievement.key)
        entry = self.hold(achievement)
        self.entries.remove(entry)
        return [achievement.key, *self.add(entry)]

    def revoke(self, achievement: Achievement) -> list[str]:
        if achievement.key in self.revoked:
            return []
        if achievement.key not in self.held:
            raise Refused("achievement_not_held")
        entry = self.held.pop(achievement.key)
        self.revoked.add(achievement.key)
        return self.reverse(entry)

    def state(self) -> dict[str, object]:
        """Return everything that derives from the books."""
        return {
            "total_xp": self.total,
            "level": self.level,
            "highest_level": self.highest_level,
            "streak": (self.runs[-1], max(self.runs)),
            "last_active_on": max(self.days, default=None),
            "days": self.days,
            "tallies": dict(self.tallies),
            "held": set(self.held),
            "revoked": self.revoked,
            "ledger": Counter((entry.kind, entry.amount) for entry in self.entries),
        }
