from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.test import TestCase

from gamification.exceptions import InvalidDefinitionError
from gamification.models import Level, UserGamification
from gamification.services import get_progress, record_activity, set_time_zone
from gamification.testing import (
    assert_progress_matches_ledger,
    captured_signals,
    make_achievement,
    make_activity,
    make_levels,
    record_days,
)
from tests.factories import UserFactory
from tests.inspection import COMMITTED

pytestmark = pytest.mark.django_db


def test_make_activity_makes_one_worth_ten():
    assert make_activity("swim").xp_reward == 10


def test_make_activity_changes_one_that_exists():
    make_activity("swim", xp_reward=5)

    assert make_activity("swim", daily_limit=3).xp_reward == 5


def test_make_achievement_makes_one_awarded_by_hand():
    assert make_achievement("swimmer").criterion == "manual"


def test_make_achievement_takes_the_key_of_an_activity(activity):
    medal = make_achievement("walker", criterion="activity_count", activity="walk")

    assert medal.activity == activity


def test_make_achievement_changes_one_that_exists():
    make_achievement("swimmer", xp_reward=5)

    assert make_achievement("swimmer", name="Swimmer").xp_reward == 5


def test_make_achievement_takes_an_activity(activity):
    medal = make_achievement("walker", criterion="activity_count", activity=activity)

    assert medal.activity == activity


@pytest.mark.parametrize(
    ("make", "fields", "reason"),
    [
        (
            make_activity,
            {"xp_reward": -1},
            "xp_reward: Ensure this value is greater than or equal to 0.",
        ),
        (
            make_achievement,
            {"criterion": "activity_count"},
            "Choose an activity: this criterion counts one.",
        ),
        (
            make_achievement,
            {"status": "on"},
            "status: 'on' is not one of draft, active, retired.",
        ),
        (
            make_achievement,
            {"criterion": "activity_count", "activity": "wlak"},
            "activity: No activity has the key 'wlak'. Did you mean 'walk'?",
        ),
    ],
)
def test_a_value_that_staff_could_not_enter_is_refused(activity, make, fields, reason):
    with pytest.raises(InvalidDefinitionError) as refusal:
        make("walker", **fields)

    assert str(refusal.value).partition(" cannot be saved. ")[2] == reason


def test_a_field_that_does_not_exist_is_refused():
    with pytest.raises(
        TypeError,
        match=r"^An activity has no field 'reward' that can be set\. Did you mean "
        r"'xp_reward'\?$",
    ):
        make_activity("swim", reward=5)


def test_record_days_leaves_out_no_date_where_summer_time_begins(user):
    make_activity("swim")
    set_time_zone(user, "Europe/Paris")

    # On the user's clock, half past midnight, two days after the short night.
    until = datetime(2026, 3, 30, 22, 30, tzinfo=UTC)
    record_days(user, "swim", days=5, until=until)

    assert get_progress(user).streak.longest == 5


def test_record_days_makes_a_streak(user):
    make_activity("swim")

    record_days(user, "swim", days=9)

    assert UserGamification.objects.get(user=user).current_streak == 9


def test_captured_signals_tells_what_was_announced(
    user, activity, django_capture_on_commit_callbacks
):
    with captured_signals() as heard, django_capture_on_commit_callbacks(execute=True):
        outcome = record_activity(user, "walk")

    assert heard == [("activity_recorded", {"user_id": user.pk, "outcome": outcome})]


class TestCapturedSignals(TestCase):
    def test_they_are_captured_inside_of_a_test_case(self):
        make_activity("swim")
        user = UserFactory()

        with captured_signals() as heard:
            outcome = record_activity(user, "swim")

        assert heard == [
            ("activity_recorded", {"user_id": user.pk, "outcome": outcome})
        ]

    def test_other_callbacks_are_left_to_the_transaction(self):
        called = []
        transaction.on_commit(lambda: called.append("before"))

        with captured_signals():
            pass

        assert called == []


@COMMITTED
def test_signals_are_captured_outside_of_a_transaction():
    make_activity("swim")
    user = UserFactory()

    with captured_signals() as heard:
        outcome = record_activity(user, "swim")

    assert heard == [("activity_recorded", {"user_id": user.pk, "outcome": outcome})]


def test_progress_that_the_ledger_does_not_explain_fails(user, activity):
    record_activity(user, "walk")
    UserGamification.objects.update(total_xp=11)

    with pytest.raises(AssertionError, match="total_xp is 11, the ledger says 10"):
        assert_progress_matches_ledger(user)

    UserGamification.objects.update(total_xp=10)


def test_progress_that_the_ledger_explains_passes(user, activity):
    record_activity(user, "walk")

    assert_progress_matches_ledger(user)


def test_make_levels_makes_levels_and_gives_users_theirs(user, activity):
    record_activity(user, "walk", quantity=3)

    make_levels(0, 20, 40, names=["Newcomer", "Walker"])

    assert [str(level) for level in Level.objects.all()] == [
        "Level 1 · Newcomer",
        "Level 2 · Walker",
        "Level 3",
    ]
    assert UserGamification.objects.get(user=user).level == 2
