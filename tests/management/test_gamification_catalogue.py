from __future__ import annotations

import io
import json
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from gamification.domain.criteria import Criterion
from gamification.domain.rules import AchievementStatus
from gamification.domain.streak_rules import StreakUnit
from gamification.exceptions import StorageError
from gamification.management.commands import gamification_catalogue
from gamification.models import Achievement, AchievementCategory, Job
from gamification.services import job_steps, record_activity
from gamification.staff import (
    export_definitions,
)
from tests.factories import AchievementFactory
from tests.inspection import everything, profile_of
from tests.management.imports import CommandResult

pytestmark = pytest.mark.django_db

ERROR = StorageError("The server went away.")


def catalogue(*args: object, stdout=None) -> CommandResult:
    result = CommandResult(stdout=stdout or io.StringIO())
    call_command(
        "gamification_catalogue",
        *map(str, args),
        stdout=result.stdout,
        stderr=result.stderr,
    )
    return result


def differing(*args: object) -> list[str]:
    """Return what ``diff`` writes, and check that it says so by its exit code, too."""
    stdout = io.StringIO()
    with pytest.raises(SystemExit) as end:
        catalogue("diff", *args, stdout=stdout)
    assert end.value.code == 1
    return stdout.getvalue().splitlines()


def refused(*args: object) -> str:
    """Return the message with which the command refuses, by its own exit code."""
    with pytest.raises(CommandError) as refusal:
        catalogue(*args)
    assert refusal.value.returncode == 2
    return str(refusal.value)


@pytest.fixture
def exported(tmp_path):
    """A file with the seeds: two activities, a streak, eleven achievements."""
    path = tmp_path / "catalogue.json"
    catalogue("export", path)
    return path


@pytest.fixture
def edited(exported):
    """The file with another reward, and an achievement more."""
    document = json.loads(exported.read_bytes())
    [kpi_10] = [each for each in document["achievements"] if each["key"] == "kpi_10"]
    kpi_1000 = kpi_10 | {"key": "kpi_1000", "threshold": 1_000}
    kpi_10["xp_reward"] = 60
    document["achievements"].append(kpi_1000)
    exported.write_text(json.dumps(document))
    return exported


def stdin(data: bytes):
    return mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_the_catalogue_is_exported_to_a_file(exported):
    assert exported.read_bytes() == export_definitions().encode()
    assert exported.read_bytes().endswith(b"\n}\n")


@pytest.mark.parametrize("args", [[], ["-"]])
def test_the_catalogue_is_exported_to_standard_output(args):
    assert catalogue("export", *args).stdout.getvalue() == export_definitions()


def test_an_export_is_utf_8_whatever_the_terminal_is():
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\r\n")

    catalogue("export", stdout=terminal)

    assert terminal.buffer.getvalue() == export_definitions().encode()


def test_a_file_that_cannot_be_written_is_an_error(tmp_path):
    assert refused("export", tmp_path) == (
        f"{tmp_path} cannot be written: Is a directory."
    )


def test_an_export_does_not_differ(exported):
    result = catalogue("diff", exported)

    assert result.stdout.getvalue() == "= 14 unchanged\n"


def test_differences_are_told_by_exit_code_and_line_by_line(edited):
    AchievementFactory(key="mine")

    assert differing(edited) == [
        "~ achievement kpi_10: xp_reward 50 → 60",
        "+ achievement kpi_1000",
        "? achievement mine: absent",
        "= 13 unchanged",
    ]


def test_a_diff_changes_nothing(edited):
    before = everything()

    differing(edited)

    assert everything() == before


def test_what_the_file_lacks_is_a_difference(exported):
    AchievementFactory(key="mine")

    assert differing(exported) == ["? achievement mine: absent", "= 14 unchanged"]


def test_a_file_is_applied(edited):
    result = catalogue("apply", edited)

    assert result.stdout.getvalue().splitlines() == [
        "~ achievement kpi_10: xp_reward 50 → 60",
        "+ achievement kpi_1000",
        "= 13 unchanged",
    ]
    assert Achievement.objects.get(key="kpi_10").xp_reward == 60
    assert Achievement.objects.get(key="kpi_1000").threshold == 1_000


def test_what_was_applied_does_not_differ(edited):
    catalogue("apply", edited)

    assert catalogue("diff", edited).stdout.getvalue() == "= 15 unchanged\n"


def test_a_dry_run_shows_the_same_and_changes_nothing(edited):
    before = everything()

    result = catalogue("apply", edited, "--dry-run")

    assert everything() == before
    *told, last = result.stdout.getvalue().splitlines()
    assert last == "This was a dry run: nothing was kept."
    assert told == catalogue("apply", edited).stdout.getvalue().splitlines()


def test_files_come_from_standard_input(edited):
    with stdin(edited.read_bytes()):
        assert differing("-")[0] == "~ achievement kpi_10: xp_reward 50 → 60"
    with stdin(edited.read_bytes()):
        catalogue("apply", "-")

    assert Achievement.objects.get(key="kpi_10").xp_reward == 60


def test_a_terminal_that_lacks_a_character_shows_its_number(edited):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    catalogue("apply", edited, stdout=terminal)

    terminal.flush()
    first = terminal.buffer.getvalue().splitlines()[0]
    assert first == rb"~ achievement kpi_10: xp_reward 50 \u2192 60"


