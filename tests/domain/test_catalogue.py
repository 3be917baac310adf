from __future__ import annotations

import pytest

from gamification.domain.catalogue import Catalogue, Facts
from tests.domain.builders import achievement, activity


def earned_keys(rules, facts, barred=frozenset()):
    return [rule.key for rule in Catalogue((), rules).earned(facts, barred)]


@pytest.mark.parametrize(
    ("criterion", "facts"),
    [
        ("active_days", Facts(active_days=5)),
        ("longest_streak", Facts(longest_streak=5)),
        ("level", Facts(level=5)),
        ("total_xp", Facts(total_xp=5)),
        ("achievements", Facts(achievements=5)),
    ],
)
def test_a_criterion_is_met_at_its_threshold(criterion, facts):
    rules = [
        achievement(criterion, 5, key="met"),
        achievement(criterion, 6, key="not met"),
    ]

    assert earned_keys(rules, facts) == ["met"]


def test_an_activity_is_counted_by_itself():
    rules = [
        achievement("activity_count", 5, activity_id=1, key="walks"),
        achievement("activity_count", 5, activity_id=2, key="runs"),
    ]

    assert earned_keys(rules, Facts(counts={1: 4, 2: 5})) == ["runs"]


def test_an_activity_that_was_not_touched_is_not_judged():
    rules = [achievement("activity_count", 5, activity_id=1)]

    assert earned_keys(rules, Facts(counts={2: 100})) == []


def test_an_achievement_awarded_by_hand_is_never_earned():
    rules = [achievement("manual", 1)]

    assert earned_keys(rules, Facts(100, 100, 100, 100, 100, {1: 100})) == []


@pytest.mark.parametrize(
    ("status", "expected"), [("draft", []), ("active", ["one"]), ("retired", [])]
)
def test_only_active_achievements_are_earned(status, expected):
    rules = [achievement("level", 1, key="one", status=status)]

    assert earned_keys(rules, Facts()) == expected


def test_several_tiers_come_in_order_of_threshold_whatever_they_measure():
    rules = [
        achievement("level", 3, key="third"),
        achievement("total_xp", 100, key="fourth"),
        achievement("level", 2, key="second"),
        achievement("active_days", 1, key="first"),
    ]

    keys = earned_keys(rules, Facts(active_days=1, level=3, total_xp=150))

    assert keys == ["first", "second", "third", "fourth"]


def test_equal_thresholds_come_in_order_of_creation():
    rules = [
        achievement("level", 2, id=9, key="b"),
        achievement("level", 2, id=8, key="a"),
    ]

    assert earned_keys(rules, Facts(level=2)) == ["a", "b"]


def test_a_barred_achievement_is_not_earned():
    rules = [achievement("level", 1, id=8), achievement("level", 1, id=9, key="free")]

    assert earned_keys(rules, Facts(), barred={8}) == ["free"]


def test_a_catalogue_finds_its_rows_by_key():
    walk, medal = activity(key="walk"), achievement("manual", 1, key="medal")

    catalogue = Catalogue([walk], [medal])

    assert catalogue.activities == {"walk": walk}
    assert catalogue.achievements == {"medal": medal}


def test_an_empty_catalogue_gives_nothing():
    assert Catalogue().earned(Facts(level=99, counts={1: 99}), set()) == []


@pytest.mark.parametrize(
    ("criterion", "activity_id", "value"),
    [
        ("active_days", None, 1),
        ("longest_streak", None, 2),
        ("level", None, 3),
        ("total_xp", None, 4),
        ("achievements", None, 5),
        ("activity_count", 1, 6),
        ("activity_count", 2, 0),
        ("manual", None, 0),
    ],
)
def test_a_fact_is_measured_by_its_criterion(criterion, activity_id, value):
    facts = Facts(1, 2, 3, 4, 5, {1: 6})

    assert facts.measure(criterion, activity_id) == value


def test_a_catalogue_remembers_few_answers(monkeypatch):
    monkeypatch.setattr("gamification.domain.catalogue.MAX_KEPT", 1)
    rules = [achievement("level", 5, id=1), achievement("level", 9, id=2)]
    catalogue = Catalogue((), rules)

    levels = [
        catalogue.next_thresholds(frozenset(held)).level for held in ((), {1}, ())
    ]

    assert levels == [5, 9, 5]


def test_an_achievement_without_conditions_requires_its_criterion_alone():
    rule = achievement("activity_count", 3, activity_id=1)

    tree = Catalogue([activity()], [rule]).tree_of(rule)

    assert (tree.own.counted[:2], tree.own.threshold) == (("activity_count", 1), 3)
    assert (tree.requirement, tree.rest) == (tree.own, None)
