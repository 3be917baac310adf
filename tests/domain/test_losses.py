from __future__ import annotations

from gamification.domain.catalogue import Facts
from gamification.domain.losses import find_lost
from tests.domain.builders import THRESHOLDS, achievement


def keys_of_lost(held, before, after):
    def meets(rule, facts, without):
        return facts.meet(rule)

    lost = find_lost(held, (before, meets), (after, meets), THRESHOLDS, held.keys())
    return [rule.key for rule in lost]


def test_nothing_is_lost_that_is_still_met():
    ten = achievement("total_xp", 10)

    assert keys_of_lost({ten: 5}, Facts(total_xp=25), Facts(total_xp=15)) == []


def test_what_was_not_met_before_is_not_lost():
    ten = achievement("total_xp", 10)

    assert keys_of_lost({ten: 0}, Facts(total_xp=9), Facts(total_xp=0)) == []


def test_an_achievement_is_not_kept_by_its_own_reward():
    ten = achievement("total_xp", 10, key="ten")

    assert keys_of_lost({ten: 20}, Facts(total_xp=30), Facts(total_xp=20)) == ["ten"]


def test_an_achievement_does_not_count_itself():
    two = achievement("achievements", 2, key="two")

    lost = keys_of_lost({two: 0}, Facts(achievements=3), Facts(achievements=2))

    assert lost == ["two"]


def test_achievements_do_not_keep_each_other():
    ten = achievement("total_xp", 10, key="ten")
    level = achievement("level", 2, key="level")

    before, after = Facts(total_xp=130, level=2), Facts(total_xp=120, level=2)

    assert keys_of_lost({ten: 60, level: 60}, before, after) == ["ten", "level"]


def test_an_achievement_that_stays_may_keep_another():
    ten = achievement("total_xp", 10)
    level = achievement("level", 2)

    before, after = Facts(total_xp=80, level=2), Facts(total_xp=70, level=2)

    assert keys_of_lost({ten: 60, level: 0}, before, after) == []


def test_what_only_its_reward_kept_before_stays_while_that_is_enough():
    hundred = achievement("total_xp", 100, key="hundred")
    held, before = {hundred: 40}, Facts(total_xp=120)

    assert keys_of_lost(held, before, Facts(total_xp=110)) == []
    assert keys_of_lost(held, before, Facts(total_xp=90)) == ["hundred"]
