from __future__ import annotations

import inspect
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection

from gamification import checks, database_checks
from gamification.conf import NAMES
from gamification.models import Level, UserGamification
from tests.factories import AchievementFactory, ActivityFactory, UserFactory


def ids(messages) -> list[str]:
    return [message.id for message in messages]


def test_the_default_settings_are_right():
    assert checks.check_settings(None) == []


def test_users_can_be_grouped_by_what_they_have(settings):
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": {"provider": "email"}}

    assert checks.check_settings(None) == []


def test_gamification_E024(settings):
    settings.GAMIFICATION = {
        "LEADERBOARD_GROUPS": {"club": "email"},
        "LEADERBOARD_SCOPES": {"club": "tests.test_checks.ids"},
    }

    assert ids(checks.check_settings(None)) == ["gamification.E024"]


class _TwoDatabases:
    """A router that keeps users where they are, and the game elsewhere."""

    def db_for_write(self, model, **hints):
        return "game" if model._meta.app_label == "gamification" else "default"


def test_gamification_E015(settings):
    settings.DATABASE_ROUTERS = [_TwoDatabases()]

    [error] = database_checks.check_routers(None)

    assert error.id == "gamification.E015"
    assert "'gamification.LedgerEntry': 'game'" in error.msg


def test_users_and_the_game_are_in_one_database():
    assert database_checks.check_routers(None) == []


@pytest.mark.django_db
def test_gamification_E001(settings):
    settings.GAMIFICATION = ["DAY_START_HOUR"]

    assert ids(run_checks()) == ["gamification.E001"]


def test_each_check_has_an_id_of_its_own():
    known = [rule.id for rule in checks._RULES]
    for module in (checks, database_checks):
        known += re.findall(r'id="gamification\.(\w+)"', inspect.getsource(module))

    assert len({*known}) == len(known)


def test_gamification_E002_suggests_the_name_that_was_meant(settings):
    settings.GAMIFICATION = {"DAY_START_HOURS": 4}

    [error] = checks.check_settings(None)

    assert error.id == "gamification.E002"
    assert error.hint == "Did you mean DAY_START_HOUR?"


def test_gamification_E002_lists_the_names_where_none_is_close(settings):
    settings.GAMIFICATION = {"WHATEVER": 4}

    [error] = checks.check_settings(None)

    assert "STREAK_MILESTONES" in error.hint


@pytest.mark.parametrize(
    "thresholds",
    [
        *((), (1, 50), (0, 50, 50), (0, 50, 40), (0, 1.5), (0, True), 7, "0"),
        (0, 50, 2**63),
        tuple(range(501)),
    ],
)
def test_gamification_E003(settings, thresholds):
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": thresholds}

    assert ids(checks.check_settings(None)) == ["gamification.E003"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DEFAULT_TIME_ZONE", "Mars/Olympus", "gamification.E004"),
        ("DAY_START_HOUR", 24, "gamification.E005"),
        ("DAY_START_HOUR", True, "gamification.E005"),
        ("MAX_BACKDATE", 48, "gamification.E006"),
        ("MAX_CLOCK_SKEW", timedelta(-1), "gamification.E006"),
        ("CELEBRATION_TTL", None, "gamification.E006"),
        ("MAX_BACKDATE", timedelta.max, "gamification.E006"),
        ("STREAK_MILESTONES", 7, "gamification.E007"),
        ("MAX_PAUSE_DAYS", 367, "gamification.E019"),
        ("USERS_REPAIR_STREAKS", 1, "gamification.E009"),
        ("STREAK_MILESTONES", (0, 7), "gamification.E007"),
        ("STREAK_MILESTONES", (7, 7), "gamification.E007"),
        ("BATCH_SIZE", 0, "gamification.E008"),
        ("RARITY_TTL", 3_600, "gamification.E006"),
        ("RANKS_STAFF", "no", "gamification.E009"),
        ("REQUIRE_KEYS", 1, "gamification.E009"),
        ("THROTTLE_RATES", None, "gamification.E010"),
        ("THROTTLE_RATES", {"red": "9/min"}, "gamification.E010"),
        ("THROTTLE_RATES", {"read": "9/month"}, "gamification.E010"),
        ("THROTTLE_RATES", {"read": "0/min"}, "gamification.E010"),
        ("THROTTLE_RATES", {"read": 9}, "gamification.E010"),
        ("THROTTLE_RATES", {"read": "9/min "}, "gamification.E010"),
        ("PUBLIC_USER_FIELD", "nickname", "gamification.E011"),
        ("PUBLIC_USER_FIELD", "last_login", "gamification.E011"),
        ("PUBLIC_USER_FIELD", "gamification", "gamification.E011"),
        ("PUBLIC_USER_FIELD", 7, "gamification.E011"),
        ("BADGE_FOLDER", "/shop/badges", "gamification.E013"),
        ("BADGE_FOLDER", "../badges", "gamification.E013"),
        ("BADGE_FOLDER", 7, "gamification.E013"),
        ("REQUIRE_KEYS", None, "gamification.E009"),
        ("SHOW_SECRET_COUNT", 1, "gamification.E009"),
        ("PREPARED_STATEMENTS", "on", "gamification.E022"),
    ],
)
def test_each_value_has_its_own_error(settings, name, value, expected):
    settings.GAMIFICATION = {name: value}

    assert ids(checks.check_settings(None)) == [expected]


