"""Seasons and repeats agree with a slow and simple evaluator, in whatever order."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.maintenance import reconcile
from gamification.models import Achievement, UserAchievement
from gamification.services import ActivityRecord, record_activities
from gamification.staff import backfill_everyone
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
START, END = datetime(2026, 6, 10, 6, tzinfo=UTC), datetime(2026, 6, 16, 18, tzinfo=UTC)
#: A walk is worth 10 XP, a look 1; the hours are before now.
RECORDS = st.lists(
    st.tuples(
        st.sampled_from(["walk", "look"]), st.integers(1, 3), st.integers(0, 24 * 16)
    ),
    min_size=1,
    max_size=14,
    unique_by=lambda record: record[2],
)
ZONED = {"starts_at": START, "ends_at": END, "season_zone": "UTC"}
OWN = {"starts_at": START, "ends_at": END}
FIELDS = st.sampled_from(
    [
        {"max_times": None, "repeat_every": 2},
        {"max_times": 3, "repeat_every": 4},
        {"max_times": None, "repeat_every": 3, **ZONED},
        {"max_times": None, "repeat_period": "day"},
        {"max_times": None, "repeat_period": "week"},
        {"max_times": None, "repeat_period": "week", **OWN},
        {"max_times": None, "repeat_period": "month"},
        ZONED,
        OWN,
        {"starts_at": START, "season_zone": "UTC"},
        {"ends_at": END},
    ]
)
RULES = st.tuples(
    st.sampled_from(["activity_count", "active_days", "total_xp"]),
    st.integers(1, 6),
    FIELDS,
).filter(lambda rule: (rule[0], rule[2].get("repeat_period")) != ("active_days", "day"))
LENIENT = settings(
    max_examples=int(os.environ.get("PROMISE_EXAMPLES", "12")),
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
    ],
)


def period_of(rule: Any, day: date) -> date | None:
    kind = rule[2].get("repeat_period")
    if kind == "week":
        return day - timedelta(days=day.weekday())
    return {"day": day, "month": day.replace(day=1)}.get(kind)


def value_of(rule: Any, records: list[Any], period: date | None) -> int:
    """Return what the rule counts of records, as plainly as it can be said."""
    criterion, _threshold, fields = rule
    since, until = fields.get("starts_at"), fields.get("ends_at")
    counted = [
        (activity, quantity, at)
        for activity, quantity, at in records
        if (since is None or at >= since)
        and (until is None or at < until)
        and (period is None or period_of(rule, at.date()) == period)
    ]
    if criterion == "activity_count":
        return sum(quantity for activity, quantity, _ in counted if activity == "walk")
    if criterion == "active_days":
        return len({at.date() for _activity, _quantity, at in counted})
    return sum(
        quantity * {"walk": 10, "look": 1}[activity]
        for activity, quantity, _ in counted
    )


def expected(rule: Any, records: list[Any]) -> list[Any]:
    """Return the numbers that are earned, with period and time, in order."""
    _criterion, threshold, fields = rule
    earned: list[Any] = []
    for end, (_activity, _quantity, at) in enumerate(records, 1):
        period = period_of(rule, at.date())
        value = value_of(rule, records[:end], period)
        inside = value_of(("activity_count", 1, fields), [("walk", 1, at)], None)
        if not inside or value < threshold:
            continue
        if period is not None:
            if period not in [each[1] for each in earned]:
                earned.append((len(earned) + 1, period, at))
            continue
        every, most = fields.get("repeat_every"), fields.get("max_times", 1)
        times = (value - threshold) // every + 1 if every else 1
        while len(earned) < min(times, most or times):
            earned.append((len(earned) + 1, None, at))
    return earned


def stored() -> list[Any]:
    rows = UserAchievement.objects.order_by("number")
    return [*rows.values_list("number", "period", "unlocked_at")]


def record(user: Any, records: list[Any], size: int) -> None:
    asked = [
        ActivityRecord(user, activity, at, quantity)
        for activity, quantity, at in records
    ]
    record_activities(asked, historical=True, batch_size=size)


@pytest.fixture
def player(no_achievements):
    """A user, where there are two activities and one achievement."""
    walk = ActivityFactory(key="walk")
    ActivityFactory(key="look", xp_reward=1)
    AchievementFactory(key="it", criterion="activity_count", activity=walk, xp_reward=0)
    return UserFactory()


def define(rule: Any, **more: Any) -> None:
    criterion, threshold, fields = rule
    row = Achievement.objects.get(key="it")
    row.criterion, row.threshold = criterion, threshold
    if criterion != "activity_count":
        row.activity = None
    for name, value in {**fields, **more}.items():
        setattr(row, name, value)
    row.save()


@pytest.mark.django_db
@given(st.data())
@LENIENT
def test_what_is_earned_is_what_a_simple_evaluator_says(player, data):
    rule, drawn = data.draw(RULES), data.draw(RECORDS)
    records = sorted(
        ((activity, n, NOW - timedelta(hours=h)) for activity, n, h in drawn),
        key=lambda each: each[2],
    )
    size = data.draw(st.integers(1, 14))

    with time_machine.travel(NOW, tick=False), transaction.atomic():
        define(rule)
        record(player, records, size)
        live, drift = stored(), [*reconcile(player)]
        transaction.set_rollback(True)

    assert live == expected(rule, records)
    assert drift == []


@pytest.mark.django_db
@given(st.data())
@LENIENT
def test_the_order_of_records_changes_nothing_but_dates(player, data):
    rule, drawn = data.draw(RULES), data.draw(RECORDS)
    records = [(activity, n, NOW - timedelta(hours=h)) for activity, n, h in drawn]
    size = data.draw(st.integers(1, 14))

    with time_machine.travel(NOW, tick=False), transaction.atomic():
        define(rule)
        record(player, records, size)
        found = stored()
        transaction.set_rollback(True)

    wanted = expected(rule, sorted(records, key=lambda each: each[2]))
    assert {period for _n, period, _at in found} == {each[1] for each in wanted}
    assert [n for n, _period, _at in found] == [each[0] for each in wanted]


@pytest.mark.django_db
@given(st.data())
@LENIENT
def test_a_backfill_gives_what_live_recording_gives(player, data):
    rule, drawn = data.draw(RULES), data.draw(RECORDS)
    records = [(activity, n, NOW - timedelta(hours=h)) for activity, n, h in drawn]

    with time_machine.travel(NOW, tick=False), transaction.atomic():
        define(rule, status="draft")
        record(player, records, 14)
        define(rule, status="active")
        backfill_everyone("it")
        found = stored()
        transaction.set_rollback(True)

    assert found == expected(rule, sorted(records, key=lambda each: each[2]))
