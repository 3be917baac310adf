from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection, connections, transaction
from django.db.migrations.loader import MigrationLoader

from gamification.models import (
    Achievement,
    Activity,
    LedgerEntry,
    Level,
    StreakDefinition,
)
from gamification.services import (
    award_achievement,
    record_activity,
)
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import COMMITTED

INITIAL = import_module("gamification.migrations.0001_initial")
SEED = import_module("gamification.migrations.0002_seed_catalogue")

#: What the issue asks for: the key, what it counts, and how much of it.
CATALOGUE = {
    "first_vision": ("exploration", "activity_count", "vision_created", 1),
    "first_kpi": ("exploration", "activity_count", "kpi_completed", 1),
    "kpi_10": ("milestones", "activity_count", "kpi_completed", 10),
    "kpi_50": ("milestones", "activity_count", "kpi_completed", 50),
    "kpi_100": ("milestones", "activity_count", "kpi_completed", 100),
    "kpi_500": ("milestones", "activity_count", "kpi_completed", 500),
    "streak_7": ("streaks", "longest_streak", None, 7),
    "streak_30": ("streaks", "longest_streak", None, 30),
    "streak_100": ("streaks", "longest_streak", None, 100),
    "level_5": ("mastery", "level", None, 5),
    "level_10": ("mastery", "level", None, 10),
}


@pytest.fixture(scope="module")
def historical_apps():
    """The models as the migration knows them."""
    return (
        MigrationLoader(None).project_state(("gamification", SEED.__name__[-19:])).apps
    )


@pytest.fixture
def migrate(historical_apps):
    """Run the migration forwards or backwards, on a database."""

    def run(direction, alias="default"):
        functions = {
            "forwards": SEED.seed_catalogue,
            "backwards": SEED.remove_untouched,
        }
        editor = SimpleNamespace(connection=SimpleNamespace(alias=alias))
        functions[direction](historical_apps, editor)

    return run


def stored():
    """Return all rows of the catalogue, but for what differs from run to run."""
    return {
        model: {
            row.pop("key"): {k: v for k, v in row.items() if k not in VARYING}
            for row in model.objects.values()
        }
        for model in (Activity, Achievement)
    }


VARYING = {"id", "activity_id", "created_at", "updated_at"}


def keys():
    return {row.key for model in (Activity, Achievement) for row in model.objects.all()}


@pytest.mark.django_db
def test_the_catalogue_is_as_the_issue_has_it():
    rows = Achievement.objects.values_list(
        "key", "category", "criterion", "activity__key", "threshold"
    )

    assert {key: tuple(rest) for key, *rest in rows} == CATALOGUE


@pytest.mark.django_db
def test_the_achievements_come_in_the_order_of_the_issue():
    assert [row.key for row in Achievement.objects.all()] == list(CATALOGUE)


@pytest.mark.django_db
def test_everything_that_is_seeded_is_complete():
    for row in [*Achievement.objects.all(), *Activity.objects.all()]:
        row.full_clean()
        assert row.name
        assert row.description
        assert row.xp_reward > 0


@pytest.mark.django_db
def test_the_seeded_activities_extend_the_streak_without_limits():
    rows = Activity.objects.values_list(
        "key", "daily_limit", "cooldown", "extends_streak"
    )

    assert set(rows) == {
        ("vision_created", None, None, True),
        ("kpi_completed", None, None, True),
    }


@pytest.mark.django_db
def test_forwards_again_changes_nothing(migrate):
    before = list(Achievement.objects.values()), list(Activity.objects.values())

    migrate("forwards")

    assert (
        list(Achievement.objects.values()),
        list(Activity.objects.values()),
    ) == before


@pytest.mark.django_db
def test_backwards_removes_all_that_is_untouched(migrate):
    migrate("backwards")

    assert keys() == set()