def test_each_setting_is_checked():
    assert {name for rule in checks._RULES for name in rule.names} == NAMES


def test_gamification_E012_needs_aware_instants(settings):
    settings.USE_TZ = False

    assert ids(checks.check_settings(None)) == ["gamification.E012"]


def test_an_error_names_the_value(settings):
    settings.GAMIFICATION = {"DAY_START_HOUR": 24}

    [error] = checks.check_settings(None)

    assert error.msg == "DAY_START_HOUR is not a whole number from 0 to 23: 24."


def test_a_full_table_of_good_settings_passes(settings):
    settings.GAMIFICATION = {
        "LEVEL_THRESHOLDS": [0, 10, 30],
        "DEFAULT_TIME_ZONE": "Asia/Kolkata",
        "DAY_START_HOUR": 4,
        "MAX_BACKDATE": timedelta(days=1),
        "STREAK_MILESTONES": [],
        "BATCH_SIZE": 500,
        "RANKS_STAFF": True,
        "THROTTLE_RATES": {"read": "20/s", "write": None},
        "REQUIRE_KEYS": True,
        "PUBLIC_USER_FIELD": "username",
        "RARITY_TTL": timedelta(0),
        "SHOW_SECRET_COUNT": True,
        "BADGE_FOLDER": "shop/badges",
        "PREPARED_STATEMENTS": False,
    }

    assert checks.check_settings(None) == []


@pytest.mark.django_db
def test_manage_py_check_runs_the_checks(settings):
    settings.GAMIFICATION = {"BATCH_SIZE": -1}

    assert "gamification.E008" in ids(run_checks())


@pytest.fixture
def exotic(db, monkeypatch):
    """A database with the app's tables that says it is of another kind."""
    monkeypatch.setattr(connection, "vendor", "mysql")
    monkeypatch.setattr(connection, "display_name", "MySQL")


@pytest.mark.usefixtures("exotic")
def test_gamification_W001():
    [warning] = database_checks.check_databases(None, databases=["default"])

    assert warning.id == "gamification.W001"
    assert warning.msg == "Gamification is untested on MySQL."


@pytest.mark.parametrize(
    ("vendor", "options", "ids"),
    [
        ("sqlite", {}, ["gamification.W006"]),
        ("sqlite", {"transaction_mode": None}, ["gamification.W006"]),
        ("sqlite", {"transaction_mode": "IMMEDIATE"}, []),
        ("postgresql", {}, []),
    ],
)
def test_gamification_W006(monkeypatch, vendor, options, ids):
    database = SimpleNamespace(vendor=vendor, settings_dict={"OPTIONS": options})
    monkeypatch.setattr(database_checks, "connections", {"default": database})
    monkeypatch.setattr(database_checks, "_has_columns", lambda *arguments: True)

    warnings = database_checks.check_sqlite(None, databases=["default"])

    assert [warning.id for warning in warnings] == ids


