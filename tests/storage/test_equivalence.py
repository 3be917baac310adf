"""Both stores, and a model that shares no code with them, live the same lives."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.exceptions import GamificationError
from gamification.maintenance import (
    reconcile,
)
from gamification.models import (
    Achievement,
    ActiveDay,
    ActivityTally,
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
    reverse_source,
    revoke_achievement,
    set_time_zone,
    unit_of_work,
)
from gamification.storage.portable import PortableStore
from tests.conftest import STORES
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.storage import naive

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
ZONES = ["UTC", "Asia/Kolkata", "America/Los_Angeles"]

ACTIVITIES = [
    naive.Activity("walk", 10),
    naive.Activity("run", 7, limit=3),
    naive.Activity("look", 1, limit=2, extends=False),
    naive.Activity("rest", 0),
]
ACHIEVEMENTS = [
    naive.Achievement("three walks", "activity_count", 3, 20, "walk"),
    naive.Achievement("nine walks", "activity_count", 9, 5, "walk"),
    naive.Achievement("five runs", "activity_count", 5, 15, "run"),
    naive.Achievement("four days", "active_days", 4, 10),
    naive.Achievement("two in a row", "longest_streak", 2, 8),
    naive.Achievement("three in a row", "longest_streak", 3, 30),
    naive.Achievement("second level", "level", 2, 25),
    naive.Achievement("fifth level", "level", 5, 1),
    naive.Achievement("hundred", "total_xp", 100, 40),
    naive.Achievement("collector", "achievements", 6, 50),
    naive.Achievement("medal", "manual", 1, 60),
    naive.Achievement("old", "active_days", 1, 99, status="retired"),
    naive.Achievement("new", "active_days", 1, 99, status="draft"),
]

USERS = st.integers(0, len(ZONES) - 1)
REQUESTS = st.builds(
    naive.Request,
    user=USERS,
    activity=st.sampled_from([activity.key for activity in ACTIVITIES]),
    quantity=st.integers(1, 4),
    at=st.integers(0, 24 * 12).map(lambda hours: NOW - timedelta(hours=hours)),
    key=st.none() | st.sampled_from(["a", 'b"\\', "{c,🦉}"]),
    source=st.sampled_from(["", "kpi:1", "kpi:2"]),
)
STEPS = st.one_of(
    st.tuples(st.just("record"), REQUESTS),
    st.tuples(st.just("record"), REQUESTS),
    st.tuples(st.just("batch"), st.lists(REQUESTS, max_size=12)),
    st.tuples(st.just("repeat"), st.integers(0, 99)),
    st.tuples(st.just("reverse"), st.integers(0, 99)),
    st.tuples(st.just("undo"), USERS | st.none(), st.sampled_from(["kpi:1", "kpi:2"])),
    st.tuples(st.just("adjust"), USERS, st.integers(-80, 80).filter(bool)),
    st.tuples(st.just("award"), USERS, st.sampled_from(ACHIEVEMENTS)),
    st.tuples(st.just("revoke"), USERS, st.sampled_from(ACHIEVEMENTS)),
)


class Model:
    """The life in the naive model."""

    def __init__(self):
        activities = {activity.key: activity for activity in ACTIVITIES}
        self.users = [naive.User(zone, activities, ACHIEVEMENTS) for zone in ZONES]
        self.said = []
        #: What was asked, and the entries that can be taken back, both in order.
        self.requests = []
        self.reversible = []

    def live(self, steps):
        for name, *arguments in steps:
            try:
                answer = getattr(self, name)(*arguments)
            except naive.Refused as refusal:
                answer = str(refusal)
            self.said.append(answer)
        return self.said, [user.state() for user in self.users]

    def tell(self, user, unlocked):
        return user.total, user.level, user.runs[-1], max(user.runs), unlocked

    def record(self, request):
        self.requests.append(request)
        user = self.users[request.user]
        if user.is_repeated(request):
            return "replayed"
        unlocked = user.record(request)
        self.remember(user, request)
        return self.tell(user, unlocked)

    def remember(self, user, request):
        entries = [entry for entry in user.entries if entry.kind == "activity"]
        self.reversible.append((user, entries[-1]))

    def batch(self, requests):
        report, new = Counter(), defaultdict(list)
        for request in requests:
            user = self.users[request.user]
            try:
                if user.is_repeated(request):
                    report["replayed"] += 1
                    continue
            except naive.Refused:
                report["refused"] += 1
                continue
            report["recorded"] += 1
            new[request.user].append(request)
            if request.key:
                user.requests[request.key] = request
        for number, fresh in new.items():
            for request in sorted(fresh, key=lambda request: request.at):
                self.users[number].record(request)
        return report["recorded"], report["replayed"], report["refused"]

    def repeat(self, number):
        if not self.requests:
            return "nothing"
        return self.record(self.requests[number % len(self.requests)])

    def reverse(self, number):
        if not self.reversible:
            return "nothing"
        user, entry = self.reversible[number % len(self.reversible)]
        if entry.is_reversed:
            return "replayed"
        return self.tell(user, user.reverse(entry))

    def undo(self, number, source):
        users = self.users if number is None else [self.users[number]]
        undone = [
            (user, entry)
            for user in users
            for entry in list(user.entries)
            if (entry.kind, entry.source, entry.is_reversed)
            == ("activity", source, False)
        ]
        for user, entry in undone:
            user.reverse(entry)
        return len(undone)

    def adjust(self, number, amount):
        user = self.users[number]
        return self.tell(user, user.adjust(amount))

    def award(self, number, achievement):
        user = self.users[number]
        return self.tell(user, user.award(achievement))

    def revoke(self, number, achievement):
        user = self.users[number]
        return self.tell(user, user.revoke(achievement))


class Site:
    """The life on a site, through the services."""

    def __init__(self):
        Achievement.objects.all().delete()
        rows = {
            each.key: ActivityFactory(
                key=each.key,
                xp_reward=each.xp,
                daily_limit=each.limit,
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
            )
        self.users = [UserFactory() for _ in ZONES]
        with time_machine.travel(NOW - timedelta(days=90), tick=False):
            for user, zone in zip(self.users, ZONES, strict=True):
                set_time_zone(user, zone)
        self.requests = []
        self.reversible = []

    def live(self, steps):
        said = []
        for name, *arguments in steps:
            try:
                answer = getattr(self, name)(*arguments)
            except GamificationError as refusal:
                answer = refusal.code
            said.append(answer)
        return said, [self.state(user) for user in self.users]

    def tell(self, outcome):
        return (
            outcome.total_xp,
            outcome.level,
            outcome.current_streak,
            outcome.longest_streak,
            [unlock.achievement for unlock in outcome.unlocks],
        )

    def record(self, request):
        self.requests.append(request)
        user = self.users[request.user]
        outcome = record_activity(
            user,
            request.activity,
            quantity=request.quantity,
            occurred_at=request.at,
            key=request.key,
            source=request.source,
            historical=True,
        )
        if outcome.replayed:
            return "replayed"
        self.reversible.append((user, outcome.entry.id))
        return self.tell(outcome)

    def batch(self, requests):
        report = record_activities(
            [
                ActivityRecord(
                    self.users[request.user],
                    request.activity,
                    request.at,
                    request.quantity,
                    request.key,
                    request.source,
                )
                for request in requests
            ],
            historical=True,
            refused=lambda position, error: None,
        )
        return report.recorded, report.replayed, report.refused

    def repeat(self, number):
        if not self.requests:
            return "nothing"
        return self.record(self.requests[number % len(self.requests)])

    def reverse(self, number):
        if not self.reversible:
            return "nothing"
        user, entry_id = self.reversible[number % len(self.reversible)]
        outcome = reverse_entry(user, entry_id=entry_id)
        return "replayed" if outcome.replayed else self.tell(outcome)

    def undo(self, number, source):
        user = None if number is None else self.users[number]
        return len(reverse_source(user, source=source))

    def adjust(self, number, amount):
        return self.tell(adjust_xp(self.users[number], amount=amount, note="So be it."))

    def award(self, number, achievement):
        return self.tell(award_achievement(self.users[number], achievement.key))

    def revoke(self, number, achievement):
        return self.tell(revoke_achievement(self.users[number], achievement.key))

    def state(self, user):
        profile = UserGamification.objects.get(user=user)
        unlocks = UserAchievement.objects.filter(user=user)
        days = ActiveDay.objects.filter(user=user)
        tallies = ActivityTally.objects.filter(user=user)
        assert profile.active_days == len(days)
        return {
            "total_xp": profile.total_xp,
            "level": profile.level,
            "highest_level": profile.highest_level,
            "streak": (profile.current_streak, profile.longest_streak),
            "last_active_on": profile.last_active_on,
            "days": {day.date: (day.activities, day.xp) for day in days},
            "tallies": dict(tallies.values_list("activity__key", "count")),
            "held": {u.achievement.key for u in unlocks if not u.revoked_at},
            "revoked": {u.achievement.key for u in unlocks if u.revoked_at},
            "ledger": Counter(
                LedgerEntry.objects.filter(user=user).values_list("kind", "amount")
            ),
        }


def live_on_site(steps, store):
    """Return what a site with this store says and keeps; leave no trace."""
    with (
        time_machine.travel(NOW, tick=False),
        transaction.atomic(),
        pytest.MonkeyPatch.context() as patch,
    ):
        if store == "portable":
            patch.setattr(unit_of_work, "store_for", PortableStore)
        life = Site().live(steps)
        assert [str(drift) for drift in reconcile()] == []
        transaction.set_rollback(True)
    return life


@pytest.mark.django_db
@given(st.lists(STEPS, max_size=25))
@settings(
    max_examples=30,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_every_store_lives_the_life_of_the_naive_model(steps):
    said, kept = Model().live(steps)

    for store in STORES:
        site_said, site_kept = live_on_site(steps, store)
        assert site_said == said
        assert site_kept == kept
