"""Plays lives in the naive books."""

from __future__ import annotations

from collections import defaultdict
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.promises.books import Books
from tests.promises.items import Achievement, Activity, Item, Refused, Request
from tests.promises.walls import date_of

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)

ACTIVITIES = [
    Activity("walk", 10),
    Activity("run", 7, limit=3),
    Activity("look", 1, limit=2, extends=False),
    Activity("nap", 5, cooldown=3),
    Activity("feast", 20, limit=2, cooldown=30),
]
ACHIEVEMENTS = [
    Achievement("two walks", "activity_count", 2, 20, "walk", revocable=True),
    Achievement("five walks", "activity_count", 5, 5, "walk"),
    Achievement("five runs", "activity_count", 5, 15, "run"),
    Achievement("three days", "active_days", 3, 10),
    Achievement("two in a row", "longest_streak", 2, 8, revocable=True),
    Achievement("three in a row", "longest_streak", 3),
    Achievement("third level", "level", 3, 25),
    Achievement("hundred", "total_xp", 100, 40, revocable=True),
    Achievement("collector", "achievements", 4, 50),
    Achievement("medal", "manual", 1, 60),
    Achievement("later", "active_days", 2, 30, status="draft"),
    Achievement("dear", "total_xp", 60, 3, status="draft"),
]
KEYS = [activity.key for activity in ACTIVITIES]
#: The windows of the boards that the tests look at, by UTC.
WINDOWS = ("week", "all")


def request_of(values: Any, now: datetime) -> Request:
    user, activity, quantity, hours, key, source = values
    at = now - timedelta(hours=hours)
    return Request(user, activity, quantity, at, key, source)


