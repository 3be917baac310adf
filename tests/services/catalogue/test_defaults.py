"""The catalogue of the migrations, brought back where it is missing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from gamification.exceptions import InvalidDefinitionsError
from gamification.models import Achievement, Activity, Level, StreakDefinition
from gamification.testing import restore_catalogue

pytestmark = pytest.mark.django_db

#: What no two catalogues share.
OWN = {"id", "created_at", "updated_at", "activity_id"}


def catalogue():
    """Return all items by key, without what is their database's own."""
    return {
        row["key"]: {name: row[name] for name in row.keys() - OWN}
        | {"counts": row.get("activity__key")}
        for rows in (
            Activity.objects.values(),
            Achievement.objects.values(*names_of(Achievement), "activity__key"),
        )
        for row in rows
    }


def names_of(model):
    return [field.attname for field in model._meta.concrete_fields]


def empty():
    Achievement.objects.all().delete()
    Activity.objects.all().delete()


def test_the_catalogue_of_the_migrations_comes_back():
    migrated = catalogue()
    empty()

    added = restore_catalogue()

    assert (added, len(migrated)) == (13, 13)
    assert catalogue() == migrated


def test_what_staff_have_changed_stays():
    Activity.objects.filter(key="kpi_completed").update(xp_reward=99)
    Achievement.objects.filter(key="level_5").delete()

    assert restore_catalogue() == 1
    assert restore_catalogue() == 0
    assert Activity.objects.get(key="kpi_completed").xp_reward == 99


#: A catalogue of a site.
SITE_CATALOGUE = {
    "comment": "For people.",
    "activities": [{"comment": "Any.", "key": "lesson", "name": "Lesson"}],
    "streaks": [{"comment": "Any.", "key": "weekly", "name": "Weekly", "unit": "week"}],
    "achievements": [
        {
            "key": "lessons_10",
            "name": "Ten lessons",
            "category": "mastery",
            "criterion": "activity_count",
            "activity": "lesson",
            "threshold": 10,
        },
        {"key": "gift", "name": "Gift", "category": "mastery", "criterion": "manual"},
        {
            "key": "weeks",
            "name": "Weeks",
            "category": "streaks",
            "criterion": "longest_streak",
            "streak": "weekly",
        },
    ],
    "levels": [
        {"comment": "All.", "threshold": 0, "name": "Newcomer"},
        {"threshold": 100},
    ],
}


@pytest.mark.parametrize("kind", [None, str, Path])
def test_the_catalogue_of_the_site_comes_back(settings, tmp_path, kind):
    empty()
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"format": 1, **SITE_CATALOGUE}))
    wanted = kind(path) if kind else f"{__name__}.SITE_CATALOGUE"
    settings.GAMIFICATION = {"SEED_CATALOGUE": wanted}

    assert restore_catalogue() == 7
    rows = Achievement.objects.values_list("key", "activity__key", "streak__key")
    assert [*rows.order_by("position")] == [
        ("lessons_10", "lesson", None),
        ("gift", None, None),
        ("weeks", None, "weekly"),
    ]
    assert StreakDefinition.objects.get(key="weekly").unit == "week"
    assert [*Activity.objects.values_list("key", "xp_reward")] == [("lesson", 0)]
    assert [*map(str, Level.objects.all())] == ["Level 1 · Newcomer", "Level 2"]


def test_the_daily_streak_comes_back():
    StreakDefinition.objects.all().delete()

    assert (restore_catalogue(), restore_catalogue()) == (1, 0)
    assert StreakDefinition.objects.get().key == "daily"


def test_levels_of_staff_stay(settings):
    Level.objects.create(number=1, threshold=0, name="Ours")
    settings.GAMIFICATION = {"SEED_CATALOGUE": f"{__name__}.SITE_CATALOGUE"}

    assert restore_catalogue() == 5
    assert [*map(str, Level.objects.all())] == ["Level 1 · Ours"]


def test_nothing_comes_back_where_a_site_begins_with_nothing(settings):
    empty()
    settings.GAMIFICATION = {"SEED_CATALOGUE": False}

    assert restore_catalogue() == 0
    assert not Activity.objects.exists()


#: An achievement whose rule cannot be checked by the database.
WRONG_CATALOGUE = {
    "achievements": [
        {
            "key": "reader",
            "name": "Reader",
            "category": "mastery",
            "criterion": "level",
            "conditions": {"holds": "nobody"},
        }
    ]
}


def test_what_no_catalogue_file_could_have_does_not_come_back(settings):
    empty()
    settings.GAMIFICATION = {"SEED_CATALOGUE": f"{__name__}.WRONG_CATALOGUE"}

    with pytest.raises(InvalidDefinitionsError) as refused:
        restore_catalogue()

    assert refused.value.errors == [
        ("achievements[0].conditions.holds", "No achievement has the key 'nobody'.")
    ]
    assert not Achievement.objects.exists()


def test_a_fixture_of_django_has_the_same_items():
    migrated = catalogue()
    empty()

    call_command("loaddata", "gamification_catalogue", verbosity=0)

    assert catalogue() == migrated


def test_a_command_restores_it():
    empty()
    out = io.StringIO()

    call_command("gamification_catalogue", "restore", stdout=out)

    assert out.getvalue() == "Items added: 13.\n"
