"""Writers that act at the same time, each by its seed, and note the answers."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from random import Random
from typing import Any, NamedTuple

import time_machine

from gamification.exceptions import (
    AchievementNotHeldError,
    GamificationError,
    IdempotencyConflictError,
    InsufficientXPError,
    NotRepairableError,
)
from gamification.leaderboards import tend_boards
from gamification.models import LedgerEntry
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    record_activity,
    record_each,
    reverse_entry,
    reverse_source,
    revoke_achievement,
)
from gamification.staff import (
    RecalculationScope,
    RewardEdit,
    abandon_job,
    begin_backfill,
    begin_recalculation,
    edit_achievement,
    grant_freezes,
    pause_streak,
    repair_streak,
    run_next_step,
    tune_rewards,
)
from tests.factories import BoostFactory
from tests.promises.in_books import ACHIEVEMENTS, KEYS
from tests.races import at_once
from tests.races.load import Log, Said

HOURS = (0, 0, 0, 1, 2, 3, 4, 11, 13, 14, 20, 24, 26, 30, 47)
LATE = (48, 54, 72, 100)
#: Keys of one round; each stands for the same request, from any writer.
KEYED = 30
DRAFTS = [each.key for each in ACHIEVEMENTS if each.status == "draft"]


class Players(NamedTuple):
    """The users of a round, its time, and the seed of the acts."""

    seed: str
    users: list[Any]
    guests: list[Any]
    now: datetime


class Game:
    """The data that all writers of a round share in one process."""

    def __init__(self, players: Players) -> None:
        self.seed, self.users, self.guests, self.now = players
        self.log = Log()
        self.tick = time.perf_counter_ns
        #: Entries that can be reversed: the number of a user, and the id of the entry.
        self.reversible: list[tuple[int, int]] = []
        self.jobs: list[int] = []
        self.numbers = {user.pk: number for number, user in enumerate(self.users)}

    def request(self, chance: Random, hours: tuple[int, ...]) -> tuple[Any, ...]:
        """Return user, activity, quantity, hours ago, key and source of a record."""
        key = None
        if chance.random() < 0.4:
            key = f"{self.seed}:{len(hours)}:{chance.randrange(KEYED)}"
            chance = Random(key)
        return (
            chance.randrange(len(self.users)),
            chance.choice(KEYS),
            chance.randint(1, 3),
            chance.choice(hours),
            key,
            chance.choice(["", "kpi:1", "kpi:2"]),
        )


class Writer:
    """Records, corrects and takes back, for any user."""

    ACTS = ("record",) * 6 + ("batch",) * 3 + ("reverse",) * 3
    ACTS += ("undo", "adjust", "award", "revoke", "clash", "lap", "lap", "streak")

    def __init__(self, game: Game, name: str) -> None:
        self.game, self.log = game, game.log
        self.name, self.chance = name, Random(f"{game.seed}:{name}")
        self._numbers = count()

    def play(self, steps: int) -> None:
        for _ in range(steps):
            getattr(self, self.chance.choice(self.ACTS))()

    def _user(self) -> tuple[int, Any]:
        number = self.chance.randrange(len(self.game.users))
        return number, self.game.users[number]

    def _key(self) -> str:
        return f"{self.name}:{next(self._numbers)}"

    def _say(self, number: int, place: int, since: int, *what: Any) -> None:
        self.log.said.append(Said(number, place, since, self.game.tick(), *what))

    def record(self) -> None:
        self._record(self.game.request(self.chance, HOURS + LATE))

    def clash(self) -> None:
        """Send another request with a key that others use."""
        number, activity, quantity, *others = self.game.request(self.chance, HOURS)
        self._record((number, activity, quantity + 7, *others))

    def _record(self, asked: tuple[Any, ...]) -> None:
        number, activity, quantity, hours, key, source = asked
        outcome: Any
        since = self.game.tick()
        try:
            outcome = record_activity(
                self.game.users[number],
                activity,
                occurred_at=self.game.now - timedelta(hours=hours),
                quantity=quantity,
                key=key,
                source=source,
                # Historical records are not boosted.
                historical=hours > HOURS[-1],
            )
        except IdempotencyConflictError as error:
            outcome = error
        self._tell(since, [(asked, outcome)])

    def batch(self) -> None:
        size = self.chance.randint(1, 8)
        asked = [self.game.request(self.chance, HOURS) for _ in range(size)]
        records = [
            ActivityRecord(
                self.game.users[number],
                activity,
                self.game.now - timedelta(hours=hours),
                quantity,
                key,
                source,
            )
            for number, activity, quantity, hours, key, source in asked
        ]
        since = self.game.tick()
        self._tell(since, [*zip(asked, record_each(records), strict=True)])

    def _tell(self, since: int, answers: list[tuple[Any, Any]]) -> None:
        made: dict[int, list[tuple[Any, Any]]] = defaultdict(list)
        for asked, outcome in answers:
            if isinstance(outcome, IdempotencyConflictError):
                self.log.conflicts.append((asked[0], asked[4]))
            elif isinstance(outcome, GamificationError):
                raise outcome
            elif outcome.replayed:
                self.log.replays.append((asked[0], asked[4], outcome.entry.id))
            else:
                made[asked[0]].append((asked, outcome))
        for number, new in made.items():
            told = [_told(outcome) for _, outcome in new]
            place = min(each[0] for each in told)
            requests = [asked for asked, _ in new]
            self._say(number, place, since, "record", requests, told)
            self.game.reversible += [(number, each[0]) for each in told]

    def reverse(self) -> None:
        if not self.game.reversible:
            return
        number, entry_id = self.chance.choice(self.game.reversible)
        since = self.game.tick()
        outcome = reverse_entry(self.game.users[number], entry_id=entry_id)
        if not outcome.replayed:
            place = outcome.entry.id
            self._say(number, place, since, "reverse", entry_id, outcome.total_xp)

    def undo(self) -> None:
        number, user = self._user()
        source, since = self.chance.choice(["kpi:1", "kpi:2"]), self.game.tick()
        entries = [each.entry for each in reverse_source(user, source=source)]
        if entries:
            taken = sorted(entry.reverses for entry in entries)
            place = min(entry.id for entry in entries)
            self._say(number, place, since, "undo", source, taken)

    def adjust(self) -> None:
        number, user = self._user()
        amount, since = self.chance.choice([-60, -9, 5, 80]), self.game.tick()
        try:
            outcome = adjust_xp(user, amount=amount, note="So be it.", key=self._key())
        except InsufficientXPError:
            return
        place, total = outcome.entry.id, outcome.total_xp
        self._say(number, place, since, "adjust", amount, (place, total))
        self.game.reversible.append((number, place))

    def award(self) -> None:
        number, user = self._user()
        since = self.game.tick()
        outcome = award_achievement(user, "medal")
        if not outcome.replayed:
            place = outcome.entry.id
            self._say(number, place, since, "award", "medal", outcome.total_xp)

    def revoke(self) -> None:
        number, user = self._user()
        since = self.game.tick()
        try:
            outcome = revoke_achievement(user, "medal")
        except AchievementNotHeldError:
            return
        if not outcome.replayed:
            place = outcome.entry.id
            self._say(number, place, since, "revoke", "medal", outcome.total_xp)

    def _guest(self) -> tuple[int, Any]:
        number = self.chance.randrange(len(self.game.guests))
        return number, self.game.guests[number]

    def lap(self) -> None:
        """Record a lap of a guest twice with the same key."""
        number, guest = self._guest()
        at = self.game.now - timedelta(days=self.chance.randrange(12))
        key = self._key()
        for _ in range(2):
            record_activity(guest, "lap", occurred_at=at, key=key, historical=True)
        self.log.laps.append((number, at.date()))

    def streak(self) -> None:
        """Grant a guest a freeze, pause a guest, or repair a date."""
        number, guest = self._guest()
        day = (self.game.now - timedelta(days=self.chance.randint(1, 12))).date()
        match self.chance.randrange(3):
            case 0:
                grant_freezes(guest, 1, key=self._key())
                self.log.grants.append((number, self.game.now.date()))
            case 1:
                pause_streak(guest, day, day, actor=None)
                self.log.pauses.append((number, day, day))
            case 2:
                try:
                    repair_streak(guest, [day], actor=None, note="An outage.")
                except NotRepairableError:
                    return
                self.log.repairs.append((number, day))


def _told(outcome: Any) -> tuple[Any, ...]:
    entry, unlocks = outcome.entry, [each.achievement for each in outcome.unlocks]
    return entry.id, entry.xp_reward, outcome.credited, outcome.total_xp, unlocks


class Clerk(Writer):
    """Edits the catalogue, and works off jobs."""

    ACTS = ("tune", "tune", "boost", "backfill", "recalculate", "tend")

    def _edited(self, since: int, **values: Any) -> None:
        version = self.log.versions[-1]._replace(
            since=since, until=self.game.tick(), **values
        )
        self.log.versions.append(version)

    def tune(self) -> None:
        key, xp = self.chance.choice(KEYS), self.chance.choice([0, 4, 10, 25])
        since = self.game.tick()
        tune_rewards(activities=[RewardEdit(key, None, {"xp_reward": xp})], actor=None)
        prices = dict(self.log.versions[-1].prices) | {key: xp}
        self._edited(since, prices=(*prices.items(),))

    def _activate(self, key: str) -> None:
        since = self.game.tick()
        edit_achievement(key, actor=None, expected=None, status="active")
        self._edited(since, activated=(*self.log.versions[-1].activated, key))

    def boost(self) -> None:
        boosts = self.log.versions[-1].boosts
        if len(boosts) == 2:
            return
        since, factor = self.game.tick(), self.chance.choice([50, 133, 200])
        BoostFactory(
            factor=Decimal(factor) / 100,
            starts_at=self.game.now,
            ends_at=self.game.now + timedelta(minutes=5),
            activities=["walk"],
        )
        self._edited(since, boosts=(*boosts, factor))

    def tend(self) -> None:
        tend_boards()

    def backfill(self) -> None:
        key = self.chance.choice(DRAFTS)
        self._activate(key)
        self._work(begin_backfill(key, actor=None), "backfill", key)

    def recalculate(self) -> None:
        keys = self.chance.sample(KEYS, self.chance.randint(1, 3))
        until = self.game.now.date()
        first = until - timedelta(days=self.chance.randrange(4))
        scope = RecalculationScope(keys, first, until)
        job = begin_recalculation(scope, actor=None)
        self._work(job, "recalculate", (keys, first, until))

    def _work(self, job: Any, act: str, asked: Any) -> None:
        since = self.game.tick()
        self.game.jobs.append(job.pk)
        while not job.finished_at:
            job = run_next_step(job.pk, actor=None)
            if job.error:
                job = abandon_job(job.pk, actor=None)
        written: dict[int, list[LedgerEntry]] = defaultdict(list)
        entries = LedgerEntry.objects.filter(job=job.pk).select_related("achievement")
        for entry in entries.order_by("id"):
            if entry.user_id in self.game.numbers:
                written[self.game.numbers[entry.user_id]].append(entry)
        for number, made in written.items():
            told = sorted(
                (
                    entry.corrects or 0,
                    entry.achievement.key if entry.achievement else "",
                    entry.amount,
                )
                for entry in made
                if entry.amount or entry.achievement
            )
            self._say(number, made[0].pk, since, act, asked, told)


class Helper(Writer):
    """Works off jobs that others have begun."""

    ACTS = ("help",)

    def help(self) -> None:
        if self.game.jobs:
            run_next_step(self.game.jobs[-1], actor=None)


def play(game: Game, names: Sequence[str], steps: int) -> Log:
    """Let the writers of these names write at once; return their notes."""
    kinds = {"clerk": Clerk, "helper": Helper}
    writers = [kinds.get(name, Writer)(game, name) for name in names]
    with time_machine.travel(game.now, tick=False):
        at_once([partial(writer.play, steps) for writer in writers])
    return game.log


def play_elsewhere(players: Players, names: Sequence[str], steps: int) -> Log:
    """Do the same in another process."""
    return play(Game(players), names, steps)
