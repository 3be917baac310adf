"""How far a user is with the conditions of achievements."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.models import Achievement, Activity
from gamification.services import (
    award_achievement,
    explain_achievement,
    get_achievements,
    record_activity,
)
from gamification.services.catalogue.filters.syncing import sync_filters
from gamification.staff import achievements_shown
from tests.factories import AchievementFactory, ActivityFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

READ = {"criterion": "activity_count", "activity": "read", "threshold": 4}
FANTASY = READ | {"where": [["genre", "is", "fantasy"]]}
LEVEL = {"criterion": "level", "threshold": 9}


@pytest.fixture(autouse=True)
def read(user) -> Any:
    row = ActivityFactory(key="read", attributes={"genre": "string"})
    for genre in ("fantasy", "fantasy", "horror"):
        record_activity(user, "read", attributes={"genre": genre})
    return row


def make(conditions: Any, **fields: Any) -> Achievement:
    defaults = {"key": "fan", "criterion": "active_days", "threshold": 5}
    return AchievementFactory(**{**defaults, "conditions": conditions, **fields})


def progress_of(user) -> Any:
    [progress] = get_achievements(user)
    return progress


def numbers(progress: Any) -> Any:
    return progress.name, progress.current, progress.target, progress.fraction


def test_a_leaf_has_its_value(user):
    make(FANTASY)

    progress = progress_of(user)

    assert (progress.current, progress.target) == (1, 5)
    assert numbers(progress.conditions) == ("criterion", 2, 4, 0.5)
    assert (progress.conditions.missing, progress.conditions.is_met) == (2, False)


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        ({"all": [FANTASY, READ | {"threshold": 2}]}, ("all", 1, 2, 0.5)),
        ({"any": [LEVEL, FANTASY]}, ("any", 2, 4, 0.5)),
        (
            {"at_least": 1, "of": [READ | {"threshold": 1}] * 2},
            ("at_least", 1, 1, 1.0),
        ),
        ({"holds": "gone"}, ("holds", 0, 1, 0.0)),
        ({"lacks": "fan"}, ("lacks", 1, 1, 1.0)),
    ],
)
def test_a_group_counts_its_parts(user, group, expected):
    make(group)

    assert numbers(progress_of(user).conditions) == expected


def test_what_is_met_misses_nothing(user):
    make(READ | {"threshold": 2})

    conditions = progress_of(user).conditions

    assert (conditions.current, conditions.missing, conditions.fraction) == (3, 0, 1.0)


def test_the_criterion_counts_as_it_says(user, read):
    make(
        None,
        criterion="activity_count",
        activity=read,
        counting={"where": [["genre", "is", "fantasy"]]},
    )

    progress = progress_of(user)

    assert (progress.current, progress.conditions) == (2, None)


def test_a_newcomer_is_at_nothing(user, django_user_model):
    make(FANTASY)
    newcomer = django_user_model.objects.create(username="newcomer")

    assert numbers(progress_of(newcomer).conditions) == ("criterion", 0, 4, 0.0)


@pytest.mark.parametrize("status", ["draft", "active", "retired"])
def test_any_achievement_is_explained(user, status):
    make({"all": [FANTASY, LEVEL]}, status=status)

    explained = explain_achievement(user, "fan")

    assert numbers(explained.conditions) == ("all", 0, 2, 0.0)
    assert explained.text.count("Not met yet: ") == 1
    assert "(2 of 4), " in explained.text
    assert "(1 of 9)." in explained.text


def test_a_choice_is_explained_as_a_choice(user):
    some = {"at_least": 2, "of": [READ | {"threshold": 3}, READ, LEVEL]}
    make({"all": [{"any": [FANTASY, LEVEL]}, some, {"at_least": 1, "of": [READ]}]})

    text = explain_achievement(user, "fan").text

    assert text.split("Not met yet: ")[1] == (
        "any of (4 × read with genre fantasy; level 9), "
        "at least 2 of (3 × read; 4 × read; level 9) (1 of 2), 4 × read (3 of 4)."
    ).replace("read", Activity.objects.get(key="read").name)


def test_what_must_be_held_is_named(user):
    AchievementFactory(key="other", name="Newcomer", criterion="manual")
    make({"all": [READ | {"threshold": 1}, {"holds": "other"}]})

    text = explain_achievement(user, "fan").text

    assert "Newcomer" in text.split("Not met yet: ")[1]


def test_the_next_record_unlocks_only_what_is_met(user):
    make(FANTASY, threshold=1)

    assert "next record" not in explain_achievement(user, "fan").text
    Achievement.objects.update(conditions=FANTASY | {"threshold": 2})

    explained = explain_achievement(user, "fan")
    assert explained.text.endswith(
        "It unlocks with the next record of any activity, or when staff award or "
        "backfill it."
    )


@pytest.mark.parametrize(
    ("is_staff", "text"), [(True, "“Hidden” held"), (False, "another achievement held")]
)
def test_a_viewer_reads_no_secret_that_they_do_not_hold(user, is_staff, text):
    AchievementFactory(key="hidden", name="Hidden", is_secret=True, xp_reward=0)
    make({"holds": "hidden"})
    award_achievement(user, "hidden")
    viewer = UserFactory(is_superuser=is_staff)

    shown = achievements_shown(user, viewer=viewer)

    assert {each.conditions.text for each in shown if each.conditions} == {text}


def test_conditions_name_what_they_need_in_one_statement(user, count_statements):
    AchievementFactory(key="other", name="Newcomer", criterion="manual")
    row = make({"all": [{"holds": "other"}, LEVEL]})
    named = count_statements(lambda: get_achievements(user))
    Achievement.objects.filter(pk=row.pk).update(conditions=LEVEL)

    assert named == count_statements(lambda: get_achievements(user)) + 1


def test_statements_do_not_grow_with_the_achievements(user, read, count_statements):
    make(FANTASY)
    sync_filters()
    few = count_statements(lambda: get_achievements(user))
    for number in range(5):
        make({"all": [FANTASY, LEVEL | {"threshold": number + 2}]}, key=f"fan_{number}")

    assert count_statements(lambda: get_achievements(user)) == few


@pytest.fixture
def count_statements() -> Any:
    def count(action: Any) -> int:
        action()
        with CaptureQueriesContext(connection) as queries:
            action()
        return len(queries)

    return count
