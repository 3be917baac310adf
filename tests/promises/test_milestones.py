"""Milestones wait as in a naive model, whatever is reversed and earned again."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.conf import conf
from gamification.services import (
    ActivityRecord,
    acknowledge_celebrations,
    pending_celebrations,
    record_activities,
    reverse_source,
    set_celebration_mode,
)
from tests.factories import ActivityFactory, UserFactory
from tests.promises.conftest import NOW

MILESTONES = (1, 2, 3, 5, 8)
WAIT = timedelta(days=3)
#: A record's date, so many days ago; each is an object of its own.
DAYS = st.lists(st.integers(0, 9), min_size=1, max_size=6)
STEPS = st.one_of(
    st.tuples(st.just("record"), DAYS),
    st.tuples(st.just("record"), DAYS),
    st.tuples(st.just("import"), DAYS),
    st.tuples(st.just("reverse"), st.integers(0, 9)),
    st.tuples(st.just("reverse"), st.integers(0, 9)),
    st.tuples(st.just("see"), st.sets(st.sampled_from(MILESTONES))),
    st.tuples(st.just("choose"), st.sampled_from(["all", "all", "quiet", "none"])),
    st.tuples(st.just("wait"), st.none()),
)
LENIENT = settings(
    max_examples=int(os.environ.get("PROMISE_EXAMPLES", "10")),
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Milestones:
    """What waits to be shown, written down with no line of the package."""

    def __init__(self) -> None:
        self.records = Counter[int]()
        self.peak = self.clock = 0
        self.mode = "all"
        #: When each milestone that is still to be shown was reached, in waits.
        self.made: dict[int, int] = {}

    @property
    def longest(self) -> int:
        longest = run = 0
        for day in range(10):
            run = run + 1 if self.records[day] else 0
            longest = max(longest, run)
        return longest

    def record(self, days: list[int], *, is_silent: bool = False) -> None:
        self.records.update(days)
        new = [days for days in MILESTONES if self.peak < days <= self.longest]
        if not is_silent and self.mode != "none":
            self.made |= dict.fromkeys(new, self.clock)
        self.peak = max(self.peak, self.longest)

    def waiting(self) -> set[int]:
        week = conf.CELEBRATION_TTL // WAIT
        is_fresh = {days: self.clock - at <= week for days, at in self.made.items()}
        return {days for days in self.made if is_fresh[days] and days <= self.longest}

    def live(self, name: str, what: Any) -> None:
        if name in {"record", "import"}:
            self.record(what, is_silent=name == "import")
        if name == "reverse":
            self.records[what] = 0
        if name == "choose":
            self.mode = what
        if name == "see":
            for days in what & self.waiting():
                del self.made[days]
        if name == "wait":
            self.clock += 1
        if self.mode == "none":
            self.made = {}


def live(user: Any, clock: Any, name: str, what: Any) -> None:
    """Do the same on the site."""
    if name in {"record", "import"}:
        records = [
            ActivityRecord(user, "walk", NOW - timedelta(days=day), source=f"day:{day}")
            for day in what
        ]
        record_activities(records, historical=True, celebrate=name == "record")
    if name == "reverse":
        reverse_source(user, source=f"day:{what}")
    if name == "choose":
        set_celebration_mode(user, mode=what)
    if name == "see":
        seen = [each.pk for each in pending_celebrations(user) if each.number in what]
        acknowledge_celebrations(user, ids=seen)
    if name == "wait":
        clock.shift(WAIT)


@pytest.mark.django_db
@given(steps=st.lists(STEPS, min_size=6, max_size=14))
@LENIENT
def test_milestones_wait_as_in_a_naive_model(no_achievements, settings, steps):
    settings.GAMIFICATION = {
        "STREAK_MILESTONES": MILESTONES,
        "LEVEL_THRESHOLDS": (0, 10**9),
    }
    model, said, expected = Milestones(), [], []
    with time_machine.travel(NOW, tick=False) as clock, transaction.atomic():
        ActivityFactory(key="walk")
        user = UserFactory()

        for step in steps:
            live(user, clock, *step)
            model.live(*step)
            said.append({each.number for each in pending_celebrations(user)})
            expected.append(model.waiting())

        transaction.set_rollback(True)
    assert said == expected