@pytest.mark.django_db
def test_the_databases_of_this_run_are_tested():
    assert database_checks.check_databases(None, databases=["default"]) == []


@pytest.mark.parametrize(
    "seed",
    [
        *(0, None, "no.such.name", "tests.test_checks.ids", "none.json", "nonsense"),
        *("../game", "..game", "./game", "."),
    ],
)
def test_gamification_E014(settings, seed):
    settings.GAMIFICATION = {"SEED_CATALOGUE": seed}

    assert ids(checks.check_settings(None)) == ["gamification.E014"]


def test_a_catalogue_file_that_is_missing_is_named_as_that(settings):
    settings.GAMIFICATION = {"SEED_CATALOGUE": "none.json"}

    [error] = checks.check_settings(None)

    assert "an existing JSON file" in error.msg
    assert error.msg.endswith("'none.json'.")


SEED = {"activities": [], "achievements": []}


@pytest.mark.parametrize("seed", [True, False, "tests.test_checks.SEED"])
def test_a_catalogue_to_begin_with_passes(settings, seed):
    settings.GAMIFICATION = {"SEED_CATALOGUE": seed}

    assert checks.check_settings(None) == []


@pytest.mark.parametrize("wanted", [str, Path])
def test_a_file_to_begin_with_passes(settings, tmp_path, wanted):
    path = tmp_path / "own.json"
    path.write_text('{"format": 1, "activities": [], "achievements": []}')
    settings.GAMIFICATION = {"SEED_CATALOGUE": wanted(path)}

    assert checks.check_settings(None) == []


#: A catalogue that migrations would store, with three mistakes.
WRONG_SEED = {
    "activities": [{"key": "lesson", "name": "Lesson"}],
    "achievements": [
        {
            "key": "ten",
            "name": "Ten",
            "category": "mastery",
            "criterion": "activity_count",
            "activity": "lesson",
            "treshold": 10,
            "counting": {"sum": "pages"},
        },
        {"key": "gift", "name": "", "category": "mastery", "criterion": "manual"},
    ],
}


def test_gamification_E021(settings):
    settings.GAMIFICATION = {"SEED_CATALOGUE": "tests.test_checks.WRONG_SEED"}

    found = checks.check_settings(None)

    assert ids(found) == ["gamification.E021"] * 3
    assert [error.msg.partition(". ")[2] for error in found] == [
        "achievements[0].treshold: There is no such field. Did you mean 'threshold'?",
        "achievements[1].name: This field cannot be blank.",
        "achievements[0].counting.sum: The activity declares no attribute 'pages'.",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "file: This is a list, not an object."),
        (
            "{",
            "line 1, column 2: Expecting property name enclosed in double quotes.",
        ),
        (
            '{"activities": [], "achievements": []}',
            "format: This field is required.",
        ),
    ],
)
def test_a_file_to_begin_with_that_is_no_catalogue_fails(
    settings, tmp_path, text, reason
):
    path = tmp_path / "own.json"
    path.write_text(text)
    settings.GAMIFICATION = {"SEED_CATALOGUE": str(path)}

    [error] = checks.check_settings(None)

    assert error.id == "gamification.E021"
    assert error.msg == f"SEED_CATALOGUE cannot be stored. {reason}"


def test_gamification_E016(settings):
    settings.GAMIFICATION = {"CATEGORIES": {"habits": "Habits"}}

    assert ids(checks.check_settings(None)) == ["gamification.E016"]


@pytest.mark.django_db
def test_gamification_W002():
    activity = ActivityFactory(is_active=False)
    AchievementFactory(criterion="activity_count", activity=activity)

    messages = database_checks.check_catalogue(None, databases=["default"])

    assert ids(messages) == ["gamification.W002"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("criterion", "threshold", "problem"),
    [
        ("level", 30, None),
        ("level", 31, "it needs 31 levels, and there are only 30."),
        ("achievements", 11, None),
        (
            "achievements",
            12,
            "it needs 12 other achievements, and there are only 11.",
        ),
    ],
)
def test_gamification_W004(criterion, threshold, problem):
    AchievementFactory(key="draft", status="draft")
    AchievementFactory(key="top", criterion=criterion, threshold=threshold)

    messages = database_checks.check_catalogue(None, databases=["default"])

    found = [(message.id, message.msg) for message in messages]
    wrong = ("gamification.W004", f"The achievement 'top' cannot be reached: {problem}")
    assert found == ([wrong] if problem else [])


