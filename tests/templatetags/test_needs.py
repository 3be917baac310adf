"""What cards of achievements say of conditions that are not met."""

from __future__ import annotations

from typing import Any

import pytest

from gamification.models import Achievement
from gamification.services import award_achievement, record_activity
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = pytest.mark.django_db

TAG = "{% gamification_achievements user %}"
LEVEL = {"criterion": "level", "threshold": 5}
WALKS = {"criterion": "activity_count", "activity": "stroll", "threshold": 1_500}
HOLDS = {"holds": "newcomer"}
FIRST_WALK = WALKS | {"threshold": 1}


@pytest.fixture(autouse=True)
def newcomer(no_achievements, user) -> Any:
    ActivityFactory(key="stroll", name="Stroll", xp_reward=0)
    record_activity(user, "stroll")
    return AchievementFactory(
        key="newcomer", name="Newcomer", criterion="manual", xp_reward=0
    )


def make(conditions: Any, **fields: Any) -> Achievement:
    known = {"criterion": "active_days", "threshold": 3, "xp_reward": 0}
    return AchievementFactory(
        key="fan", name="Fan", conditions=conditions, **{**known, **fields}
    )


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        (LEVEL, "level 5 (now at 1)"),
        (HOLDS, "hold “Newcomer”"),
        (WALKS, "1,500 × Stroll (now at 1)"),
        ({"all": [HOLDS, FIRST_WALK, LEVEL]}, "hold “Newcomer”; level 5 (now at 1)"),
        ({"any": [HOLDS, LEVEL]}, "any of (hold “Newcomer”; level 5)"),
        (
            {"at_least": 2, "of": [HOLDS, LEVEL, FIRST_WALK]},
            "at least 2 of (hold “Newcomer”; level 5; 1 × Stroll), 1 of 2 met",
        ),
    ],
)
def test_a_card_says_what_is_also_needed(render, user, conditions, words):
    make(conditions)

    assert f">Also needed: {words}</p>" in render(TAG, user=user)


def test_a_card_says_what_must_not_be_held(render, user):
    award_achievement(user, "newcomer")
    make({"lacks": "newcomer"})

    assert ">Also needed: do not hold “Newcomer”</p>" in render(TAG, user=user)


def test_a_card_does_not_name_a_secret(render, user, newcomer):
    Achievement.objects.update(is_secret=True)
    make(HOLDS)

    html = render(TAG, user=user)

    assert ">Also needed: hold another achievement</p>" in html
    assert "newcomer" not in html.lower()


@pytest.mark.parametrize("conditions", [None, FIRST_WALK])
def test_a_card_is_silent_if_nothing_is_missing(render, user, conditions):
    make(conditions)

    assert "Also needed" not in render(TAG, user=user)


def test_who_holds_it_needs_nothing(render, user):
    make(LEVEL)
    award_achievement(user, "fan")

    assert "Also needed" not in render(TAG, user=user)


def test_who_can_earn_it_again_reads_what_is_needed(render, user):
    make(LEVEL, criterion="level", threshold=9, repeat_every=9, max_times=None)
    award_achievement(user, "fan")

    assert render(TAG, user=user).count(">Also needed: level 5 (now at 1)</p>") == 1


def test_the_next_step_says_what_it_needs(render, user):
    series = {"series": "fans", "criterion": "active_days"}
    AchievementFactory(key="first", step=1, threshold=1, **series)
    award_achievement(user, "first")
    make(HOLDS, step=2, series="fans")

    html = render(TAG, user=user)

    assert ">Next: Fan, 1 of 3</label>" in html
    assert html.count(">Also needed: hold “Newcomer”</p>") == 1
