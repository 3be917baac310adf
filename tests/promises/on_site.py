"""Plays the same lives through the services of a site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from gamification.exceptions import GamificationError
from gamification.leaderboards import get_leaderboard, tend_boards
from gamification.models import (
    Achievement,
    ActiveDay,
    Activity,
    ActivityTally,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    get_progress,
    pending_celebrations,
    record_activity,
    record_each,
    reverse_entry,
    reverse_source,
    revoke_achievement,
    set_time_zone,
)
from gamification.staff import RecalculationScope, backfill_achievement, recalculate_xp
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.promises.in_books import ACHIEVEMENTS, ACTIVITIES, NOW, WINDOWS, request_of


def make_users() -> list[Any]:
    """Make the catalogue of the books; return two users."""
    make_catalogue()
    # Users with equal scores are ranked by their keys, which may be random.
    return sorted(UserFactory.create_batch(2), key=lambda user: user.pk)


def make_catalogue() -> None:
    rows = {
        each.key: ActivityFactory(
            key=each.key,
            xp_reward=each.xp,
            daily_limit=each.limit,
            cooldown=each.cooldown * 3_600 or None,
            extends_streak=each.extends,
        )
        for each in ACTIVITIES
    }
    for each in ACHIEVEMENTS:
        AchievementFactory(
            key=each.key,
            criterion=each.criterion,
            threshold=each.threshold,
            xp_reward=each.xp,
            activity=rows.get(each.activity),
            status=each.status,
            revocable=each.revocable,
        )


class Site:
    """Plays the same life through the services."""

    def __init__(self, users: list[Any], clock: Any) -> None:
        self.users = users
        self.clock = clock
        self.reversible: list[tuple[Any, int]] = []
        tend_boards()

    def asked(self, values: Any) -> ActivityRecord:
        request = request_of(values, timezone.now())
        return ActivityRecord(
            self.users[request.user],
            request.activity,
            request.at,
            request.quantity,
            request.key,
            request.source,
        )

    def told(self, user: Any, outcome: Any) -> Any:
        if isinstance(outcome, GamificationError):
            return outcome.code
        if outcome.replayed:
            return "reversed" if outcome.reversed_at else "replayed"
        self.reversible.append((user, outcome.entry.id))
        unlocks = [unlock.achievement for unlock in outcome.unlocks]
        return outcome.credited, outcome.total_xp, unlocks

    def record(self, values: Any) -> Any:
        asked = self.asked(values)
        outcome = record_activity(
            asked.user,
            asked.activity,
            occurred_at=asked.occurred_at,
            quantity=asked.quantity,
            key=asked.key,
            source=asked.source,
            historical=True,
        )
        return self.told(asked.user, outcome)

    def batch(self, values: list[Any], celebrate: bool) -> Any:
        asked = [self.asked(each) for each in values]
        outcomes = record_each(asked, celebrate=celebrate)
        return [
            self.told(each.user, outcome)
            for each, outcome in zip(asked, outcomes, strict=True)
        ]

    def reverse(self, number: int) -> Any:
        if not self.reversible:
            return None
        user, entry_id = self.reversible[number % len(self.reversible)]
        outcome = reverse_entry(user, entry_id=entry_id)
        return "replayed" if outcome.replayed else outcome.total_xp

    def undo(self, number: int, source: str) -> int:
        return len(reverse_source(self.users[number], source=source))

    def price(self, key: str, xp: int) -> None:
        Activity.objects.filter(key=key).update(xp_reward=xp)

    def recalculate(self, keys: set[str], first: int, days: int) -> None:
        until = NOW.date() - timedelta(days=first) + timedelta(days=2)
        since = until - timedelta(days=days)
        recalculate_xp(RecalculationScope([*keys], since, until))
        again = recalculate_xp(RecalculationScope([*keys], since, until))
        assert again.corrected == 0

    def adjust(self, number: int, amount: int) -> int:
        user = self.users[number]
        outcome = adjust_xp(user, amount=amount, note="So be it.")
        self.reversible.append((user, outcome.entry.id))
        return outcome.total_xp

    def award(self, number: int, key: str) -> int:
        return award_achievement(self.users[number], key).total_xp

    def revoke(self, number: int, key: str) -> int:
        return revoke_achievement(self.users[number], key).total_xp

    def backfill(self, key: str) -> int:
        return backfill_achievement(key).awarded

    def threshold(self, key: str, threshold: int) -> None:
        Achievement.objects.filter(key=key).update(threshold=threshold)

    def activate(self, key: str) -> None:
        Achievement.objects.filter(key=key).update(status="active")

    def move(self, number: int, zone: str) -> None:
        set_time_zone(self.users[number], zone)
        self.clock.shift(timedelta(minutes=1))

    def wait(self, hours: int) -> None:
        self.clock.shift(timedelta(hours=hours))

    def state(self) -> Any:
        pending = self.boards()
        tend_boards()
        kept = self.boards()
        assert kept == pending
        return [*map(state_of, self.users), *kept]

    def boards(self) -> Any:
        return [
            [
                (self.users.index(each.user), each.score, each.reached_at)
                for each in get_leaderboard(window).entries
            ]
            for window in WINDOWS
        ]


def state_of(user: Any) -> dict[str, Any]:
    profile = UserGamification.objects.filter(user=user).first() or UserGamification()
    rows = UserAchievement.objects.filter(user=user).select_related("achievement")
    rewards = {
        (entry.achievement.key, entry.occurred_at): entry.local_date
        for entry in LedgerEntry.objects.filter(user=user, kind="achievement")
    }
    days = ActiveDay.objects.filter(user=user)
    tallies = ActivityTally.objects.filter(user=user)
    return {
        "total": profile.total_xp,
        "level": profile.level,
        "highest_level": profile.highest_level,
        "tallies": dict(tallies.values_list("activity__key", "count")),
        "days": {day.date: (day.activities, day.xp) for day in days},
        "longest": profile.longest_streak,
        "highest_streak": profile.highest_streak,
        "current": get_progress(user).streak.current,
        "held": {
            row.achievement.key: (
                row.unlocked_at,
                rewards[row.achievement.key, row.unlocked_at],
                row.xp_awarded,
            )
            for row in rows
            if row.revoked_at is None
        },
        "barred": {
            row.achievement.key
            for row in rows
            if row.revoked_at and not row.can_be_earned_again
        },
        "pending": {show.dedupe_key for show in pending_celebrations(user)},
    }