@pytest.mark.django_db
def test_levels_that_are_no_table_are_left_to_their_own_check(settings):
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": 5}
    AchievementFactory(criterion="level", threshold=1_000)

    assert database_checks.check_catalogue(None, databases=["default"]) == []


@pytest.mark.django_db
def test_levels_of_staff_decide_what_can_be_reached(settings, no_achievements):
    Level.objects.create(number=1, threshold=0)
    AchievementFactory(key="top", criterion="level", threshold=2)

    messages = database_checks.check_catalogue(None, databases=["default"])
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": tuple(range(10))}
    pinned = database_checks.check_catalogue(None, databases=["default"])

    assert "it needs 2 levels, and there are only 1." in messages[-1].msg
    assert pinned == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], []),
        ([(1, 0), (2, 50)], []),
        ([(1, 0), (3, 50)], ["gamification.E023"]),
        ([(1, 0), (2, 0)], ["gamification.E023"]),
        ([(1, 5)], ["gamification.E023"]),
    ],
)
def test_gamification_E023(rows, found):
    for number, threshold in rows:
        Level.objects.create(number=number, threshold=threshold)

    assert ids(database_checks.check_levels(None, databases=["default"])) == found


@pytest.mark.django_db
def test_gamification_W003():
    for number, zone in enumerate(["Mars/Olympus", "Mars/Olympus", "Asia/Tokyo", ""]):
        UserGamification.objects.create(
            user=UserFactory(username=f"user {number}"), time_zone=zone
        )

    [message] = database_checks.check_stored_zones(None, databases=["default"])

    assert message.id == "gamification.W003"
    assert message.msg == (
        "The time zone 'Mars/Olympus' of 2 users is unknown on this system."
    )


@pytest.mark.django_db
def test_a_zone_that_is_readable_by_its_present_name_passes(monkeypatch):
    monkeypatch.setattr(
        database_checks, "is_readable", lambda name: name != "Asia/Calcutta"
    )
    UserGamification.objects.create(user=UserFactory(), time_zone="Asia/Calcutta")

    assert database_checks.check_stored_zones(None, databases=["default"]) == []


@pytest.mark.django_db
def test_checks_wait_for_columns_of_a_migration_that_is_still_to_come(monkeypatch):
    monkeypatch.setattr(
        type(connection.introspection),
        "get_table_description",
        lambda *arguments: [SimpleNamespace(name="id")],
    )

    assert database_checks.check_stored_zones(None, databases=["default"]) == []
    assert database_checks.check_catalogue(None, databases=["default"]) == []
    assert database_checks.check_levels(None, databases=["default"]) == []


@pytest.mark.django_db
def test_the_seeded_catalogue_passes():
    assert database_checks.check_catalogue(None, databases=["default"]) == []


@pytest.mark.usefixtures("exotic")
@pytest.mark.parametrize(
    "check",
    [
        database_checks.check_databases,
        database_checks.check_catalogue,
        database_checks.check_levels,
        database_checks.check_stored_zones,
    ],
)
def test_an_alias_without_tables_is_skipped(check, monkeypatch):
    introspection = type(connection.introspection)
    monkeypatch.setattr(introspection, "table_names", lambda *arguments: [])

    assert check(None, databases=["default"]) == []


def test_checks_that_query_are_only_for_databases():
    assert (
        database_checks.check_catalogue(None)
        == database_checks.check_databases(None)
        == []
    )


@pytest.mark.django_db
def test_check_with_databases_finds_nothing_wrong_in_the_example(capsys):
    call_command("check", "--database=default")

    assert "no issues" in capsys.readouterr().out
