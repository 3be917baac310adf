"""Streaks in a catalogue file."""

from __future__ import annotations

import json

import pytest

from gamification.exceptions import InvalidDefinitionsError, StaleEditError
from gamification.models import Achievement, StreakDefinition
from gamification.staff import (
    apply_definitions,
    compare_definitions,
    create_streak,
    edit_streak,
    export_definitions,
)
from tests.factories import ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

WEEKLY = {"key": "weekly", "name": "Weekly", "unit": "week", "goal": 3}


def file_of(*streaks, **sections):
    empty = {"format": 1, "activities": [], "achievements": []}
    return json.dumps({**empty, "streaks": streaks, **sections})


def errors_of(*streaks):
    with pytest.raises(InvalidDefinitionsError) as refusal:
        compare_definitions(file_of(*streaks))
    return refusal.value.errors


def edits_of(text):
    return [line for line in compare_definitions(text).lines() if line[0] in "+~"]


def test_an_export_has_the_daily_streak_of_every_site():
    document = json.loads(export_definitions())

    assert [*document] == ["format", "activities", "streaks", "achievements"]
    assert document["streaks"] == [
        {
            "key": "daily",
            "name": "Daily streak",
            "description": "",
            "unit": "day",
            "goal": 1,
            "activities": [],
            "weekdays": [],
            "first_weekday": 1,
            "initial_freezes": 0,
            "freeze_every": None,
            "freeze_cap": 2,
            "is_active": True,
            "position": 0,
        }
    ]


def test_an_applied_streak_is_exported_without_differences():
    ActivityFactory(key="walk")
    text = file_of({**WEEKLY, "activities": ["walk"], "weekdays": [5, 1, 3, 1]})

    assert edits_of(text) == ["+ streak weekly"]
    apply_definitions(text)

    weekly = StreakDefinition.objects.get(key="weekly")
    assert (weekly.activities, weekly.weekdays) == (["walk"], [1, 3, 5])
    assert edits_of(text) == []
    assert compare_definitions(export_definitions()).is_empty


def test_freezes_of_a_streak_in_a_file_begin_with_the_next_period():
    apply_definitions(file_of({**WEEKLY, "initial_freezes": 1}))

    weekly = StreakDefinition.objects.get(key="weekly")
    [former] = weekly.former
    assert weekly.since is not None
    assert (weekly.initial_freezes, former["initial_freezes"]) == (1, 0)


def test_other_rules_in_a_file_hold_from_the_next_period():
    create_streak(actor=None, **WEEKLY)
    text = file_of({"key": "weekly", "goal": 4})

    assert edits_of(text) == ["~ streak weekly: goal 3 → 4"]
    apply_definitions(text)

    weekly = StreakDefinition.objects.get(key="weekly")
    assert (weekly.goal, [each["goal"] for each in weekly.former]) == (4, [3])
    assert edits_of(text) == []


@pytest.mark.parametrize("sections", [{"streaks": []}, {}])
def test_streaks_that_a_file_lacks_are_absent_and_stay(sections):
    create_streak(actor=None, **WEEKLY)
    text = json.dumps({"format": 1, "activities": [], "achievements": [], **sections})

    differences = apply_definitions(text)

    lines = [line for line in differences.lines() if "activity" not in line]
    # Every site has the daily one.
    assert lines == ["? streak weekly: absent", "= 0 unchanged"]
    assert StreakDefinition.objects.count() == 2


def test_an_achievement_may_measure_a_streak_of_the_same_file():
    medal = {
        "key": "medal",
        "name": "Medal",
        "category": "streaks",
        "criterion": "longest_streak",
        "streak": "weekly",
    }

    apply_definitions(file_of(WEEKLY, achievements=[medal]))

    assert Achievement.objects.get().streak.key == "weekly"


def test_a_streak_may_be_extended_by_an_activity_of_the_same_file():
    swim = {"key": "swim", "name": "Swim"}

    apply_definitions(file_of({**WEEKLY, "activities": ["swim"]}, activities=[swim]))

    assert StreakDefinition.objects.get(key="weekly").activities == ["swim"]


def test_an_edit_of_a_streak_since_the_comparison_is_not_overwritten():
    create_streak(actor=None, **WEEKLY)
    text = file_of({"key": "weekly", "goal": 4})
    tag = compare_definitions(text).tag
    edit_streak("weekly", actor=None, expected=None, goal=2)

    with pytest.raises(StaleEditError):
        apply_definitions(text, expected=tag)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("unit", "year", "'year' is not one of day, week, month."),
        ("goal", "3", "This is a text, not a whole number."),
        ("goal", 8, "The most is 7."),
        ("activities", ["walk"], "No activity has the key 'walk'."),
        ("activities", [7], "Activities are named by their keys."),
        ("activities", {}, "This is not a list."),
        ("weekdays", [8], "Weekdays are whole numbers from 1 to 7, each once."),
        ("weekdays", [True], "Weekdays are whole numbers from 1 to 7, each once."),
        ("initial_freezes", 3, "More freezes at the start than fit in stock."),
        ("since", "2026-01-01", "There is no such field."),
    ],
)
def test_a_value_that_a_streak_cannot_have(field, value, message):
    assert errors_of({**WEEKLY, field: value}) == [(f"streaks[0].{field}", message)]


def test_a_new_streak_needs_a_name():
    assert errors_of({"key": "weekly", "goal": 0}) == [
        ("streaks[0].name", "This field is required."),
        ("streaks[0].goal", "Ensure this value is greater than or equal to 1."),
    ]


@pytest.mark.parametrize(
    ("fields", "place", "message"),
    [
        ({"unit": "week"}, "unit", "The daily streak counts days, of all activities."),
        ({"is_active": False}, "is_active", "The daily streak is always active."),
    ],
)
def test_the_daily_streak_stays_daily(fields, place, message):
    assert errors_of({"key": "daily", **fields}) == [(f"streaks[0].{place}", message)]
