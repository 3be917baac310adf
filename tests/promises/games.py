"""Random games, and the changes that an act makes in them, read from the tables."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from gamification.exceptions import GamificationError
from gamification.models import (
    Achievement,
    Activity,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    record_activities,
    record_activity,
    reverse_entry,
    revoke_achievement,
    set_time_zone,
)
from gamification.staff import exclude_user, lift_restriction, repair_streak
from tests.factories import (
    AchievementFactory,
    ActivityFactory,
    BoostFactory,
    UserFactory,
)
from tests.promises.conftest import NOW

ACTIVITIES = ("walk", "swim", "job")
ZONES = ("UTC", "Pacific/Auckland", "America/Los_Angeles")
LADDER = {
    "active_days": (2, 4, 7),
    "longest_streak": (2, 3),
    "level": (2, 3, 5),
    "total_xp": (60, 150, 400),
    "achievements": (1, 3, 6),
}


class Game:
    """Some users with a past, and achievements of every kind."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        ActivityFactory(key="swim", daily_limit=3)
        ActivityFactory(key="job", daily_limit=4, cooldown=3_600)
        self.users = UserFactory.create_batch(6)
        for user in self.users:
            set_time_zone(user, self.chance.choice(ZONES))
        BoostFactory(
            factor=self.chance.choice([Decimal("1.5"), Decimal(3)]),
            starts_at=NOW - timedelta(days=self.chance.randint(2, 6)),
            ends_at=NOW - timedelta(days=1),
            boosts_achievements=True,
            boosts_imports=True,
        )
        past = [ActivityRecord(*self.record()) for _ in range(60)]
        record_activities(past, historical=True)
        for _ in range(20):
            self.live()
        self.define()

    def record(self) -> tuple[Any, ...]:
        """Return the user, activity, time and quantity of a record."""
        chance, hours = self.chance, self.chance.randrange(240)
        return (
            chance.choice(self.users),
            chance.choice(ACTIVITIES),
            NOW - timedelta(hours=hours),
            chance.randint(1, 4),
        )

    def live(self) -> None:
        user, chance = self.chance.choice(self.users), self.chance
        with suppress(GamificationError):
            match chance.randrange(10):
                case 0:
                    entry = chance.choice([*LedgerEntry.objects.all()] or [None])
                    if entry and entry.kind == "activity":
                        reverse_entry(entry.user, entry_id=entry.pk)
                case 1:
                    adjust_xp(user, amount=chance.randint(-60, 60), note="Staff.")
                case 2:
                    self.edit_activity()
                case 3 if keys := [*Achievement.objects.values_list("key", flat=True)]:
                    act = chance.choice([award_achievement, revoke_achievement])
                    act(user, chance.choice(keys))
                case 4 if Achievement.objects.count() < 4:
                    self.define_one("manual", 1)
                case 5:
                    # Staff change their minds now and then.
                    exclude_user(user, reason="Odd.", actor=None)
                    if chance.random() < 0.7:
                        lift_restriction(user, "exclusion", actor=None)
                case 6:
                    missed = (NOW - timedelta(days=chance.randint(1, 9))).date()
                    repair_streak(user, [missed], actor=None, note="An outage.")
                case _:
                    user, key, at, quantity = self.record()
                    record_activity(
                        user, key, quantity=quantity, occurred_at=at, historical=True
                    )

    def edit_activity(self) -> None:
        row = Activity.objects.get(key=self.chance.choice(ACTIVITIES))
        row.xp_reward = self.chance.randrange(1, 40)
        row.daily_limit = self.chance.choice([None, 1, 3, 6])
        row.save()

    def define(self) -> None:
        """Add achievements that many users have met already."""
        for criterion, thresholds in LADDER.items():
            for threshold in thresholds:
                self.define_one(criterion, threshold)
        for key in ACTIVITIES:
            counted = Activity.objects.get(key=key)
            self.define_one("activity_count", 5, activity=counted)
            again = {"repeat_every": 2, "max_times": None}
            self.define_one("activity_count", 3, activity=counted, **again)
        weekly = {"repeat_period": "week", "max_times": 2}
        self.define_one("active_days", 2, **weekly)
        self.define_one("total_xp", 90, starts_at=NOW - timedelta(days=5))

    def define_one(self, criterion: str, threshold: int, **fields: Any) -> None:
        fields["key"] = f"{criterion}_{threshold}_{Achievement.objects.count()}"
        fields["status"] = self.chance.choice(["active"] * 4 + ["draft", "retired"])
        fields["xp_reward"] = self.chance.choice([0, 5, 40, 120])
        AchievementFactory(criterion=criterion, threshold=threshold, **fields)


class Positions(NamedTuple):
    """The XP, level and achievements of all users."""

    rows: dict[Any, tuple[int, int]]
    held: set[tuple[Any, str, int]]


def standing() -> Positions:
    rows = UserGamification.objects.values_list("user_id", "total_xp", "level")
    held = UserAchievement.objects.filter(revoked_at=None)
    return Positions(
        {user_id: (xp, level) for user_id, xp, level in rows},
        {*held.values_list("user_id", "achievement__key", "number")},
    )


def changes(before: Positions, after: Positions) -> dict[str, Any]:
    """Return what happened, in the words of a preview."""
    moves = Counter(
        (before.rows[user_id][1], level) for user_id, (_, level) in after.rows.items()
    )
    # A user who unlocks an achievement several times counts once.
    unlocks = {(user_id, key) for user_id, key, _ in after.held - before.held}
    return {
        "xp": sum(xp - before.rows[pk][0] for pk, (xp, _) in after.rows.items()),
        "raised": sum(n for (old, new), n in moves.items() if new > old),
        "lowered": sum(n for (old, new), n in moves.items() if new < old),
        "unlocks": Counter(key for _, key in unlocks),
        "moves": {move: n for move, n in moves.items() if move[0] != move[1]},
    }


def announced(effects: Any) -> dict[str, Any]:
    """Return the numbers of a preview, all of which must be exact."""
    assert effects.is_exact
    moves = effects.moves.items()
    return {
        "xp": effects.xp.value,
        "raised": effects.raised.value,
        "lowered": effects.lowered.value,
        "unlocks": Counter({each.key: each.users.value for each in effects.unlocks}),
        "moves": {move: n for move, n in moves if move[0] != move[1]},
    }
