from __future__ import annotations

from gamification.domain.celebrations import Peaks, notices
from gamification.domain.levels import LevelRule
from gamification.domain.outcomes import CelebrationNotice, Unlock

START = Peaks(level=1, streak=0)


def test_nothing_new_is_nothing_to_celebrate():
    assert list(notices([], START, START, (3, 7))) == []


def test_each_unlock_is_celebrated_with_its_name_icon_and_xp():
    unlocks = [Unlock("medal", "Medal", "🥇", 50), Unlock("cup", "Cup", "", 0)]

    [medal, cup] = notices(unlocks, START, START, ())

    assert medal == CelebrationNotice(
        kind="achievement",
        dedupe_key="achievement:medal",
        data={"achievement": "medal", "name": "Medal", "icon": "🥇", "xp": 50},
    )
    assert cup.dedupe_key == "achievement:cup"


def test_several_levels_at_once_are_one_celebration():
    celebrated = list(notices([], Peaks(2, 0), Peaks(5, 0), ()))

    assert celebrated == [
        CelebrationNotice(
            kind="level",
            dedupe_key="level:5",
            data={"from": 2, "to": 5, "levels": [3, 4, 5]},
        )
    ]


def test_each_milestone_that_a_streak_passes_is_celebrated():
    celebrated = list(notices([], Peaks(1, 3), Peaks(1, 14), (3, 7, 14, 30)))

    assert celebrated == [
        CelebrationNotice("streak", "streak:7", {"days": 7}),
        CelebrationNotice("streak", "streak:14", {"days": 14}),
    ]


def test_a_lower_peak_is_not_celebrated():
    assert list(notices([], Peaks(5, 9), Peaks(4, 2), (3,))) == []


def test_a_level_is_celebrated_with_what_it_is_called():
    levels = {3: LevelRule(3, 150, "Explorer", "🧭"), 4: LevelRule(4, 300)}

    [named] = notices([], Peaks(1, 0), Peaks(3, 0), (), levels)
    [nameless] = notices([], Peaks(3, 0), Peaks(4, 0), (), levels)

    assert named.data == {
        "from": 1,
        "to": 3,
        "levels": [2, 3],
        "name": "Explorer",
        "icon": "🧭",
    }
    assert nameless.data == {"from": 3, "to": 4, "levels": [4]}
