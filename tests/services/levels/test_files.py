"""Levels in a catalogue file."""

from __future__ import annotations

import json

import pytest

from gamification.exceptions import InvalidDefinitionsError, LevelsPinnedError
from gamification.services import record_activity
from gamification.staff import (
    apply_definitions,
    compare_definitions,
    export_definitions,
    get_levels,
    make_table,
    run_next_step,
    save_levels,
)
from tests.inspection import profile_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

EMPTY = {"format": 1, "activities": [], "achievements": []}


LEVELS = [
    {"threshold": 0, "name": "Newcomer", "icon": "🌱"},
    {"threshold": 100, "name": "Explorer", "translations": {"de": "Entdecker"}},
]


def file_with(*levels):
    return json.dumps(EMPTY | {"levels": levels})


def stored_levels():
    return [(level.number, level.threshold, level.name) for level in get_levels()]


def test_levels_of_a_file_replace_the_table():
    save_levels(make_table([0, 50, 100], ()), actor=None, expected=None)

    differences = apply_definitions(file_with(*LEVELS))

    assert stored_levels() == [(1, 0, "Newcomer"), (2, 100, "Explorer")]
    lines = [line for line in differences.lines() if "activity" not in line]
    assert lines == [
        '~ level 1: name "" → "Newcomer"',
        '~ level 1: icon "" → "🌱"',
        "~ level 2: threshold 50 → 100",
        '~ level 2: name "" → "Explorer"',
        '~ level 2: translations {} → {"de": "Entdecker"}',
        "- level 3",
        "= 0 unchanged",
    ]


def test_an_export_has_the_levels_that_staff_defined():
    apply_definitions(file_with(*LEVELS))

    text = export_definitions()

    assert json.loads(text)["levels"] == [
        LEVELS[0] | {"translations": {}},
        LEVELS[1] | {"icon": ""},
    ]
    assert compare_definitions(text).is_empty


def test_levels_are_in_order_of_their_numbers():
    apply_definitions(file_with(*({"threshold": xp} for xp in range(12))))

    levels = json.loads(export_definitions())["levels"]
    assert [level["threshold"] for level in levels] == [*range(12)]


def test_a_file_without_levels_leaves_them():
    apply_definitions(file_with(*LEVELS))

    differences = apply_definitions(file_with())

    assert "level" not in {item.kind for item in differences.items}
    assert len(stored_levels()) == 2


def test_a_level_keeps_what_the_file_leaves_out():
    apply_definitions(file_with(*LEVELS))

    apply_definitions(file_with({"threshold": 0}, {"threshold": 90}, {"threshold": 95}))

    assert stored_levels() == [(1, 0, "Newcomer"), (2, 90, "Explorer"), (3, 95, "")]


def test_new_thresholds_begin_a_job(user, staff, activity):
    record_activity(user, "walk", quantity=6)

    differences = apply_definitions(file_with(*LEVELS), actor=staff)

    job = run_next_step(differences.job_id, actor=None)
    assert (job.actor, job.total, job.done) == (staff, 1, 1)
    assert profile_of(user).level == 1


def test_pinned_levels_cannot_be_applied(settings):
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 30)}

    with pytest.raises(LevelsPinnedError):
        apply_definitions(file_with(*LEVELS))


@pytest.mark.parametrize(
    ("levels", "errors"),
    [
        ({}, [("levels", "This is an object, not a list.")]),
        ([5], [("levels[0]", "This is a whole number, not an object.")]),
        (
            [{"threshold": 0}, {"threshold": 0}],
            [("levels[1].threshold", "Level 2 must begin above 0 XP.")],
        ),
    ],
)
def test_mistakes_in_levels_are_reported(levels, errors):
    text = json.dumps(EMPTY | {"levels": levels})

    with pytest.raises(InvalidDefinitionsError) as caught:
        compare_definitions(text)

    assert caught.value.errors == errors