class Model:
    """Plays a life in the books."""

    def __init__(self) -> None:
        self.activities = {each.key: each for each in deepcopy(ACTIVITIES)}
        self.achievements = {each.key: each for each in deepcopy(ACHIEVEMENTS)}
        self.users = [Books(n, [*self.achievements.values()]) for n in (0, 1)]
        self.now = NOW
        #: The items that can be taken back, in order, each with the books of its user.
        self.reversible: list[tuple[Books, Item]] = []

    def record(self, asked: Any) -> Any:
        [answer] = self.batch([asked], celebrate=True)
        return answer

    def batch(self, asked: list[Any], celebrate: bool) -> list[Any]:
        answers: dict[int, Any] = {}
        # Places of new records, by user, and of the first use of each key.
        new: dict[int, list[tuple[int, Request]]] = defaultdict(list)
        uses: dict[tuple[int, str | None], tuple[int, Request]] = {}
        for place, values in enumerate(asked):
            request = request_of(values, self.now)
            name = request.user, request.key
            if answer := self.replay(request) or repeat(request, uses.get(name)):
                answers[place] = answer
            else:
                new[request.user].append((place, request))
                if request.key:
                    uses[name] = place, request
        made: dict[int, Any] = {}
        for number, fresh in new.items():
            judged = set[str]()
            for place, request in sorted(fresh, key=lambda each: each[1].at):
                judged.add(request.activity)
                made[place] = self.book(
                    self.users[number], request, judged, celebrate=celebrate
                )
        for place in sorted(made):
            item, answers[place] = made[place]
            self.reversible.append((self.users[asked[place][0]], item))
        return [answers[place] for place in range(len(asked))]

    def replay(self, request: Request) -> str | None:
        """Return the answer to a key that an earlier batch used; None for a new key."""
        user = self.users[request.user]
        if request.key not in user.keys:
            return None
        used, item = user.keys[request.key]
        if used != request:
            return "idempotency_conflict"
        return "replayed" if item in user.items else "reversed"

    def book(
        self, user: Books, request: Request, judged: set[str], *, celebrate: bool
    ) -> Any:
        activity = self.activities[request.activity]
        item = user.record(request, activity, self.now, self.factor_of(request))
        if request.key:
            user.keys[request.key] = request, item
        credited = item.worth
        unlocked = user.settle(judged)
        user.look_up(unlocked, celebrate=celebrate)
        return item, (credited, user.total, unlocked)

    def factor_of(self, request: Request) -> Fraction:
        """Return the factor of the boosts that hold for the request: there are none."""
        return Fraction(1)

    def reverse(self, number: int) -> Any:
        if not self.reversible:
            return None
        user, item = self.reversible[number % len(self.reversible)]
        if item not in user.items:
            return "replayed"
        user.reverse([item])
        return user.total

    def undo(self, number: int, source: str) -> Any:
        user = self.users[number]
        targets = [item for item in user.items if item.source == source]
        user.reverse(targets)
        return len(targets)

    def price(self, key: str, xp: int) -> None:
        self.activities[key].xp = xp

    def recalculate(self, keys: set[str], first: int, days: int) -> None:
        until = NOW.date() - timedelta(days=first) + timedelta(days=2)
        for user in self.users:
            changed = user.recalculate(keys, until - timedelta(days=days), until)
            unlocked = [] if changed is None else user.settle(changed)
            user.look_up(unlocked, celebrate=False)

    def adjust(self, number: int, amount: int) -> Any:
        user = self.users[number]
        user.adjust(amount, self.now)
        self.reversible.append((user, user.items[-1]))
        user.look_up(user.settle(set()) if amount > 0 else [])
        return user.total

    def award(self, number: int, key: str) -> Any:
        user, achievement = self.users[number], self.achievements[key]
        if key not in user.held:
            if achievement.status != "active":
                raise Refused("achievement_not_active")
            user.hold(achievement, self.present(user))
            user.look_up([key, *user.settle(set())])
        return user.total

    def present(self, user: Books) -> Item:
        return Item(self.now, date_of(user.zones, self.now), 0)

    def revoke(self, number: int, key: str) -> Any:
        user = self.users[number]
        if key not in user.barred:
            if key not in user.held:
                raise Refused("achievement_not_held")
            user.items.remove(user.held.pop(key))
            user.barred.add(key)
        return user.total

    def backfill(self, key: str) -> Any:
        achievement = self.achievements[key]
        if achievement.status != "active":
            raise Refused("achievement_not_active")
        entitled = [
            user
            for user in self.users
            if user.has_history
            and key not in user.held.keys() | user.barred
            and user.meets(achievement)
        ]
        for user in entitled:
            user.hold(achievement, user.met_at(achievement) or self.present(user))
            followed = user.settle(set())
            user.look_up([key, *followed], celebrate=False)
        return len(entitled)

    def threshold(self, key: str, threshold: int) -> None:
        self.achievements[key].threshold = threshold

    def activate(self, key: str) -> None:
        self.achievements[key].status = "active"

    def move(self, number: int, zone: str) -> None:
        self.users[number].move(zone, self.now)
        self.users[number].look_up([], celebrate=False)
        # No other item occurs at this instant, which has two dates.
        self.now += timedelta(minutes=1)

    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def state(self) -> Any:
        return [user.state(date_of(user.zones, self.now)) for user in self.users] + [
            board(self.users, window, self.now) for window in WINDOWS
        ]


def repeat(request: Request, use: tuple[int, Request] | None) -> str | None:
    """Return the answer to a key that the same batch has used; None for a new key."""
    if use is None:
        return None
    return "replayed" if use[1] == request else "idempotency_conflict"


def board(users: list[Books], window: str, now: datetime) -> list[tuple[Any, ...]]:
    """Return user, score and when it was reached, by UTC, in order of rank."""
    rows = []
    for user in users:
        items = [
            item
            for item in user.items
            if _period(window, item.at) == _period(window, now)
        ]
        score = sum(item.worth for item in items)
        if score > 0:
            reached = max(item.at for item in items if item.worth > 0)
            rows.append((user.number, score, reached))
    return sorted(rows, key=lambda row: (-row[1], row[2], row[0]))


def _period(window: str, at: datetime) -> Any:
    return {
        "day": at.date(),
        "week": at.isocalendar()[:2],
        "month": (at.year, at.month),
        "all": None,
    }[window]
