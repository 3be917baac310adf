from __future__ import annotations

import pytest

from gamification.models import UserGamification
from gamification.services import (
    record_activity,
)
from gamification.testing import (
    assert_progress_matches_ledger,
    captured_signals,
    make_achievement,
    make_activity,
    record_days,
)

pytestmark = pytest.mark.django_db


def test_make_activity_makes_one_worth_ten():
    assert make_activity("swim").xp_reward == 10


def test_make_activity_changes_one_that_exists():
    make_activity("swim", xp_reward=5)

    assert make_activity("swim", daily_limit=3).xp_reward == 5


def test_make_achievement_makes_one_awarded_by_hand():
    assert make_achievement("swimmer").criterion == "manual"


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


def test_progress_that_the_ledger_does_not_explain_fails(user, activity):
    record_activity(user, "walk")
    UserGamification.objects.update(total_xp=11)

    with pytest.raises(AssertionError, match="total_xp is 11, the ledger says 10"):
        assert_progress_matches_ledger(user)

    UserGamification.objects.update(total_xp=10)


def test_progress_that_the_ledger_explains_passes(user, activity):
    record_activity(user, "walk")

    assert_progress_matches_ledger(user)
