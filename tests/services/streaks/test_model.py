"""What a user may do and staff may grant, in any order, ends in the same streak."""

from __future__ import annotations

import os
from datetime import date, timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gamification.maintenance import rebuild, reconcile
from gamification.models import StreakDefinition, StreakFreeze
from gamification.services import (
    ActivityRecord,
    get_calendar,
    get_progress,
    get_streaks,
    pause_streak,
    record_activities,
    record_activity,
    reverse_entry,
)
from gamification.staff import grant_freezes, repair_streak
from gamification.staff import pause_streak as pause_for
from tests.factories import UserFactory
from tests.inspection import everything
from tests.services.streaks.conftest import noon

LAST = 14

days = st.integers(1, LAST)
acts = st.one_of(
    st.tuples(st.just("record"), days),
    st.tuples(st.just("reverse"), days),
    st.tuples(st.just("grant"), days),
    st.tuples(st.just("pause"), days),
    st.tuples(st.just("repair"), st.integers(1, LAST - 1)),
)


def do(user, act, day):
    if act == "grant":
        with time_machine.travel(noon(day), tick=False):
            grant_freezes(user, 1, key=str(day))
        return
    with time_machine.travel(noon(LAST), tick=False):
        if act == "record":
            record_activity(user, "walk", occurred_at=noon(day), historical=True)
        elif act == "reverse":
            moment = noon(day)
            made = record_activity(user, "walk", occurred_at=moment, historical=True)
            reverse_entry(user, entry_id=made.entry.id)
        elif act == "pause":
            first = noon(day).date()
            pause_for(user, first, first + timedelta(days=1), actor=None)
        else:
            repair_streak(user, [noon(day).date()], actor=None, note="An outage.")


def stands(user):
    [status] = get_streaks(user)
    rows = StreakFreeze.objects.filter(user=user)
    assert status.freezes == sum(rows.values_list("amount", flat=True))
    assert 0 <= status.freezes <= 2
    assert status.current <= status.longest
    return status


@pytest.mark.django_db
@pytest.mark.usefixtures("activity", "no_achievements")
@settings(
    max_examples=int(os.environ.get("STREAK_EXAMPLES", "6")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sets(acts, max_size=16),
    st.sampled_from([{}, {"freeze_every": 3}, {"weekdays": [1, 2, 3, 4, 5]}]),
    st.randoms(use_true_random=False),
)
def test_any_order_gives_the_same_streak(chosen, rules, random):
    usual = {"freeze_every": None, "weekdays": []}
    StreakDefinition.objects.filter(key="daily").update(**{**usual, **rules})
    one, other = UserFactory(), UserFactory()
    in_order = sorted(chosen)
    shuffled = random.sample(in_order, len(in_order))

    for act, day in in_order:
        do(one, act, day)
    for act, day in shuffled:
        do(other, act, day)

    with time_machine.travel(noon(LAST), tick=False):
        before = everything()
        assert stands(one) == stands(other)
        assert get_progress(one).streak.state == get_streaks(one)[0].state
        get_calendar(one, since=date(2026, 11, 1), until=date(2026, 11, 30))
        assert everything() == before
        rebuild(one)
        assert [*reconcile(one)] == []
        assert stands(one) == stands(other)
    # The next example has other rules.
    one.delete()
    other.delete()


@pytest.mark.django_db
@pytest.mark.usefixtures("activity", "no_achievements")
def test_a_batch_gives_what_single_records_give(user, staff):
    gaps = [1, 2, 3, 5, 6, 9, 10, 12]
    with time_machine.travel(noon(1), tick=False):
        grant_freezes(user, 2)
        grant_freezes(staff, 2)

    with time_machine.travel(noon(12), tick=False):
        for day in gaps:
            moment = noon(day)
            record_activity(user, "walk", occurred_at=moment, historical=True)
        records = [ActivityRecord(staff, "walk", noon(day)) for day in gaps[::-1]]
        record_activities(records, historical=True)

        assert get_streaks(user) == get_streaks(staff)
        assert get_streaks(user)[0].freezes == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("activity")
def test_an_own_pause_is_that_of_staff(user, staff):
    with time_machine.travel(noon(1), tick=False):
        first, last = noon(1).date(), noon(3).date()
        own = pause_streak(user, first, last)
        theirs = pause_for(staff, first, last, actor=user)

    assert (own.since, own.until) == (theirs.since, theirs.until) == (first, last)
