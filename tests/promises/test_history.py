"""What staff do about the past, against a naive computation from the ledger.

No line of the package decides what is expected. The ledger says which records stand and
what they are worth; everything else is counted from them, one by one.
"""

from __future__ import annotations

import random
from collections import defaultdict
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from gamification.exceptions import GamificationError
from gamification.models import Achievement, Activity, LedgerEntry, UserAchievement
from gamification.services import (
    adjust_xp,
    record_activity,
    reverse_entry,
    revoke_achievement,
    set_time_zone,
)
from gamification.staff import RecalculationScope, backfill_everyone, recalculate_xp
from tests.conditions.naive import longest
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.promises.conftest import NOW
from tests.promises.items import level_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

SEEDS = range(2)
ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles")
LADDER = {
    "active_days": (2, 4),
    "longest_streak": (2, 3),
    "level": (2, 3),
    "total_xp": (60, 150, 400),
    "achievements": (2, 5),
    "activity_count": (3, 8),
}


class Line(NamedTuple):
    """Something that stands in the ledger, at its worth."""

    entry: LedgerEntry
    worth: int


def standing(user_id: Any) -> list[Line]:
    """Return what stands in a user's ledger, in the order in which it occurred."""
    rows = [*LedgerEntry.objects.filter(user=user_id).order_by("occurred_at", "id")]
    gone = {row.reverses for row in rows}
    more: dict[Any, int] = defaultdict(int)
    for row in rows:
        more[row.corrects] += row.amount
    kinds = {"activity", "adjustment", "achievement"}
    return [
        Line(row, row.amount + more[row.pk])
        for row in rows
        if row.kind in kinds and row.pk not in gone
    ]


def value(rule: Achievement, lines: list[Line]) -> int:
    total = sum(line.worth for line in lines)
    days = {line.entry.local_date for line in lines if line.entry.activity_id}
    match rule.criterion:
        case "active_days":
            return len(days)
        case "longest_streak":
            return longest(days)
        case "level":
            return level_of(total)
        case "total_xp":
            return total
        case "achievements":
            return len({line.entry.achievement_id for line in lines} - {None})
    done = [line.entry for line in lines if line.entry.activity_id == rule.activity_id]
    return sum(entry.quantity for entry in done)


def met_at(rule: Achievement, lines: list[Line]) -> Any:
    """Return since when the value has been enough; None if it is not."""
    since = None
    for place, line in enumerate(lines, start=1):
        if value(rule, lines[:place]) < rule.threshold:
            since = None
        else:
            since = since or line.entry.occurred_at
    return since


