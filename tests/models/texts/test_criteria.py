from __future__ import annotations

import pytest
from django.utils import translation

from gamification.domain.criteria import Criterion
from gamification.models import Achievement, Activity


def achievement(criterion, threshold):
    counts = criterion == "activity_count"
    activity = Activity(key="kpi", name="KPI completed") if counts else None
    return Achievement(criterion=criterion, threshold=threshold, activity=activity)


@pytest.mark.parametrize(
    ("criterion", "threshold", "text"),
    [
        ("activity_count", 1, "1 × KPI completed"),
        ("activity_count", 50_000, "50,000 × KPI completed"),
        ("active_days", 1, "1 active day"),
        ("active_days", 30, "30 active days"),
        ("longest_streak", 1, "streak of 1 day"),
        ("longest_streak", 7, "streak of 7 days"),
        ("level", 5, "level 5"),
        ("total_xp", 1_000, "1,000 XP"),
        ("achievements", 1, "1 achievement held"),
        ("achievements", 12, "12 achievements held"),
        ("manual", 1, "awarded by hand"),
    ],
)
def test_a_criterion_is_told_in_words(criterion, threshold, text):
    assert achievement(criterion, threshold).criterion_text == text


@pytest.mark.parametrize(
    ("criterion", "threshold", "sentence"),
    [
        (
            "activity_count",
            1,
            "Users earn it when they have done “KPI completed” 1 time.",
        ),
        (
            "activity_count",
            50,
            "Users earn it when they have done “KPI completed” 50 times.",
        ),
        (
            "active_days",
            30,
            "Users earn it when they have been active on 30 days, in a row or not.",
        ),
        (
            "longest_streak",
            7,
            "Users earn it when they have been active on 7 days in a row.",
        ),
        ("level", 5, "Users earn it when they reach level 5."),
        ("total_xp", 1_000, "Users earn it when they have 1,000 XP in all."),
        ("achievements", 1, "Users earn it when they hold 1 achievement."),
        ("achievements", 12, "Users earn it when they hold 12 achievements."),
        ("manual", 1, "Nobody earns it; staff award it by hand."),
    ],
)
def test_a_criterion_is_told_in_a_sentence(criterion, threshold, sentence):
    assert achievement(criterion, threshold).criterion_sentence == sentence


@pytest.mark.parametrize("criterion", Criterion.values)
def test_every_criterion_has_its_words(criterion):
    item = achievement(criterion, 3)

    assert item.criterion_text
    assert item.criterion_sentence.endswith(".")


def test_numbers_are_written_as_the_reader_writes_them():
    with translation.override("de"):
        assert achievement("total_xp", 1_000).criterion_text == "1.000 XP"


def test_the_name_of_an_activity_is_no_pattern():
    item = Achievement(
        criterion="activity_count",
        threshold=2,
        activity=Activity(name="100 %(number)s"),
    )

    assert item.criterion_text == "2 × 100 %(number)s"
