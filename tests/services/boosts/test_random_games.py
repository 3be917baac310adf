"""Random boosts and histories: each entry is worth what a naive count says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group

from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    record_activities,
    record_activity,
    reverse_entry,
    set_time_zone,
)
from gamification.staff import (
    ActivityNumbers,
    RecalculationScope,
    RewardProposal,
    edit_activity,
    preview_recalculation,
    recalculate_xp,
    simulate_rewards,
)
from tests.factories import ActivityFactory, BoostFactory, UserFactory
from tests.services.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles")
GENRES = ("fantasy", "horror")
STRATEGIES = ("product", "highest", "additive")
REWARDS = {"walk": 7, "swim": 13}


class Done(NamedTuple):
    user: int
    activity: str
    quantity: int
    at: datetime
    genre: str


class Game:
    """Users in some zones and groups, with boosts that overlap."""

    def __init__(self, chance: Random, strategy: str, limit: int | None) -> None:
        self.chance, self.strategy = chance, strategy
        for key, reward in REWARDS.items():
            ActivityFactory(
                key=key,
                xp_reward=reward,
                daily_limit=limit,
                attributes={"genre": "string"},
            )
        self.users = UserFactory.create_batch(len(ZONES))
        self.group = Group.objects.create(name="Club")
        self.users[0].groups.add(self.group)
        for user, zone in zip(self.users, ZONES, strict=True):
            set_time_zone(user, zone)
        self.boosts = [self._make_boost() for _ in range(5)]

    def _make_boost(self) -> Any:
        chance = self.chance
        start = NOW - timedelta(hours=chance.randint(-5, 60))
        return BoostFactory(
            factor=Decimal(chance.choice([10, 50, 110, 133, 150, 200, 375])) / 100,
            starts_at=start,
            ends_at=start + timedelta(hours=chance.randint(1, 50)),
            zone=chance.choice(["", "UTC", "Europe/Berlin"]),
            activities=chance.choice([[], ["walk"], ["walk", "swim"]]),
            group=chance.choice([None, None, self.group]),
            where=chance.choice([[], [], [["genre", "is", "horror"]]]),
        )

    def history(self, length: int) -> list[Done]:
        chance = self.chance
        return [
            Done(
                chance.randrange(len(ZONES)),
                chance.choice([*REWARDS]),
                chance.randint(1, 4),
                NOW - timedelta(minutes=chance.randint(0, 47 * 60)),
                chance.choice(GENRES),
            )
            for _ in range(length)
        ]

    def as_record(self, done: Done) -> ActivityRecord:
        return ActivityRecord(
            self.users[done.user],
            done.activity,
            done.at,
            done.quantity,
            attributes={"genre": done.genre},
        )

    def factor(self, entry: LedgerEntry) -> tuple[int, int]:
        """Return the factor of an entry as a fraction of whole numbers."""
        user = next(
            place for place, u in enumerate(self.users) if u.pk == entry.user_id
        )
        clock = entry.occurred_at.astimezone(ZoneInfo(ZONES[user])).replace(tzinfo=UTC)
        held = []
        for boost in self.boosts:
            now = entry.occurred_at if boost.zone else clock
            if (
                boost.starts_at <= now < boost.ends_at
                and (not boost.activities or entry.activity.key in boost.activities)
                and (boost.group is None or user == 0)
                and (not boost.where or entry.attributes["genre"] == "horror")
            ):
                held.append(int(boost.factor * 100))
        return _combined(held, self.strategy)


def _combined(hundredths: list[int], strategy: str) -> tuple[int, int]:
    if not hundredths:
        return 1, 1
    if strategy == "highest":
        top, bottom = max(hundredths), 100
    elif strategy == "additive":
        top, bottom = max(0, 100 + sum(each - 100 for each in hundredths)), 100
    else:
        top, bottom = 1, 1
        for each in hundredths:
            top, bottom = top * each, bottom * 100
    return (10, 1) if top > 10 * bottom else (top, bottom)


def worths(game: Game) -> dict[int, tuple[int, int]]:
    """Return what each record is worth, and what it should be, by id."""
    found = {}
    reversals = {*LedgerEntry.objects.values_list("reverses", flat=True)}
    rows = LedgerEntry.objects.select_related("activity").filter(kind="activity")
    for entry in rows.exclude(pk__in=reversals - {None}):
        more = LedgerEntry.objects.filter(corrects=entry.pk).order_by("id")
        rewarded = entry.rewarded + sum(each.rewarded for each in more)
        reward = [entry.xp_reward, *(each.xp_reward for each in more)][-1]
        top, bottom = game.factor(entry)
        due = rewarded * reward * top // bottom
        found[entry.pk] = entry.amount + sum(each.amount for each in more), due
    return found


def totals() -> dict[Any, int]:
    return dict(UserGamification.objects.values_list("user_id", "total_xp"))


@pytest.fixture(params=range(3))
def chance(request):
    return Random(request.param)


@pytest.fixture
def game(chance, settings):
    strategy = chance.choice(STRATEGIES)
    settings.GAMIFICATION = {"BOOST_STRATEGY": strategy}
    return Game(chance, strategy, chance.choice([None, 2, 5]))


def play(game: Game) -> None:
    """Record a history one by one, in a random order, and reverse some of it."""
    for done in game.history(25):
        record_activity(
            game.users[done.user],
            done.activity,
            occurred_at=done.at,
            quantity=done.quantity,
            attributes={"genre": done.genre},
        )
    for entry in game.chance.sample([*LedgerEntry.objects.filter(kind="activity")], 6):
        reverse_entry(entry.user_id, entry_id=entry.pk)


def test_each_record_is_worth_what_a_naive_count_says(game):
    play(game)

    assert [*worths(game).values()] == [(due, due) for _, due in worths(game).values()]
    standing = sum(worth for worth, _ in worths(game).values())
    assert sum(totals().values()) == standing


def test_neither_order_nor_batches_change_what_users_get(chance, settings):
    strategy = chance.choice(STRATEGIES)
    settings.GAMIFICATION = {"BOOST_STRATEGY": strategy}
    game = Game(chance, strategy, None)
    history = game.history(30)
    record_activities(map(game.as_record, history))
    first = totals()
    for entry in LedgerEntry.objects.all():
        reverse_entry(entry.user_id, entry_id=entry.pk)
    chance.shuffle(history)

    size = chance.randint(1, 9)
    record_activities(map(game.as_record, history), batch_size=size)

    assert totals() == first


def test_a_recalculation_keeps_factors_and_does_what_was_announced(game):
    play(game)
    before = totals()
    numbers = ActivityNumbers(11, game.chance.choice([None, 1, 3]))
    edit_activity(
        "walk",
        actor=None,
        expected=None,
        xp_reward=numbers.xp_reward,
        daily_limit=numbers.daily_limit,
    )
    scope = RecalculationScope(["walk"], NOW.date() - timedelta(days=9), NOW.date())
    announced = preview_recalculation(scope)

    recalculate_xp(scope)

    assert [*worths(game).values()] == [(due, due) for _, due in worths(game).values()]
    gained = sum(totals().values()) - sum(before.values())
    assert announced.effects.xp.value == gained
    assert preview_recalculation(scope).users == 0


def test_a_simulation_says_what_a_recalculation_gives(game):
    play(game)
    limit = game.chance.choice([None, 1, 3])
    proposal = RewardProposal({"walk": ActivityNumbers(11, limit)})
    simulated = simulate_rewards(proposal).activities["walk"]
    walks = LedgerEntry.objects.filter(activity__key="walk")
    was = sum(walks.values_list("amount", flat=True))

    edit_activity("walk", actor=None, expected=None, xp_reward=11, daily_limit=limit)
    recalculate_xp(
        RecalculationScope(["walk"], NOW.date() - timedelta(days=9), NOW.date())
    )

    now = sum(walks.values_list("amount", flat=True))
    assert (simulated.was, simulated.proposed) == (was, now)
