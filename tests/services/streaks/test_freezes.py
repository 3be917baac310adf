from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
import time_machine

from gamification.exceptions import (
    IdempotencyConflictError,
    InvalidKeyError,
    InvalidRequestError,
    SelfAwardError,
    UnknownStreakError,
    UnknownUserError,
    UserExcludedError,
)
from gamification.maintenance import reconcile
from gamification.models import StreakDefinition, StreakFreeze
from gamification.services import (
    get_streaks,
    pause_streak,
    record_activity,
    reverse_entry,
    set_time_zone,
)
from gamification.staff import (
    create_streak,
    exclude_user,
    freezes_of,
    grant_freezes,
)
from tests.services.streaks.conftest import noon, november

pytestmark = pytest.mark.django_db


def rows(user):
    fields = ("kind", "amount", "date")
    return [*StreakFreeze.objects.filter(user=user).order_by("id").values_list(*fields)]


def test_a_grant_says_what_it_added(user, staff, on):
    with on(1):
        grant = grant_freezes(user, 1, actor=staff, note="For you.")

    row = freezes_of(user).get()
    assert (grant.added, grant.status.freezes, grant.replayed) == (1, 1, False)
    assert (row.actor, row.note, row.date) == (staff, "For you.", november(1))


def test_what_finds_no_room_is_lost(user, on):
    with on(1):
        grant = grant_freezes(user, 5)

    assert (grant.added, grant.status.freezes) == (2, 2)
    assert rows(user) == [("granted", 5, november(1)), ("lost", -3, november(1))]


def test_a_grant_is_repeated_safely(user, on):
    with on(1):
        first = grant_freezes(user, 3, key="gift")
        again = grant_freezes(user, 3, key="gift")

        assert again == replace(first, replayed=True)
        assert (again.added, len(rows(user))) == (2, 2)


@pytest.mark.parametrize(
    "change", [{"amount": 2}, {"note": "Sorry."}, {"streak": "weekly"}]
)
def test_a_key_of_a_grant_is_for_one_request(user, on, change):
    weekly = {"key": "weekly", "name": "Weekly", "unit": "week", "freeze_cap": 3}
    create_streak(actor=None, **weekly)
    asked = {"amount": 1, "note": "A gift.", "key": "gift"}
    with on(1):
        grant_freezes(user, **asked)

        with pytest.raises(IdempotencyConflictError):
            grant_freezes(user, **asked | change)

    assert rows(user) == [("granted", 1, november(1))]


@pytest.mark.parametrize("amount", [0, -1, True, "1", 101])
def test_an_amount_is_a_positive_number(user, amount):
    with pytest.raises(InvalidRequestError, match="amount"):
        grant_freezes(user, amount)


@pytest.mark.parametrize("key", ["dayly", "a\0", None, 5])
def test_a_streak_must_be_known(user, key):
    with pytest.raises(UnknownStreakError, match="No streak has the key"):
        grant_freezes(user, 1, streak=key)


def test_a_streak_may_hold_no_freezes(user, daily):
    daily(freeze_cap=0)

    with pytest.raises(InvalidRequestError, match="holds no freezes"):
        grant_freezes(user, 1)


def test_a_missing_daily_streak_is_made(user):
    StreakDefinition.objects.all().delete()

    assert grant_freezes(user, 1).added == 1


def test_nobody_grants_freezes_to_themselves(user):
    with pytest.raises(SelfAwardError):
        grant_freezes(user, 1, actor=user)


def test_who_is_excluded_gets_none(user, staff):
    exclude_user(user, reason="Odd.", actor=staff)

    with pytest.raises(UserExcludedError):
        grant_freezes(user, 1)


def test_a_user_who_does_not_exist_gets_none():
    with pytest.raises(UnknownUserError):
        grant_freezes(987_654, 1)


def test_the_first_active_date_brings_freezes(user, act, daily):
    daily(initial_freezes=1)

    act(1, 3)

    assert rows(user) == [("earned", 1, november(1)), ("used", -1, november(2))]


def test_a_late_record_moves_a_freeze_to_a_later_gap(user, act, on):
    with on(1):
        grant_freezes(user, 1)
    act(1, 3, 5)
    assert rows(user)[1:] == [("used", -1, november(2))]

    with on(5):
        record_activity(user, "walk", occurred_at=noon(2), historical=True)

    assert rows(user)[2:] == [
        ("returned", 1, november(2)),
        ("used", -1, november(4)),
    ]
    with on(5):
        assert get_streaks(user)[0].current == 4


