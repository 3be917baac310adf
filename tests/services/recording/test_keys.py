from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from gamification.exceptions import (
    IdempotencyConflictError,
    InvalidKeyError,
    UnknownActivityError,
)
from gamification.models import Activity, Celebration
from gamification.services import (
    acknowledge_celebrations,
    adjust_xp,
    record_activity,
    reverse_entry,
    reverse_source,
)
from gamification.staff import Act, begin_take_back, begin_undo
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything, ledger_of, profile_of
from tests.services.conftest import NOW
from tests.services.many.conftest import finish

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("activity")]


def test_the_same_request_again_returns_the_first_outcome(user):
    first = record_activity(user, "walk", key="a")

    again = record_activity(user, "walk", key="a")

    assert again == replace(first, replayed=True)


def test_a_replay_writes_nothing(user):
    record_activity(user, "walk", key="a")
    before = everything()

    record_activity(user, "walk", key="a")

    assert everything() == before


def test_a_replay_has_unlocks_and_celebrations_of_the_first_time(user):
    AchievementFactory(key="medal", criterion="active_days", threshold=1, icon="🥇")
    first = record_activity(user, "walk", quantity=20, key="a")
    record_activity(user, "walk", quantity=20)

    again = record_activity(user, "walk", quantity=20, key="a")

    assert [unlock.achievement for unlock in again.unlocks] == ["medal"]
    assert {notice.kind for notice in again.celebrations} == {"achievement", "level"}
    assert again == replace(first, replayed=True)


def test_a_replay_has_what_was_withheld_the_first_time(user):
    ActivityFactory(key="run", daily_limit=1)
    first = record_activity(user, "run", quantity=3, key="a")

    again = record_activity(user, "run", quantity=3, key="a")

    assert again.withheld == first.withheld
    assert again.withheld.xp == 20


def test_a_replay_keeps_what_was_said_then_whatever_was_edited_since(user):
    first = record_activity(user, "walk", key="a")
    Activity.objects.filter(key="walk").update(xp_reward=99, is_active=False)

    again = record_activity(user, "walk", key="a")

    assert again == replace(first, replayed=True)


def test_the_replay_of_a_reversed_record_says_when_it_was_reversed(user, server_clock):
    first = record_activity(user, "walk", key="a")
    server_clock.shift(timedelta(minutes=5))
    reverse_entry(user, entry_id=first.entry.id)

    again = record_activity(user, "walk", key="a")

    reversed_at = NOW + timedelta(minutes=5)
    assert again == replace(first, replayed=True, reversed_at=reversed_at)
    assert profile_of(user).total_xp == 0


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_replay_says_whether_the_record_stands_however_often_jobs_took_it_back(
    user, server_clock, times
):
    record_activity(user, "walk", key="a")
    period = Act(kind="reversal", since=NOW.date(), until=NOW.date(), note="A fault.")
    for number in range(times):
        server_clock.shift(timedelta(minutes=1))
        job = finish(begin_take_back(period, actor=None))
        again = record_activity(user, "walk", key="a")
        assert again.reversed_at == NOW + timedelta(minutes=1 + 2 * number)
        server_clock.shift(timedelta(minutes=1))
        finish(begin_undo(job.pk, actor=None))

    assert record_activity(user, "walk", key="a").reversed_at is None


def test_the_replay_of_an_adjustment_needs_its_actor_no_more(user, staff):
    actor = staff.pk
    first = adjust_xp(user, amount=5, note="Sorry.", actor=actor, key="a")
    staff.delete()

    again = adjust_xp(user, amount=5, note="Sorry.", actor=actor, key="a")

    assert (again.replayed, again.total_xp) == (True, first.total_xp)


def test_a_reversed_record_is_made_again_under_a_new_key(user):
    record_activity(user, "walk", key="a", source="kpi:1")
    reverse_source(user, source="kpi:1")

    again = record_activity(user, "walk", key="b", source="kpi:1")

    assert (again.replayed, again.reversed_at, again.total_xp) == (False, None, 10)


def test_the_replay_of_a_reversed_adjustment_says_when_it_was_reversed(user):
    first = adjust_xp(user, amount=5, note="Sorry.", key="a")
    reverse_entry(user, entry_id=first.entry.id)

    again = adjust_xp(user, amount=5, note="Sorry.", key="a")

    assert again == replace(first, replayed=True, reversed_at=NOW)


def test_a_replay_after_the_show_names_the_same_celebrations(user):
    first = record_activity(user, "walk", quantity=20, key="a")
    acknowledge_celebrations(user, ids=[notice.id for notice in first.celebrations])

    again = record_activity(user, "walk", quantity=20, key="a")

    assert again.celebrations == first.celebrations


def test_a_replay_outlives_its_celebrations(user):
    record_activity(user, "walk", quantity=20, key="a")
    Celebration.objects.all().delete()

    again = record_activity(user, "walk", quantity=20, key="a")

    assert [(notice.kind, notice.id) for notice in again.celebrations] == [
        ("level", None)
    ]


def test_a_retry_without_an_instant_is_the_same_request_later(user, server_clock):
    first = record_activity(user, "walk", key="a")
    server_clock.shift(timedelta(minutes=5))

    again = record_activity(user, "walk", key="a")

    assert again == replace(first, replayed=True)