#: A catalogue of a site.
OWN = {
    "comment": "For people.",
    "activities": [{"comment": "Any.", "key": "lesson", "name": "Lesson"}],
    "streaks": [
        {"key": "weekly", "name": "Weekly", "unit": "week"},
        {"key": "daily", "name": "Every day"},
    ],
    "achievements": [
        {
            "key": "lessons_10",
            "name": "Ten lessons",
            "category": "mastery",
            "criterion": "activity_count",
            "activity": "lesson",
            "threshold": 10,
        },
        {
            "key": "weeks",
            "name": "Weeks",
            "category": "streaks",
            "criterion": "longest_streak",
            "streak": "weekly",
        },
    ],
    "levels": [{"threshold": 0, "name": "Newcomer"}, {"threshold": 100}],
}


@pytest.mark.django_db
def test_a_site_may_begin_with_nothing(migrate, settings):
    migrate("backwards")
    settings.GAMIFICATION = {"SEED_CATALOGUE": False}

    migrate("forwards")

    assert keys() == set()


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [None, str, Path])
def test_a_site_may_begin_with_its_own(migrate, settings, tmp_path, kind):
    migrate("backwards")
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"format": 1, **OWN}))
    wanted = kind(path) if kind else "tests.test_migrations.OWN"
    settings.GAMIFICATION = {"SEED_CATALOGUE": wanted}

    migrate("forwards")

    rows = Achievement.objects.values_list("key", "activity__key", "streak__key")
    assert [*rows] == [("lessons_10", "lesson", None), ("weeks", None, "weekly")]
    streaks = StreakDefinition.objects.values_list("key", "name", "unit")
    assert {*streaks} == {("daily", "Every day", "day"), ("weekly", "Weekly", "week")}
    assert [*Activity.objects.values_list("key", "xp_reward")] == [("lesson", 0)]
    levels = Level.objects.values_list("number", "threshold", "name")
    assert [*levels] == [(1, 0, "Newcomer"), (2, 100, "")]


@pytest.mark.django_db
def test_a_site_takes_its_own_back(migrate, settings):
    migrate("backwards")
    settings.GAMIFICATION = {"SEED_CATALOGUE": "tests.test_migrations.OWN"}
    migrate("forwards")

    migrate("backwards")

    assert keys() == set()
    assert not Level.objects.exists()


@pytest.mark.django_db
def test_back_and_forth_makes_the_same_catalogue(migrate):
    before = stored()

    for direction in ("backwards", "backwards", "forwards"):
        migrate(direction)

    assert stored() == before


#: Each a reason to keep the row; nobody edits “first_vision”.
EDITS = {
    "first_kpi": {"category": "mastery"},
    "kpi_50": {"xp_reward": 51},
    "kpi_100": {"threshold": 11},
    "kpi_500": {"status": "retired"},
    "streak_7": {"is_secret": True},
    "streak_30": {"position": 99},
    "kpi_10": {"criterion": "level", "activity": None},
    "streak_100": {"icon": ""},
    "level_5": {"description": ""},
    "level_10": {"name": "Ten!"},
}


@pytest.mark.django_db
def test_an_edit_by_staff_survives_any_number_of_runs(migrate):
    for key, edit in EDITS.items():
        Achievement.objects.filter(key=key).update(**edit)
    before = stored()

    for direction in ("backwards", "forwards", "forwards", "backwards", "forwards"):
        migrate(direction)

    assert stored() == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kpi", "vision"),
    [
        ({"name": "Done"}, {"xp_reward": 0}),
        ({"daily_limit": 3}, {"cooldown": 60}),
        ({"extends_streak": False}, {"is_active": False}),
    ],
    ids=str,
)
def test_an_edited_activity_survives_any_number_of_runs(migrate, kpi, vision):
    Activity.objects.filter(key="kpi_completed").update(**kpi)
    Activity.objects.filter(key="vision_created").update(**vision)
    before = stored()

    for direction in ("backwards", "forwards", "forwards", "backwards", "forwards"):
        migrate(direction)

    assert stored() == before


