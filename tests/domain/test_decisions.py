from __future__ import annotations

from gamification.domain.catalogue import Catalogue
from gamification.domain.decisions import (
    decide_backfill,
    decide_recalculation,
    decide_supposition,
    effect_of,
)
from gamification.domain.recalculation import Due
from gamification.domain.state import Rules
from tests.domain.builders import NOW, THRESHOLDS, achievement, standing, state


def rules_of(*achievements):
    return Rules(Catalogue((), achievements), THRESHOLDS)


def test_only_users_who_qualify_are_awarded():
    medal = achievement("total_xp", 20, xp_reward=5)
    poor, rich = state(user_id=1, total_xp=19), state(user_id=2, total_xp=20)

    decided = [*decide_backfill([poor, rich], medal, rules_of(medal), NOW)]

    assert [each.state.user_id for each in decided] == [2]


def test_an_award_has_all_its_effects():
    medal = achievement("total_xp", 20, key="medal", xp_reward=40)
    level = achievement("level", 2, key="level", xp_reward=100)
    [changeset] = decide_backfill(
        [state(total_xp=20)], medal, rules_of(medal, level), NOW
    )

    effect = effect_of(changeset, {medal.id: "medal", level.id: "level"})

    assert effect == {
        "users": 1,
        "xp": 140,
        "raised": 1,
        ("move", (1, 3)): 1,
        ("unlock", "medal"): 1,
        ("unlock", "level"): 1,
    }


def test_corrections_are_told_by_activity():
    due = Due(standing(), rewarded=1, xp_reward=4)
    changeset = decide_recalculation(
        state(total_xp=55, level=2), [due], rules_of(), NOW
    )

    assert effect_of(changeset, {}) == {
        "users": 1,
        "xp": -6,
        "lowered": 1,
        ("move", (2, 1)): 1,
        ("taken", None): 6,
    }


def test_a_total_that_would_fall_below_zero_is_not_corrected():
    due = Due(standing(), rewarded=1, xp_reward=4)

    assert decide_recalculation(state(total_xp=5), [due], rules_of(), NOW) is None


def test_a_supposition_unlocks_what_was_met_already():
    day = achievement("active_days", 1, xp_reward=7)

    changeset = decide_supposition(state(active_days=1), 0, rules_of(day), NOW)

    assert (changeset.total_xp, len(changeset.unlocks)) == (7, 1)
