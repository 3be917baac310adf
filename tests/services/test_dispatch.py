from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import transaction

from gamification import signals
from gamification.exceptions import UnknownActivityError
from gamification.models import UserGamification
from gamification.services import (
    ActivityRecord,
    acknowledge_celebrations,
    adjust_xp,
    award_achievement,
    record_activities,
    record_activity,
    record_each,
    reverse_entry,
    reverse_source,
    revoke_achievement,
    set_time_zone,
)
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import COMMITTED, profile_of
from tests.services.conftest import NOW

pytestmark = [
    COMMITTED,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

NAMES = [
    "activity_recorded",
    "achievement_unlocked",
    "achievement_revoked",
    "level_changed",
    "xp_adjusted",
    "entry_reversed",
]


@contextmanager
def listening(receiver, *names):
    """Let ``receiver`` hear the signals."""
    heard = [getattr(signals, name) for name in names]
    for signal in heard:
        signal.connect(receiver)
    try:
        yield
    finally:
        for signal in heard:
            signal.disconnect(receiver)


@pytest.fixture
def heard():
    """Names and arguments of what was sent, in order."""
    sent = []

    def receive(signal, sender, **arguments):
        assert sender is UserGamification
        [name] = [name for name in NAMES if getattr(signals, name) is signal]
        sent.append((name, arguments))

    with listening(receive, *NAMES):
        yield sent


def names_of(heard):
    return [name for name, _ in heard]


@pytest.fixture
def medal(no_achievements):
    return AchievementFactory(key="medal")


def test_a_record_is_announced_with_its_outcome(user, heard):
    outcome = record_activity(user, "walk")

    assert heard == [("activity_recorded", {"user_id": user.pk, "outcome": outcome})]


def test_unlocks_and_a_level_follow_the_record(user, heard):
    AchievementFactory(key="walker", criterion="active_days", threshold=1)
    AchievementFactory(key="second", criterion="level", threshold=2, xp_reward=0)

    outcome = record_activity(user, "walk")

    first, second = outcome.unlocks
    about = {"user_id": user.pk, "outcome": outcome}
    assert heard == [
        ("activity_recorded", about),
        ("achievement_unlocked", {**about, "unlock": first}),
        ("achievement_unlocked", {**about, "unlock": second}),
        ("level_changed", {**about, "level_before": 1, "level": 2}),
    ]


def test_several_levels_are_announced_once(user, heard):
    record_activity(user, "walk", quantity=30)

    [(_, level)] = [each for each in heard if each[0] == "level_changed"]
    assert (level["level_before"], level["level"]) == (1, 4)


def test_each_record_of_a_batch_is_announced(user, heard):
    other = UserFactory()

    record_activities(ActivityRecord(each, "walk") for each in (user, other, user))

    told = [arguments["user_id"] for _, arguments in heard]
    assert told == [user.pk, user.pk, other.pk]
    assert all(arguments["outcome"].entry.id for _, arguments in heard)


@pytest.mark.parametrize("number", [1, 2])
def test_records_of_a_batch_are_announced_in_the_order_of_booking(heard, number):
    users, before = [UserFactory() for _ in range(number)], NOW - timedelta(hours=1)
    acts = (NOW, 30), (before, 10)

    record_each(ActivityRecord(u, "walk", *act) for act in acts for u in users)

    levels = [about for name, about in heard if name == "level_changed"]
    told = [(each["user_id"], each["level_before"], each["level"]) for each in levels]
    rises = (1, 2), (2, 4)
    assert told == [(each.pk, *rise) for each in users for rise in rises]


def test_a_replay_is_not_announced(user, heard):
    record_activity(user, "walk", key="a")
    heard.clear()

    record_activity(user, "walk", key="a")
    record_activities([ActivityRecord(user, "walk", key="a")] * 2)

    assert heard == []


def test_a_repetition_within_a_batch_is_announced_once(user, heard):
    record_activities([ActivityRecord(user, "walk", key="a")] * 3)

    assert names_of(heard) == ["activity_recorded"]


def test_a_refused_record_is_not_announced(user, heard):
    with pytest.raises(UnknownActivityError):
        record_activity(user, "fly")
    record_activities([ActivityRecord(user, "fly")], refused=lambda *refusal: None)

    assert heard == []


def test_silent_records_are_not_announced(user, heard):
    record_activity(user, "walk", quantity=30, celebrate=False)
    record_activities([ActivityRecord(user, "walk")], celebrate=False)

    assert heard == []


def test_an_award_is_announced(user, medal, heard):
    outcome = award_achievement(user, "medal")

    about = {"user_id": user.pk, "outcome": outcome}
    assert heard == [
        ("achievement_unlocked", {**about, "unlock": outcome.unlocks[0]}),
        ("level_changed", {**about, "level_before": 1, "level": 2}),
    ]


def test_a_revocation_is_announced_with_the_fall_of_the_level(user, medal, heard):
    award_achievement(user, "medal")
    heard.clear()

    outcome = revoke_achievement(user, "medal")

    about = {"user_id": user.pk, "outcome": outcome}
    assert heard == [
        ("achievement_revoked", {**about, "achievement": "medal"}),
        ("level_changed", {**about, "level_before": 2, "level": 1}),
    ]


def test_an_adjustment_is_announced(user, heard):
    outcome = adjust_xp(user, amount=10, note="A gift.")

    assert heard == [("xp_adjusted", {"user_id": user.pk, "outcome": outcome})]


def test_a_silent_award_or_adjustment_is_not_announced(user, medal, heard):
    award_achievement(user, "medal", celebrate=False)
    adjust_xp(user, amount=500, note="A gift.", celebrate=False)

    assert heard == []


def test_a_reversal_is_announced(user, heard):
    entry = record_activity(user, "walk", quantity=5).entry
    heard.clear()

    outcome = reverse_entry(user, entry_id=entry.id)

    about = {"user_id": user.pk, "outcome": outcome}
    assert heard == [
        ("entry_reversed", about),
        ("level_changed", {**about, "level_before": 2, "level": 1}),
    ]


def test_each_entry_of_a_source_is_announced(user, heard):
    for _ in range(2):
        record_activity(user, "walk", source="kpi:1")
    heard.clear()

    reverse_source(user, source="kpi:1")

    assert names_of(heard) == ["entry_reversed", "entry_reversed"]


@pytest.fixture
def limited(user, activity):
    """Let a walk and a run come from a source, and let a second run earn nothing.

    A walk earns 10 XP, and level 2 begins at 50 XP.
    """
    ActivityFactory(key="run", xp_reward=100, daily_limit=1)
    record_activity(user, "run", source="s")
    record_activity(user, "run")
    record_activity(user, "walk", source="s")


@pytest.mark.usefixtures("limited")
def test_a_level_of_which_nothing_is_lost_is_not_announced(user, heard):
    reverse_source(user, source="s")

    assert names_of(heard) == ["entry_reversed", "entry_reversed"]
    assert profile_of(user).level == 2


def test_a_fall_over_several_entries_is_announced_once(user, heard):
    for _ in range(2):
        record_activity(user, "walk", quantity=15, source="s")
    heard.clear()

    *_, last = reverse_source(user, source="s")

    levels = {"level_before": 4, "level": 1}
    about = {"user_id": user.pk, "outcome": last, **levels}
    assert names_of(heard) == ["entry_reversed", "entry_reversed", "level_changed"]
    assert heard[-1] == ("level_changed", about)


def test_a_request_that_changed_nothing_is_not_announced(user, medal, heard):
    award_achievement(user, "medal")
    entry = record_activity(user, "walk", source="kpi:1").entry
    reverse_entry(user, entry_id=entry.id)
    adjust_xp(user, amount=1, note="A gift.", key="a")
    heard.clear()

    award_achievement(user, "medal")
    reverse_entry(user, entry_id=entry.id)
    reverse_source(user, source="kpi:1")
    adjust_xp(user, amount=1, note="A gift.", key="a")
    revoke_achievement(user, "medal")
    heard.clear()
    revoke_achievement(user, "medal")

    assert heard == []


def test_a_choice_of_zone_and_an_acknowledgement_are_not_announced(user, heard):
    set_time_zone(user, "Asia/Tokyo")
    acknowledge_celebrations(user, ids=[1])

    assert heard == []


def test_nothing_is_announced_before_the_callers_commit(user, heard):
    with transaction.atomic():
        record_activity(user, "walk")
        before = names_of(heard)

    assert (before, names_of(heard)) == ([], ["activity_recorded"])


def test_a_record_that_is_rolled_back_is_never_announced(user, medal, heard):
    with transaction.atomic():
        record_activity(user, "walk", quantity=30)
        award_achievement(user, "medal")
        transaction.set_rollback(True)

    assert heard == []


def test_a_receiver_sees_what_was_committed(user, activity):
    seen = []

    def look(**arguments):
        seen.append(
            (profile_of(user).total_xp, transaction.get_connection().in_atomic_block)
        )

    with listening(look, "activity_recorded"):
        record_activity(user, "walk")

    assert seen == [(10, False)]


def test_a_receiver_that_fails_breaks_nothing(user, heard, caplog):
    def fail(**arguments):
        raise RuntimeError("The mail server is down.")

    with listening(fail, *NAMES), caplog.at_level(logging.ERROR):
        outcome = record_activity(user, "walk", quantity=5)

    assert outcome.total_xp == 50
    assert names_of(heard) == ["activity_recorded", "level_changed"]
    assert "The mail server is down." in caplog.text


def test_a_receiver_may_record_in_turn(user):
    def record_more(user_id, outcome, **arguments):
        if outcome.total_xp < 50:
            record_activity(user_id, "walk")

    with listening(record_more, "activity_recorded"):
        record_activity(user, "walk")

    assert profile_of(user).total_xp == 50
