"""Both stores make of the same requests the same answers and the same rows.

That both are right is what ``tests/promises`` are about.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple

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
    Activity,
    ActivityTally,
    Celebration,
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
    reverse_source_for_everyone,
    revoke_achievement,
    set_time_zone,
)
from gamification.staff import RecalculationScope, recalculate_xp
from gamification.storage import STORES
from gamification.storage.portable.store import PortableStore
from gamification.storage.postgresql.store import PostgreSQLStore
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
ZONES = ["UTC", "Asia/Kolkata", "America/Los_Angeles"]

ACTIVITIES = {
    "walk": {"xp_reward": 10, "attributes": {"place": "string", "steps": "integer"}},
    "run": {"xp_reward": 7, "daily_limit": 3},
    "look": {"xp_reward": 1, "daily_limit": 2, "extends_streak": False},
    "rest": {"xp_reward": 0},
    "nap": {"xp_reward": 5, "cooldown": 3 * 3_600},
    "feast": {"xp_reward": 20, "daily_limit": 2, "cooldown": 30 * 3_600},
}

#: Criterion, threshold, XP, and what else there is to say, by key.
ACHIEVEMENTS = {
    "three walks": ("activity_count", 3, 20, {"activity": "walk", "revocable": True}),
    "nine walks": ("activity_count", 9, 5, {"activity": "walk"}),
    "five runs": ("activity_count", 5, 15, {"activity": "run"}),
    "four days": ("active_days", 4, 10, {}),
    "two in a row": ("longest_streak", 2, 8, {"revocable": True}),
    "three in a row": ("longest_streak", 3, 30, {}),
    "second level": ("level", 2, 25, {}),
    "fifth level": ("level", 5, 1, {}),
    "hundred": ("total_xp", 100, 40, {"revocable": True}),
    "collector": ("achievements", 6, 50, {}),
    "medal": ("manual", 1, 60, {}),
    "old": ("active_days", 1, 99, {"status": "retired"}),
    "new": ("active_days", 1, 99, {"status": "draft"}),
}


class Request(NamedTuple):
    user: int
    activity: str
    quantity: int
    at: datetime
    key: str | None
    source: str
    attributes: dict[str, str | int]


USERS = st.integers(0, len(ZONES) - 1)
REQUESTS = st.builds(
    Request,
    user=USERS,
    activity=st.sampled_from([*ACTIVITIES]),
    quantity=st.integers(1, 4),
    at=st.integers(0, 24 * 12).map(lambda hours: NOW - timedelta(hours=hours)),
    key=st.none() | st.sampled_from(["a", 'b"\\', "{c,🦉}"]),
    source=st.sampled_from(["", "kpi:1", "kpi:2"]),
    attributes=st.sampled_from([{}, {}, {"steps": 3, "place": 'b"\\{🦉'}]),
)
STEPS = st.one_of(
    st.tuples(st.just("record"), REQUESTS),
    st.tuples(st.just("record"), REQUESTS),
    st.tuples(st.just("batch"), st.lists(REQUESTS, max_size=12)),
    st.tuples(st.just("repeat"), st.integers(0, 99)),
    st.tuples(st.just("reverse"), st.integers(0, 99)),
    st.tuples(st.just("undo"), USERS | st.none(), st.sampled_from(["kpi:1", "kpi:2"])),
    st.tuples(st.just("edit"), st.sampled_from([*ACTIVITIES]), st.integers(0, 30)),
    st.tuples(st.just("recalculate")),
    st.tuples(st.just("move"), USERS, st.sampled_from(ZONES)),
    st.tuples(st.just("adjust"), USERS, st.integers(-80, 80).filter(bool)),
    st.tuples(st.just("award"), USERS, st.sampled_from([*ACHIEVEMENTS])),
    st.tuples(st.just("revoke"), USERS, st.sampled_from([*ACHIEVEMENTS])),
)


class Site:
    """What is asked of a site, and what it answers."""

    def __init__(self):
        Achievement.objects.all().delete()
        rows = {
            key: ActivityFactory(key=key, **fields)
            for key, fields in ACTIVITIES.items()
        }
        for key, (criterion, threshold, xp, fields) in ACHIEVEMENTS.items():
            counted = rows.get(fields.get("activity"))
            AchievementFactory(
                key=key,
                name=key,
                criterion=criterion,
                threshold=threshold,
                xp_reward=xp,
                **fields | {"activity": counted},
            )
        # In the order of their keys, in which "undo" answers.
        users = UserFactory.create_batch(len(ZONES))
        self.users = sorted(users, key=attrgetter("pk"))
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
        return said, [rows_of(user) for user in self.users]

    def tell(self, outcome):
        """Return all of the outcome that has no id."""
        shown = [(each.dedupe_key, each.data) for each in outcome.celebrations]
        return replace(outcome, entry=None, corrections=(), celebrations=()), shown

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
            attributes=request.attributes,
            historical=True,
        )
        if not outcome.replayed:
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
                    request.attributes,
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
        return self.tell(reverse_entry(user, entry_id=entry_id))

    def undo(self, number, source):
        if number is None:
            outcomes = reverse_source_for_everyone(source=source)
        else:
            outcomes = reverse_source(self.users[number], source=source)
        return [self.tell(outcome) for outcome in outcomes]

    def edit(self, key, reward):
        Activity.objects.filter(key=key).update(xp_reward=reward)

    def recalculate(self):
        since = (NOW - timedelta(days=20)).date()
        scope = RecalculationScope([*ACTIVITIES], since, NOW.date())
        return replace(recalculate_xp(scope), after=None)

    def move(self, number, zone):
        return set_time_zone(self.users[number], zone)

    def adjust(self, number, amount):
        return self.tell(adjust_xp(self.users[number], amount=amount, note="So be it."))

    def award(self, number, achievement):
        return self.tell(award_achievement(self.users[number], achievement))

    def revoke(self, number, achievement):
        return self.tell(revoke_achievement(self.users[number], achievement))


def rows_of(user):
    """Return all rows of the user; a place in the ledger stands for an id."""
    entries = LedgerEntry.objects.filter(user=user).order_by("id")
    places = {entry.pk: place for place, entry in enumerate(entries)}
    rows = {"ledger": [rowed(entry) for entry in entries]}
    for row in rows["ledger"]:
        for name in ("reverses", "corrects"):
            row[name] = places.get(row[name])
    profile = UserGamification.objects.get(user=user)
    rows["profile"] = {**rowed(profile), "version": None}
    for model in (ActivityTally, ActiveDay, UserAchievement, Celebration):
        rows[model.__name__] = Counter(
            json.dumps(rowed(row), default=str)
            for row in model.objects.filter(user=user)
        )
    return rows


def rowed(row):
    """Return the values of a row that are the same wherever it is written."""
    values = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if field.name not in {"id", "user", "activity", "achievement"}
    }
    for name in ("activity", "achievement"):
        if named := getattr(row, name, None):
            values[name] = named.key
    return values


def live_on_site(steps, store):
    """Return what a site with this store answers and keeps; leave no trace."""
    with (
        time_machine.travel(NOW, tick=False),
        transaction.atomic(),
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setitem(STORES, "postgresql", store)
        answers = Site().live(steps)
        assert [str(drift) for drift in reconcile()] == []
        transaction.set_rollback(True)
    return answers


@pytest.mark.django_db
@pytest.mark.skipif(not IS_POSTGRESQL, reason="Other databases have one store.")
@given(st.lists(STEPS, max_size=25))
@settings(
    max_examples=int(os.environ.get("STORE_EXAMPLES", "12")),
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
def test_both_stores_answer_and_keep_the_same(steps):
    said, kept = live_on_site(steps, PostgreSQLStore)

    portable_said, portable_kept = live_on_site(steps, PortableStore)

    assert portable_said == said
    assert portable_kept == kept