@pytest.mark.django_db
def test_backwards_leaves_what_staff_edited_alone(migrate):
    Achievement.objects.filter(key="kpi_10").update(xp_reward=51)

    migrate("backwards")

    assert keys() == {"kpi_10", "kpi_completed"}


@pytest.mark.django_db
def test_backwards_leaves_what_somebody_holds(migrate, user):
    award_achievement(user, "level_10")

    migrate("backwards")

    # 250 XP are level 3: nothing else followed.
    assert keys() == {"level_10"}


@pytest.mark.django_db
def test_backwards_leaves_what_has_history(migrate, user):
    record_activity(user, "vision_created")

    migrate("backwards")

    assert keys() == {"vision_created", "first_vision"}


@pytest.mark.django_db
def test_backwards_leaves_an_activity_that_staff_count(migrate):
    kpi = Activity.objects.get(key="kpi_completed")
    AchievementFactory(
        key="kpi_7", criterion="activity_count", activity=kpi, threshold=7
    )

    migrate("backwards")

    assert keys() == {"kpi_7", "kpi_completed"}


@pytest.mark.django_db
def test_backwards_leaves_what_staff_made(migrate):
    ActivityFactory(key="walk")
    AchievementFactory(key="medal")

    migrate("backwards")

    assert keys() == {"walk", "medal"}


@pytest.mark.django_db
def test_a_row_that_was_there_first_stays_as_it_is(migrate):
    migrate("backwards")
    ActivityFactory(key="kpi_completed", name="Ours", xp_reward=1)

    migrate("forwards")

    activity = Activity.objects.get(key="kpi_completed")
    assert (activity.name, activity.xp_reward) == ("Ours", 1)
    assert Achievement.objects.get(key="kpi_10").activity == activity


@pytest.fixture
def other_database(django_db_setup, django_db_blocker):
    """Yield the alias of another database, with all tables and no seed."""
    connections.settings["other"] = {
        **connections.settings["default"],
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": ":memory:",
        "OPTIONS": {},
    }
    # Django keeps tests of its own kinds away from databases that it did not make.
    with django_db_blocker.unblock():
        call_command("migrate", "gamification", "0001", database="other", verbosity=0)
        yield "other"
        # Django itself never closes a database in memory.
        connections["other"].connection.close()
    del connections["other"], connections.settings["other"]


def test_the_alias_that_is_given_is_the_one_that_changes(migrate, other_database):
    before = stored()

    migrate("forwards", "other")
    there = set(Achievement.objects.using("other").values_list("key", flat=True))
    migrate("backwards", "other")

    assert there == set(CATALOGUE)
    assert not Activity.objects.using("other").exists()
    assert stored() == before


@COMMITTED
def test_the_real_command_goes_back_and_forth():
    before = stored()

    call_command("migrate", "gamification", "0001", verbosity=0)
    between = keys()
    call_command("migrate", "gamification", verbosity=0)

    assert (between, stored()) == (set(), before)


@pytest.mark.django_db
def test_no_migration_is_missing(capsys):
    call_command("makemigrations", "gamification", "--check", "--dry-run")

    assert "No changes detected" in capsys.readouterr().out


def test_each_migration_can_be_reversed():
    plan = MigrationLoader(None).graph.nodes
    ours = [node for (app, _), node in plan.items() if app == "gamification"]

    assert len(ours) >= 2
    assert all(step.reversible for node in ours for step in node.operations)


@pytest.mark.django_db
def test_the_ledger_can_be_updated_again_on_the_way_back(user, activity):
    record_activity(user, "walk")
    update = f"UPDATE {LedgerEntry._meta.db_table} SET note = 'Odd.'"
    editor = connection.schema_editor()

    INITIAL.allow_updates(apps, editor)
    with connection.cursor() as cursor:
        cursor.execute(update)
    INITIAL.refuse_updates(apps, editor)

    with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
        connection.cursor().execute(update.replace("Odd", "Odder"))
