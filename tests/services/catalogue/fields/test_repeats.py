"""Definitions of seasons, and of achievements that users earn more than once."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from gamification.exceptions import InvalidDefinitionError, InvalidDefinitionsError
from gamification.models import Achievement
from gamification.staff import (
    RewardEdit,
    apply_definitions,
    compare_definitions,
    create_achievement,
    definition_tag,
    edit_achievement,
    export_definitions,
    tune_rewards,
    undo_edit,
)
from tests.factories import AchievementFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

JUNE, JULY = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
LAST_DAY = datetime(9999, 12, 31, 23, tzinfo=UTC)
ZONED = {"starts_at": JUNE, "ends_at": JULY, "season_zone": "Europe/Berlin"}


def create(**fields):
    usual = {"name": "It", "category": "mastery", "criterion": "total_xp"}
    return create_achievement(actor=None, **{"key": "it", **usual, **fields})


def errors_of(**fields):
    with pytest.raises(InvalidDefinitionError) as refusal:
        create(**fields)
    return {name: text for name, [(_, text)] in refusal.value.errors.items()}


def file_with(**fields):
    item = {"key": "it", "name": "It", "category": "mastery", "criterion": "total_xp"}
    document = {"format": 1, "activities": [], "achievements": [item | fields]}
    return json.dumps(document)


def errors_of_file(**fields):
    with pytest.raises(InvalidDefinitionsError) as refusal:
        compare_definitions(file_with(**fields))
    return refusal.value.errors


#: Values that do not go together, and the field that says so.
WRONG = [
    ({"max_times": None}, "max_times"),
    ({"max_times": 3}, "max_times"),
    ({"repeat_every": 5}, "max_times"),
    ({"repeat_period": "day"}, "max_times"),
    ({"max_times": 2, "repeat_every": 5, "repeat_period": "day"}, "max_times"),
    ({"max_times": 2, "criterion": "manual", "repeat_every": 5}, "max_times"),
    ({"max_times": 2, "criterion": "level", "repeat_period": "week"}, "repeat_period"),
    (
        {"max_times": 2, "criterion": "active_days", "repeat_period": "day"},
        "repeat_period",
    ),
    ({"max_times": None, "repeat_every": 50, "xp_reward": 50}, "xp_reward"),
    ({"starts_at": "2026-06-01", "ends_at": "2026-06-01"}, "ends_at"),
    ({"starts_at": "2026-06-01T00:00Z", "season_zone": "Mars/Phobos"}, "season_zone"),
    ({"season_zone": "Europe/Berlin"}, "season_zone"),
    ({"starts_at": "2026-06-01T00:00+02:00"}, "starts_at"),
    (
        {"max_times": None, "repeat_period": "week", "revocable": True},
        "revocable",
    ),
]


@pytest.mark.parametrize(("fields", "name"), WRONG)
def test_a_file_with_values_that_do_not_go_together_is_refused(fields, name):
    places = {place for place, _message in errors_of_file(**fields)}

    assert places == {f"achievements[0].{name}"}


@pytest.mark.parametrize(("fields", "name"), [each for each in WRONG if each[0]])
def test_values_that_do_not_go_together_are_refused(fields, name):
    errors = errors_of(**fields)

    # The database refuses some of them before.
    assert {*errors} <= {name, "__all__"}
    assert not Achievement.objects.exists()


@pytest.mark.parametrize("value", ["soon", 5, True, "2026-13-01", "2026-13-01T00:00"])
def test_a_time_is_a_date_and_time(value):
    assert [*errors_of(starts_at=value)] == ["starts_at"]
    assert [place for place, _ in errors_of_file(starts_at=value)] == [
        "achievements[0].starts_at"
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("starts_at", "1969-12-31T23:59:59+00:00"),
        ("starts_at", "0001-01-01T00:00:00+23:59"),
        ("ends_at", "3000-01-01T00:00:01+00:00"),
        ("ends_at", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_a_time_is_between_1970_and_3000(field, value):
    assert [*errors_of(**{field: value})] == [field]
    places = [place for place, _message in errors_of_file(**{field: value})]
    assert places == [f"achievements[0].{field}"]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2026-06-01T00:00:00+02:00", datetime(2026, 5, 31, 22, tzinfo=UTC)),
        ("2026-06-01T00:00:00", JUNE),
        ("2026-06-01", JUNE),
        (JUNE, JUNE),
        (None, None),
    ],
)
def test_a_season_takes_texts_and_times(given, stored):
    create(starts_at=given, ends_at=JULY, season_zone="Europe/Berlin")

    assert Achievement.objects.get().starts_at == stored


def test_a_file_keeps_seasons_and_repeats():
    create(**ZONED, max_times=5, repeat_every=10, shown_outside_season=True)
    text = export_definitions()
    before = Achievement.objects.values().get()
    Achievement.objects.update(
        max_times=1, repeat_every=None, starts_at=None, season_zone=""
    )

    apply_definitions(text)

    after = Achievement.objects.values().get()
    assert after | {"updated_at": 0} == before | {"updated_at": 0}
    assert '"starts_at": "2026-06-01T00:00:00+00:00"' in text
    assert compare_definitions(text).edits == ()


def test_the_same_time_in_another_form_is_no_edit():
    create(**ZONED)
    fields = {"starts_at": "2026-06-01T02:00:00+02:00"}
    fields |= {"ends_at": "2026-07-01T00:00:00Z"}

    assert compare_definitions(file_with(**fields)).edits == ()


def test_a_tag_does_not_depend_on_how_a_time_is_written():
    made = create(**ZONED | {"starts_at": "2026-06-01T02:00:00+02:00"})

    assert definition_tag(made) == definition_tag(Achievement.objects.get())


def test_an_edit_of_a_season_is_logged_and_undone(staff, django_user_model):
    create(**ZONED)
    edited = edit_achievement("it", actor=staff, expected=None, starts_at=None)

    undo_edit(
        edited,
        {"starts_at": "2026-06-01T00:00:00+00:00"},
        actor=staff,
        expected=definition_tag(edited),
    )

    assert Achievement.objects.get().starts_at == JUNE


def test_rewards_may_not_earn_each_other_without_end():
    for number in (1, 2):
        AchievementFactory(
            key=f"a{number}",
            name=f"A{number}",
            criterion="total_xp",
            threshold=100,
            xp_reward=40,
            max_times=None,
            repeat_every=100,
        )

    errors = errors_of(
        max_times=None, repeat_every=100, threshold=100, xp_reward=30, name="B"
    )

    assert errors == {
        "xp_reward": "Together, the rewards of “A1”, “A2”, “B” would earn each other "
        "without end."
    }
    fields = {"max_times": None, "repeat_every": 100, "xp_reward": 30, "threshold": 1}
    [(place, _message)] = errors_of_file(**fields)
    assert place == "achievements"


def test_tuning_may_not_make_rewards_without_end():
    create(max_times=None, repeat_every=100, threshold=100, xp_reward=30)

    with pytest.raises(InvalidDefinitionError):
        tune_rewards(
            achievements=[RewardEdit("it", None, {"xp_reward": 100})], actor=None
        )

    assert Achievement.objects.get().xp_reward == 30


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, ""),
        (
            {"max_times": None, "repeat_every": 1000},
            "Users earn it again after every 1,000 more.",
        ),
        ({"max_times": None, "repeat_period": "day"}, "Users earn it once a day."),
        (
            {"max_times": 4, "repeat_period": "week"},
            "Users earn it once a week, 4 times at most.",
        ),
        (
            {"max_times": None, "repeat_period": "month"} | ZONED,
            (
                "Users earn it once a month. Only what happens from June 1, 2026, "
                "2 a.m. until July 1, 2026, 2 a.m. counts (Europe/Berlin)."
            ),
        ),
        (
            {"starts_at": JUNE},
            "Only what happens from June 1, 2026 on counts (each user’s own clock).",
        ),
        (
            {"ends_at": JULY},
            "Only what happens before July 1, 2026 counts (each user’s own clock).",
        ),
        (
            {"ends_at": LAST_DAY, "season_zone": "Asia/Tokyo"},
            "Only what happens before Dec. 31, 9999, 11 p.m. counts (Asia/Tokyo).",
        ),
    ],
)
def test_a_season_and_repeats_are_said_in_words(fields, sentence):
    row = Achievement(criterion="level", threshold=5, **fields)

    assert row.timing_sentence == sentence
    whole = f"Users earn it when they reach level 5. {sentence}".rstrip()
    assert row.requirement == whole