def test_a_freeze_that_history_no_longer_supports_goes(user, act, on, daily):
    daily(freeze_every=2)
    act(2, 3)

    with on(3):
        record_activity(user, "walk", occurred_at=noon(1), historical=True)

    assert rows(user) == [
        ("earned", 1, november(3)),
        ("earned", 1, november(2)),
        ("earned", -1, november(3)),
    ]


def test_each_streak_has_a_stock_of_its_own(user, act, on):
    StreakDefinition.objects.create(key="other", name="Other")
    with on(1):
        grant_freezes(user, 1, streak="other")

    act(1, 3)

    with on(3):
        statuses = {status.key: status for status in get_streaks(user)}
    assert (statuses["daily"].current, statuses["other"].current) == (1, 2)


def test_a_freeze_covers_no_week_that_was_over_before(user, act, on):
    with on(1):
        create_streak(actor=None, key="weekly", name="Weekly", unit="week", goal=2)
    act(2, 3)
    # The week from the 9th is missed, and that from the 16th falls short.
    with on(16):
        grant_freezes(user, 2, streak="weekly")

    act(18, 23, 24)

    with on(24):
        status = get_streaks(user)[1]
    assert (status.current, status.freezes) == (1, 2)


def test_a_freeze_that_found_no_room_in_a_gap_stays_lost(user, act, on, daily):
    daily(freeze_cap=1)
    with on(1):
        grant_freezes(user, 1)
        pause_streak(user, november(3), november(3))
    act(1)
    with on(3):
        assert grant_freezes(user, 1).added == 0

    act(4)

    with on(4):
        assert (get_streaks(user)[0].current, get_streaks(user)[0].freezes) == (2, 0)


def test_no_key_of_a_freeze_is_in_the_way_of_a_grant(user, act, on):
    with on(1):
        grant_freezes(user, 1, key="gamification:used:2026-11-02:1")
    act(1, 3)

    with on(3), pytest.raises(InvalidKeyError, match="begins with U"):
        grant_freezes(user, 1, key=StreakFreeze.objects.get(kind="used").key)


def test_a_reversal_that_lengthens_the_longest_run_is_no_milestone(
    user, act, on, daily, settings
):
    settings.GAMIFICATION = {"STREAK_MILESTONES": (6,)}
    daily(freeze_every=2, freeze_cap=1)
    first = act(1)
    act(2, 3, 4, 6, 8, 9)

    with on(9):
        # Freezes are earned on other dates, so that another gap is covered.
        reversal = reverse_entry(user, entry_id=first.entry.id)

        assert (first.longest_streak, reversal.longest_streak) == (1, 6)
        assert [*reconcile(user)] == []
    assert (reversal.celebrations, act(10).celebrations) == ((), ())


def at(moment: str) -> time_machine.travel:
    return time_machine.travel(datetime.fromisoformat(moment), tick=False)


@pytest.fixture
def traveller(user, activity, no_achievements):
    """Active on 3 and 4 May in Auckland, granted 3 on the 6th, flown to the 5th."""
    with at("2026-05-01T09:00+12:00"):
        set_time_zone(user, "Pacific/Auckland")
    for day in (3, 4):
        with at(f"2026-05-0{day}T09:00+12:00"):
            record_activity(user, "walk")
    with at("2026-05-06T10:00+12:00"):
        grant_freezes(user, 3)
        set_time_zone(user, "Pacific/Honolulu")
    return user


def test_a_freeze_stays_in_stock_on_a_flight_to_the_day_before(traveller):
    with at("2026-05-05T13:00-10:00"):
        [status] = get_streaks(traveller)
        amounts = freezes_of(traveller).values_list("amount", flat=True)

        assert (status.state, status.freezes, sum(amounts)) == ("at_risk", 2, 2)
        assert [*reconcile(traveller)] == []


def test_a_freeze_covers_a_date_that_ends_again_after_a_flight(traveller):
    with at("2026-05-06T09:00-10:00"):
        record_activity(traveller, "walk")
        [status] = get_streaks(traveller)

        assert (status.current, status.freezes) == (3, 1)
        assert [*reconcile(traveller)] == []
