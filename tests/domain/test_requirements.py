from __future__ import annotations

import pytest

from gamification.domain.conditions import ConditionGroup, Holding, Leaf
from gamification.domain.counting import Counted
from gamification.domain.requirements import (
    NOWHERE,
    Goal,
    Ids,
    Parts,
    Possession,
    is_met,
    leaves_of,
    resolve,
)

IDS = Ids({"walk": 3}, {"daily": 1, "gym": 2}, {"newcomer": 9})


@pytest.mark.parametrize(
    ("leaf", "about"),
    [
        (Leaf("activity_count", 5, activity="walk"), 3),
        (Leaf("activity_count", 5, activity="gone"), NOWHERE),
        (Leaf("longest_streak", 5), None),
        (Leaf("longest_streak", 5, streak="daily"), None),
        (Leaf("longest_streak", 5, streak="gym"), 2),
        (Leaf("longest_streak", 5, streak="gone"), NOWHERE),
        (Leaf("level", 5), None),
    ],
)
def test_a_leaf_is_about_an_id(leaf, about):
    assert resolve(leaf, IDS) == Goal(Counted(leaf.criterion, about), 5, leaf)


def test_a_tree_keeps_its_shape():
    group = ConditionGroup(
        1, (Holding("newcomer"), Holding("gone", is_held=False)), "any"
    )

    tree = resolve(group, IDS)

    assert [*leaves_of(tree)] == [
        Possession(9, is_held=True, source=group.parts[0]),
        Possession(NOWHERE, is_held=False, source=group.parts[1]),
    ]
    assert tree.source is group


#: What is met, what is not, and what only the ledger tells.
LEAVES = {
    verdict: Possession(number, is_held=True, source=Holding(""))
    for number, verdict in enumerate("yn?")
}


def judged(least: int, verdicts: str) -> bool | None:
    tree = Parts(least, tuple(LEAVES[verdict] for verdict in verdicts))
    return is_met(tree, judge)


def judge(leaf: Possession) -> bool | None:
    return [True, False, None][leaf.achievement_id]


@pytest.mark.parametrize(
    ("least", "verdicts", "verdict"),
    [
        (2, "yy", True),
        (2, "yn", False),
        (2, "ny", False),
        (2, "y?", None),
        (2, "n?", False),
        (1, "ny", True),
        (1, "nn", False),
        (1, "?n", None),
        (1, "?y", True),
        (2, "yny", True),
        (2, "nny", False),
        (2, "y?n", None),
    ],
)
def test_a_group_needs_enough_parts(least, verdicts, verdict):
    assert judged(least, verdicts) is verdict
