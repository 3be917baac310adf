"""Two verbs at once end as if one of them had come first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.db import connection

from gamification.exceptions import GamificationError
from gamification.models import (
    Achievement,
    ActiveDay,
    Activity,
    ActivityTally,
    Celebration,
    LedgerEntry,
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
from gamification.staff import RecalculationScope, backfill_achievement, recalculate_xp
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import held_by, profile_of
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once, elsewhere

pytestmark = [
    COMMITTED,
    ONLY_POSTGRESQL,
    pytest.mark.usefixtures("game"),
]

User = get_user_model()

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
TODAY = NOW.date()
SCOPE = RecalculationScope(["walk"], TODAY - timedelta(days=3), TODAY)


@pytest.fixture
def game(activity, no_achievements) -> Iterator[None]:
    """Two walks of a day earn XP; there is something to win, and to lose again."""
    Activity.objects.filter(key="walk").update(daily_limit=2)
    walks = {"criterion": "activity_count", "activity": activity, "xp_reward": 20}
    AchievementFactory(key="three walks", threshold=3, revocable=True, **walks)
    AchievementFactory(key="four walks", threshold=4, **walks)
    AchievementFactory(key="forty", criterion="total_xp", threshold=40, xp_reward=3)
    AchievementFactory(key="two days", criterion="active_days", threshold=2)
    AchievementFactory(key="medal")
    AchievementFactory(key="later", criterion="active_days", status="draft")
    with time_machine.travel(NOW, tick=False):
        yield


def make_user():
    """Return a user with three walks of today, of which the last earned nothing."""
    Activity.objects.filter(key="walk").update(xp_reward=10)
    Achievement.objects.filter(key="later").update(status="draft")
    user = UserFactory()
    for minutes, source in [(30, "s:1"), (20, "s:2"), (10, "s:1")]:
        at = NOW - timedelta(minutes=minutes)
        record_activity(user, "walk", occurred_at=at, source=source)
    award_achievement(user, "medal")
    Activity.objects.filter(key="walk").update(xp_reward=15)
    Achievement.objects.filter(key="later").update(status="active")
    return user


def reverse_walk(user, number):
    walks = LedgerEntry.objects.filter(user=user, kind="activity").order_by("id")
    reverse_entry(user, entry_id=walks[number].pk)


def record_many(user):
    records = [ActivityRecord(user, "walk", NOW - timedelta(hours=h)) for h in (1, 30)]
    record_activities(records)


VERBS = {
    "record": lambda user: record_activity(user, "walk", key="k"),
    "late": lambda user: record_activity(
        user, "walk", occurred_at=NOW - timedelta(hours=30)
    ),
    "batch": record_many,
    "reverse": lambda user: reverse_walk(user, 0),
    "reverse_last": lambda user: reverse_walk(user, 2),
    "undo": lambda user: reverse_source(user, source="s:1"),
    "adjust": lambda user: adjust_xp(user, amount=30, note="a gift"),
    "take": lambda user: adjust_xp(user, amount=-30, note="too much"),
    "revoke": lambda user: revoke_achievement(user, "medal"),
    "recalculate": lambda user: recalculate_xp(SCOPE),
    "backfill": lambda user: backfill_achievement("later"),
    "move": lambda user: set_time_zone(user, "Pacific/Kiritimati"),
}


def do(verb, user):
    with suppress(GamificationError):
        VERBS[verb](user)


def standing(user):
    """Return all that can be told of a user, but for ids and versions."""
    profile = profile_of(user)
    entries = LedgerEntry.objects.filter(user=user)
    days = ActiveDay.objects.filter(user=user)
    tallies = ActivityTally.objects.filter(user=user)
    return {
        "total": (profile.total_xp, profile.level, profile.highest_level),
        "streak": (profile.current_streak, profile.longest_streak),
        "zones": profile.zone_history,
        "ledger": Counter(
            entries.values_list("kind", "amount", "rewarded", "local_date", "xp_reward")
        ),
        "days": {*days.values_list("date", "activities", "xp")},
        "tallies": {*tallies.values_list("activity", "count")},
        "held": held_by(user),
        "shown": {
            *Celebration.objects.filter(user=user).values_list("dedupe_key", flat=True)
        },
    }


def one_after_the_other(*verbs):
    user = make_user()
    for verb in verbs:
        do(verb, user)
    found = standing(user)
    user.delete()
    return found


@contextmanager
def intruder(number, work):
    """Do ``work`` elsewhere before that statement, unless somebody is locked by then.

    What is yielded is empty once the work was done.
    """
    works, numbers, locks = [work], count(1), []

    def intrude(execute, sql, params, many, context):
        if not locks and next(numbers) == number:
            elsewhere(works.pop())
        if "FOR UPDATE" in sql:
            locks.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(intrude):
        yield works


PAIRS = [
    ("record", "reverse"),
    ("late", "revoke"),
    ("batch", "recalculate"),
    ("reverse", "reverse"),
    ("reverse", "record"),
    ("undo", "late"),
    ("undo", "recalculate"),
    ("adjust", "undo"),
    ("recalculate", "record"),
    ("recalculate", "reverse"),
    ("backfill", "undo"),
    ("move", "late"),
]


@pytest.mark.parametrize(("verb", "other"), PAIRS)
def test_a_verb_that_comes_in_between_came_before_or_after(verb, other):
    serial = [one_after_the_other(verb, other), one_after_the_other(other, verb)]

    for number in count(1):
        user = make_user()
        with intruder(number, partial(do, other, user)) as undone:
            do(verb, user)

        if undone:
            break
        assert standing(user) in serial
        user.delete()
    assert number > 1


def record_both(stays, goes):
    records = [
        ActivityRecord(user, "walk", NOW - timedelta(hours=hours))
        for hours in (1, 30)
        for user in (stays, goes)
    ]
    record_activities(records, refused=lambda position, error: None)


WORK = {
    "recalculate": lambda stays, goes: recalculate_xp(SCOPE),
    "backfill": lambda stays, goes: backfill_achievement("later"),
    "batch": record_both,
    "undo": lambda stays, goes: reverse_source_for_everyone(source="s:1"),
}


@pytest.mark.parametrize("verb", WORK)
def test_a_user_may_go_in_the_middle_of_work_over_many(verb):
    for number in count(1):
        stays, goes = make_user(), make_user()

        with intruder(number, User.objects.filter(pk=goes.pk).delete) as undone:
            WORK[verb](stays, goes.pk)

        if undone:
            break
        assert not LedgerEntry.objects.filter(user=goes.pk).exists()
        assert standing(stays) == one_after_the_other(verb)
        stays.delete()
    assert number > 1


def test_a_date_gives_its_limit_whatever_comes_and_goes_at_once():
    user = make_user()
    verbs = [
        ["record", "reverse", "record", "undo"],
        ["late", "reverse_last", "record", "late"],
        ["undo", "batch", "reverse", "batch"],
        ["recalculate", "record", "recalculate", "reverse"],
    ]

    def live(mine):
        for verb in mine * 2:
            do(verb, user)

    at_once([partial(live, mine) for mine in verbs])

    recalculate_xp(SCOPE)
    reversals = LedgerEntry.objects.filter(user=user, kind="reversal")
    standing_units = Counter(
        LedgerEntry.objects.filter(user=user, kind="activity")
        .exclude(pk__in=reversals.values("reverses"))
        .values_list("local_date", flat=True)
    )
    days = dict(ActiveDay.objects.filter(user=user).values_list("date", "xp"))
    assert days == {day: 15 * min(2, units) for day, units in standing_units.items()}