def test_a_retry_is_a_replay_even_when_a_new_record_would_be_too_old(
    user, server_clock
):
    occurred_at = NOW - timedelta(hours=47)
    first = record_activity(user, "walk", occurred_at=occurred_at, key="a")
    server_clock.shift(timedelta(hours=2))

    again = record_activity(user, "walk", occurred_at=occurred_at, key="a")

    assert again == replace(first, replayed=True)


def test_an_instant_in_another_zone_is_the_same_request(user):
    record_activity(user, "walk", occurred_at=NOW, key="a")

    tokyo = NOW.astimezone(ZoneInfo("Asia/Tokyo"))
    assert record_activity(user, "walk", occurred_at=tokyo, key="a").replayed


@pytest.mark.parametrize(
    "other",
    [
        {"quantity": 2},
        {"activity": "run"},
        {"source": "visions.kpi:1"},
        {"occurred_at": NOW},
        {"activity": "no such activity"},
    ],
    ids=str,
)
def test_the_same_key_for_another_request_is_a_conflict(user, other):
    ActivityFactory(key="run")
    record_activity(user, "walk", key="a")
    before = everything()

    with pytest.raises(
        IdempotencyConflictError,
        match=r"^The key 'a' was used before, for another request: use a new one\.$",
    ):
        record_activity(user, **{"activity": "walk", "key": "a", **other})

    assert everything() == before


def test_a_key_belongs_to_its_user(user):
    other = UserFactory()
    record_activity(user, "walk", quantity=2, key="a")

    outcome = record_activity(other, "walk", key="a")

    assert not outcome.replayed
    assert profile_of(other).total_xp == 10


def test_without_a_key_the_same_request_is_recorded_again(user):
    record_activity(user, "walk")
    record_activity(user, "walk")

    assert len(ledger_of(user)) == 2


def test_a_key_of_a_refused_request_stays_free(user):
    with pytest.raises(UnknownActivityError):
        record_activity(user, "fly", key="a")

    assert not record_activity(user, "walk", key="a").replayed


KEYS = [
    "k" * 255,
    "🦉" * 255,
    "it's",
    'a "quoted" one',
    "back\\slash",
    "{a,b}",
    "NULL",
    "100%",
    "%s",
    " ",
    "a\nb\tc",
    "é",
    "e\u0301",
    "\u202e",
]


@pytest.mark.parametrize("key", KEYS, ids=ascii)
def test_any_text_that_can_be_stored_is_a_key(user, key):
    record_activity(user, "walk", key=key)

    assert record_activity(user, "walk", key=key).replayed
    assert [entry.key for entry in ledger_of(user)] == [key]


def test_keys_that_only_look_alike_differ(user):
    keys = ["a", "A", "a ", " a", "é", "e\u0301", "ａ"]

    outcomes = [record_activity(user, "walk", key=key) for key in keys]

    assert not any(outcome.replayed for outcome in outcomes)


@pytest.mark.parametrize(
    "key", ["", "k" * 256, "a\0b", "\ud800", "a\udfff", 7, True, b"a", ["a"]], ids=ascii
)
def test_anything_else_is_no_key(user, key):
    before = everything()

    with pytest.raises(
        InvalidKeyError,
        match=r"^The key .+ is not a text of 1 to 255 characters that can be stored\.$",
    ):
        record_activity(user, "walk", key=key)

    assert everything() == before


def test_no_key_of_a_caller_begins_like_the_keys_of_the_app(user):
    with pytest.raises(
        InvalidKeyError, match=r"^The key '␟job:1' begins with U\+241F\.$"
    ):
        record_activity(user, "walk", key="␟job:1")

    assert not ledger_of(user)


def test_an_adjustment_with_a_key_is_made_once(user, staff):
    first = adjust_xp(user, amount=5, note="Sorry.", actor=staff, key="a")

    again = adjust_xp(user, amount=5, note="Sorry.", actor=staff, key="a")

    assert again == replace(first, replayed=True)
    assert profile_of(user).total_xp == 5


def test_the_replay_of_an_adjustment_names_its_celebrations(user):
    first = adjust_xp(user, amount=200, note="A prize.", key="a")

    again = adjust_xp(user, amount=200, note="A prize.", key="a")

    assert again.celebrations == first.celebrations


@pytest.mark.parametrize(
    "other", [{"amount": 6}, {"note": "Other."}, {"actor": None}], ids=str
)
def test_an_adjustments_key_for_another_adjustment_is_a_conflict(user, staff, other):
    request = {"amount": 5, "note": "Sorry.", "actor": staff, "key": "a"}
    adjust_xp(user, **request)

    with pytest.raises(IdempotencyConflictError):
        adjust_xp(user, **(request | other))


def test_an_adjustment_and_a_record_share_no_key(user):
    adjust_xp(user, amount=5, note="Sorry.", key="a")
    record_activity(user, "walk", key="b")

    with pytest.raises(IdempotencyConflictError):
        record_activity(user, "walk", key="a")
    with pytest.raises(IdempotencyConflictError):
        adjust_xp(user, amount=5, note="Sorry.", key="b")