@pytest.mark.parametrize("action", ["diff", "apply"])
def test_every_error_of_a_file_is_told(edited, action):
    text = edited.read_text().replace('"format": 1', '"format": 2')
    edited.write_text(text.replace('"threshold": 7,', '"threshold": "7",'))
    stderr = io.StringIO()

    with pytest.raises(CommandError) as refusal:
        call_command("gamification_catalogue", action, str(edited), stderr=stderr)

    assert stderr.getvalue().splitlines() == [
        "format: This version reads format 1 only.",
        "achievements[10].threshold: This is a text, not a whole number.",
    ]
    assert str(refusal.value) == f"{edited} cannot be used; errors: 2."
    assert refusal.value.returncode == 2


@pytest.mark.parametrize("action", ["diff", "apply"])
def test_a_file_that_is_not_there_is_an_error(tmp_path, action):
    path = tmp_path / "nothing.json"

    assert refused(action, path) == (
        f"{path} cannot be read: No such file or directory."
    )


def test_of_a_file_that_is_too_large_no_more_is_read_than_that_shows():
    class Endless(io.RawIOBase):
        def read(self, size):
            return b" " * size

    with mock.patch("sys.stdin", mock.Mock(buffer=Endless())):
        assert refused("diff", "-") == "Standard input cannot be used; errors: 1."


@pytest.mark.parametrize(
    "error", [StorageError("No space."), OperationalError("No space.")]
)
def test_a_database_that_fails_is_an_error(monkeypatch, error):
    monkeypatch.setattr(
        gamification_catalogue, "export_definitions", mock.Mock(side_effect=error)
    )

    assert refused("export") == "No space."


@pytest.mark.parametrize("args", [[], ["nonsense"], ["diff"], ["apply"]])
def test_an_action_is_named_with_its_file(args):
    with pytest.raises(CommandError):
        call_command("gamification_catalogue", *args)


def test_a_file_says_who_meets_its_achievements_already(user, activity, tmp_path):
    record_activity(user, "walk")
    path = tmp_path / "new.json"
    path.write_text(
        """{"format": 1, "activities": [], "achievements": [
        {"key": "day", "name": "Day", "category": "mastery",
         "criterion": "active_days"},
        {"key": "top", "name": "Top", "category": "mastery",
         "criterion": "level", "threshold": 31}]}"""
    )

    lines = catalogue("apply", path).stdout.getvalue().splitlines()

    assert lines[-2:] == [
        (
            "! achievement day: 1 user meets “Day” already, and gets it with the next "
            "record, or now by a backfill."
        ),
        "! achievement top: There are only 30 levels, so nobody can reach it.",
    ]


def test_an_example_is_a_file_that_can_be_applied(tmp_path):
    path = tmp_path / "own.json"
    catalogue("remove-seeds")

    catalogue("init", path)
    catalogue("apply", path)

    assert catalogue("diff", path).stdout.getvalue() == "= 4 unchanged\n"
    assert {*Achievement.objects.values_list("key", "status")} == {
        ("lessons_10", "draft"),
        ("week", "draft"),
    }


def test_an_example_names_every_allowed_value():
    text = catalogue("init", "-").stdout.getvalue()

    allowed = (Criterion.values, AchievementStatus.values, AchievementCategory)
    for values in (*allowed, StreakUnit.values):
        assert ", ".join(values) in text


def test_an_example_overwrites_no_file(tmp_path):
    path = tmp_path / "own.json"
    path.write_text("mine")

    message = refused("init", path)

    assert message == f"{path} cannot be written: File exists."
    assert path.read_text() == "mine"


def test_the_examples_are_removed(user):
    record_activity(user, "vision_created")

    lines = catalogue("remove-seeds").stdout.getvalue().splitlines()

    assert "- achievement kpi_10" in lines
    assert lines[-2:] == [
        "= achievement first_vision stays: users have earned it",
        "= activity vision_created stays: users have done it",
    ]
    assert Achievement.objects.get().key == "first_vision"


def test_a_dry_run_removes_no_example():
    before = everything()

    lines = catalogue("remove-seeds", "--dry-run").stdout.getvalue().splitlines()

    assert (len(lines), lines[-1]) == (14, "This was a dry run: nothing was removed.")
    assert everything() == before


@pytest.fixture
def levels(tmp_path, user, activity):
    """A file whose second level the user has reached."""
    record_activity(user, "walk", quantity=4)
    document = {"format": 1, "activities": [], "achievements": []}
    document["levels"] = [{"threshold": 0}, {"threshold": 30, "name": "Explorer"}]
    file = tmp_path / "levels.json"
    file.write_text(json.dumps(document))
    return file


def test_new_levels_of_a_file_are_given_to_users(levels, user):
    lines = catalogue("apply", levels).stdout.getvalue().splitlines()

    assert "+ level 2" in lines
    assert lines[-1].endswith("users with a new level: 1")
    assert profile_of(user).level == 2


def test_users_get_their_levels_after_a_call_that_failed(levels, user, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(job_steps.STEP_FUNCTIONS, "levels", mock.Mock(side_effect=ERROR))
        message = refused("apply", levels)

    lines = catalogue("apply", levels).stdout.getvalue().splitlines()

    assert message == f"job {Job.objects.get().pk}: {ERROR}"
    assert lines[-1] == f"job {Job.objects.get().pk}: users with a new level: 1"
    assert profile_of(user).level == 2
