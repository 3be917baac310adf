"""Which dates count as those that broke a streak."""

from __future__ import annotations

import pytest

from gamification.services import explain_achievement, get_streaks
from gamification.staff import grant_freezes
from gamification.staff import pause_streak as pause_for
from tests.factories import AchievementFactory
from tests.services.streaks.conftest import november

pytestmark = pytest.mark.django_db


def test_missed_are_those_of_the_last_ninety_days(user, act, on):
    act(1)

    with on(95):
        missed = get_streaks(user)[0].missed

    assert (missed[0], missed[-1]) == (november(5), november(94))


def test_what_a_freeze_covered_later_did_not_break_a_streak(user, act, on):
    act(1, 3)
    with on(3):
        grant_freezes(user, 1)
        pause_for(user, november(6), november(93), actor=None)
    # The 5th is covered.
    act(4, 94)

    with on(94):
        status = get_streaks(user)[0]

    assert (status.current, status.freezes, status.missed) == (3, 0, ())


def test_an_explanation_names_no_dates_that_freezes_will_cover(user, act, on):
    AchievementFactory(key="week", name="Week", criterion="longest_streak", threshold=7)
    with on(1):
        grant_freezes(user, 1)
    act(1, 4, 5)
    with on(5):
        grant_freezes(user, 1)

    with on(8):
        assert explain_achievement(user, "week").text.endswith("5 to go.")