class Game:
    """Users in some zones, with a past, and achievements that came later."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        for key in ("walk", "swim"):
            limit = self.chance.choice([None, 2, 4])
            ActivityFactory(key=key, xp_reward=9, daily_limit=limit)
        self.users = UserFactory.create_batch(3)
        for user, zone in zip(self.users, ZONES, strict=True):
            set_time_zone(user, zone)
        for _ in range(45):
            self.live()
        walk = Activity.objects.get(key="walk")
        for criterion, thresholds in LADDER.items():
            for threshold in thresholds:
                AchievementFactory(
                    criterion=criterion,
                    threshold=threshold,
                    activity=walk if criterion == "activity_count" else None,
                    xp_reward=self.chance.choice([0, 5, 40]),
                )

    def live(self) -> None:
        chance, user = self.chance, self.chance.choice(self.users)
        entries = [*LedgerEntry.objects.filter(user=user, kind="activity")]
        with suppress(GamificationError):
            match chance.randrange(7):
                case 0 if entries:
                    reverse_entry(user, entry_id=chance.choice(entries).pk)
                case 1:
                    adjust_xp(user, amount=chance.randint(-30, 30), note="Staff.")
                case 2 if keys := [*Achievement.objects.values_list("key", flat=True)]:
                    revoke_achievement(user, chance.choice(keys))
                case _:
                    record_activity(
                        user,
                        chance.choice(["walk", "swim"]),
                        quantity=chance.randint(1, 3),
                        occurred_at=NOW - timedelta(hours=chance.randrange(200)),
                        historical=True,
                    )


def unlocked() -> dict[tuple[Any, int], Any]:
    rows = UserAchievement.objects.filter(revoked_at=None)
    return {
        (user_id, pk): at
        for user_id, pk, at in rows.values_list(
            "user_id", "achievement_id", "unlocked_at"
        )
    }


class Naive:
    """What a user has, and unlocks, from the present ledger on."""

    def __init__(self, user_id: Any) -> None:
        self.lines = standing(user_id)
        rows = UserAchievement.objects.filter(user=user_id)
        self.barred = {*rows.values_list("achievement_id", flat=True)}
        self.found: dict[tuple[Any, int], Any] = {}
        self.user_id = user_id

    def unlock(self, rule: Achievement) -> None:
        """Add the reward at the moment since which the achievement is met."""
        at = met_at(rule, self.lines)
        entry = LedgerEntry(achievement=rule, occurred_at=at, amount=rule.xp_reward)
        self.lines.append(Line(entry, rule.xp_reward))
        self.lines.sort(key=lambda line: line.entry.occurred_at)
        self.barred.add(rule.pk)
        self.found[self.user_id, rule.pk] = at

    def settle(self, counts: set[Any]) -> None:
        """Unlock what follows: counts of an activity only from its own entries."""
        rules = [
            rule
            for rule in Achievement.objects.order_by("threshold", "id")
            if rule.activity_id in {None, *counts}
        ]
        while met := [rule for rule in rules if self.meets(rule)]:
            for rule in met:
                self.unlock(rule)

    def meets(self, rule: Achievement) -> bool:
        is_enough = value(rule, self.lines) >= rule.threshold
        return is_enough and rule.pk not in self.barred


@pytest.mark.parametrize("seed", SEEDS)
def test_a_backfill_gives_what_a_naive_look_at_the_ledger_gives(seed):
    game = Game(seed)
    rules = [*Achievement.objects.all()]
    for rule in game.chance.sample(rules, len(rules)):
        before, expected = unlocked(), {}
        for user in game.users:
            naive = Naive(user.pk)
            if naive.meets(rule):
                naive.unlock(rule)
                naive.settle(set())
            expected |= naive.found

        done = backfill_everyone(rule.key)

        assert unlocked() == before | expected
        assert done.awarded + done.followed == len(expected)
        game.live()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_recalculation_gives_what_a_naive_look_at_the_ledger_gives(seed):
    game = Game(seed)
    for _ in range(3):
        walk = Activity.objects.get(key="walk")
        walk.xp_reward = game.chance.randint(1, 40)
        walk.daily_limit = game.chance.choice([None, 1, 3])
        walk.save()
        before, expected, totals = unlocked(), {}, {}
        for user in game.users:
            naive = Naive(user.pk)
            if correct(naive, walk):
                naive.settle({walk.pk})
            expected |= naive.found
            totals[user.pk] = sum(line.worth for line in naive.lines)
        since = (NOW - timedelta(days=20)).date()
        scope = RecalculationScope(["walk"], since, NOW.date() + timedelta(days=1))

        recalculate_xp(scope)

        assert unlocked() == before | expected
        assert totals == {user.pk: xp_of(user.pk) for user in game.users}
        game.live()


def correct(naive: Naive, walk: Activity) -> bool:
    """Give each walk what it is worth now; say whether the user has more XP then.

    The first units of a date that were withheld come into the room that there is, and
    the last ones that were rewarded leave it. Nobody falls below 0.
    """
    days: dict[Any, list[Line]] = defaultdict(list)
    for line in naive.lines:
        if line.entry.activity_id == walk.pk:
            days[line.entry.local_date].append(line)
    worths = {line.entry.pk: line.worth for line in naive.lines}
    for lines in days.values():
        units = [rewarded(line.entry) for line in lines]
        asked = sum(line.entry.quantity for line in lines)
        room = min(walk.daily_limit or asked, asked) - sum(units)
        places = range(len(lines)) if room > 0 else reversed(range(len(lines)))
        for place in places:
            most = lines[place].entry.quantity - units[place]
            more = min(most, room) if room > 0 else max(-units[place], room)
            units[place] += more
            room -= more
        for line, count in zip(lines, units, strict=True):
            worths[line.entry.pk] = count * walk.xp_reward
    change = sum(worths[line.entry.pk] - line.worth for line in naive.lines)
    if change < 0 and xp_of(naive.user_id) + change < 0:
        return False
    naive.lines = [Line(line.entry, worths[line.entry.pk]) for line in naive.lines]
    return change > 0


def rewarded(entry: LedgerEntry) -> int:
    more = LedgerEntry.objects.filter(corrects=entry.pk)
    return entry.rewarded + sum(more.values_list("rewarded", flat=True))


def xp_of(user_id: Any) -> int:
    return sum(
        LedgerEntry.objects.filter(user=user_id).values_list("amount", flat=True)
    )
