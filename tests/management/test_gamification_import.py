from __future__ import annotations

import io
import sys
from datetime import UTC, datetime

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from gamification.exceptions import StorageError
from gamification.management.importing import importer
from gamification.management.progress_bar import ProgressBar
from gamification.models import Activity, Celebration, LedgerEntry, UserGamification
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import everything
from tests.management.imports import (
    HEADER,
    KNOWN,
    NOON,
    CommandResult,
    errors_of,
    import_bytes,
    import_lines,
    import_rows,
)

pytestmark = pytest.mark.django_db

User = get_user_model()
MAKE_ALL = ("--create-users", "--create-activities")
GOOD = f"ada,walk,{NOON},,,"


@pytest.fixture
def ada(activity):
    """A user who can walk."""
    return UserFactory(username="ada")


def test_a_row_becomes_an_entry_of_the_ledger(ada, activity):
    import_rows(f"ada,walk,{NOON},3,k1,visions.kpi:42")

    entry = LedgerEntry.objects.get()
    assert (entry.user, entry.activity, entry.quantity) == (ada, activity, 3)
    assert (entry.key, entry.source) == ("k1", "visions.kpi:42")
    assert entry.occurred_at == datetime(2024, 3, 1, 12, tzinfo=UTC)
    assert UserGamification.objects.get(user=ada).total_xp == 30


def test_the_summary_tells_what_became_of_the_rows(ada):
    result = import_rows(
        *[f"ada,walk,{NOON},2,k,"] * 2, GOOD, "bad", "", f"eve,walk,{NOON},,,"
    )

    assert list(result.numbers) == [
        "rows",
        "records",
        "replays",
        "errors",
        "users",
        "users created",
        "activities created",
        "XP",
        "unlocks",
        "seconds",
        "rows per second",
    ]
    assert list(result.numbers.values())[:9] == [5, 2, 1, 2, 1, 0, 0, 30, 0]


@pytest.mark.usefixtures("ada")
def test_the_summary_counts_unlocks_and_their_xp():
    ActivityFactory._meta.model.objects.filter(key="kpi_completed").update(xp_reward=1)

    result = import_rows(f"ada,kpi_completed,{NOON},10,,")

    earned = LedgerEntry.objects.filter(kind="achievement")
    assert result.numbers["unlocks"] == len(earned) > 0
    assert result.numbers["XP"] == 10 + sum(entry.amount for entry in earned)


@pytest.mark.usefixtures("ada")
def test_the_summary_tells_the_time_that_it_took(monkeypatch):
    ticks = iter([100.0, 100.5])
    module = "gamification.management.commands.gamification_import.perf_counter"
    monkeypatch.setattr(module, lambda: next(ticks))

    result = import_rows(GOOD, GOOD)

    assert result.numbers["seconds"] == 0.5
    assert result.numbers["rows per second"] == 4


@pytest.mark.usefixtures("ada")
def test_a_bad_row_is_reported_and_stops_nothing():
    result = import_rows(
        '"ada,walk', f"eve,walk,{NOON},,,", f"ada,swim,{NOON},,,", GOOD
    )

    assert result.errors == [
        "line 2: The line is not CSV: unexpected end of data.",
        "line 3: There is no user 'eve'.",
        f"line 4: No activity has the key 'swim'. {KNOWN}",
        "--create-users creates missing users.",
        "--create-activities creates missing activities.",
    ]
    assert LedgerEntry.objects.count() == 1


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            "ada,walk,1969-12-31T23:59:59Z,,,",
            "occurred_at is 1969-12-31 23:59:59",
        ),
        (
            "ada,walk,9998-01-01T00:00:00Z,,,",
            "occurred_at is 9998-01-01 00:00:00",
        ),
        (f"ada,walk,{NOON},1000001,,", "The quantity 1000001 is not a whole number"),
    ],
)
def test_what_no_record_may_be_is_reported(row, reason):
    [error] = errors_of(row)

    assert error.startswith(f"line 2: {reason}")
    assert LedgerEntry.objects.exists() is False


def test_an_activity_that_is_switched_off_is_reported(ada):
    Activity.objects.filter(key="walk").update(is_active=False)

    assert errors_of(GOOD) == ["line 2: The activity 'walk' is switched off."]


@pytest.mark.usefixtures("ada")
def test_a_key_that_was_used_for_something_else_is_reported():
    import_rows(f"ada,walk,{NOON},1,k,")

    errors = errors_of(f"ada,walk,{NOON},2,k,")

    assert errors == [
        "line 2: The key 'k' was used before, for another request: use a new one."
    ]
    assert LedgerEntry.objects.get().quantity == 1


@pytest.mark.usefixtures("ada")
@time_machine.travel(datetime(2026, 6, 10, 12, tzinfo=UTC), tick=False)
def test_records_of_any_age_are_imported():
    result = import_rows("ada,walk,1970-01-01T00:00:00Z,,,")

    assert result.numbers["records"] == 1


@pytest.mark.usefixtures("ada")
def test_rows_with_keys_of_their_own_each_count():
    import_rows(f"ada,walk,{NOON},,k1,", f"ada,walk,{NOON},,k2,")

    assert LedgerEntry.objects.count() == 2


@pytest.mark.usefixtures("ada")
def test_equal_rows_without_a_key_each_count():
    import_rows(GOOD, GOOD, GOOD)

    assert LedgerEntry.objects.count() == 3


@pytest.mark.usefixtures("ada")
def test_a_longer_file_adds_what_is_new_of_several_equal_rows():
    import_rows(GOOD, GOOD)

    result = import_rows(GOOD, GOOD, GOOD)

    assert (result.numbers["records"], result.numbers["replays"]) == (1, 2)


@pytest.mark.usefixtures("ada")
def test_rows_with_one_key_are_one_record():
    result = import_rows(*[f"ada,walk,{NOON},,k1,"] * 2)

    assert (result.numbers["records"], result.numbers["replays"]) == (1, 1)


@pytest.mark.usefixtures("ada")
def test_an_instant_is_the_same_in_any_zone():
    import_rows(GOOD)

    result = import_rows("ada,walk,2024-03-01T17:30:00+05:30,,,")

    assert result.numbers["replays"] == 1


def test_a_file_is_read_from_the_disk(ada, tmp_path):
    path = tmp_path / "history.csv"
    path.write_text(f"{HEADER}\n{GOOD}\n")

    CommandResult().import_file(path)

    assert LedgerEntry.objects.get().user == ada


def test_json_lines_need_no_header():
    result = import_lines(
        '{"user":"a@b.org","activity":"commit",'
        f'"occurred_at":"{NOON}","key":"c0ffee"}}',
        options=MAKE_ALL,
    )

    assert (result.numbers["records"], result.errors) == (1, [])
    assert LedgerEntry.objects.get().key == "c0ffee"


def test_an_import_that_records_nothing_is_an_error():
    result = CommandResult()

    with pytest.raises(CommandError) as raised:
        result.import_stream(io.BytesIO(f"{HEADER}\n{GOOD}\n".encode()))

    assert (str(raised.value), raised.value.returncode) == ("Nothing was recorded.", 1)
    assert result.numbers["rows"] == result.numbers["errors"] == 1


@pytest.mark.usefixtures("ada")
def test_rows_that_were_recorded_before_are_no_error():
    import_rows(GOOD)

    assert import_rows(GOOD).numbers["replays"] == 1


@pytest.fixture
def unique_email(monkeypatch):
    """The e-mail address of users is unique, and empty by default."""
    monkeypatch.setattr(User._meta.get_field("email"), "unique", True)
    with connection.cursor() as cursor:
        table = User._meta.db_table
        cursor.execute(f"CREATE UNIQUE INDEX the_index ON {table} (email)")


MAILS = [f"{name}@example.org,run,{NOON},,," for name in ("ada", "bob", "eve")]


@pytest.mark.usefixtures("unique_email")
def test_a_unique_field_that_stands_in_the_way_is_told_once():
    result = import_rows(*MAILS, options=MAKE_ALL)

    assert result.numbers["records"] == 1
    reason = "and one could not be created: email '' is already taken."
    assert result.errors == [
        f"line 3: No user 'bob@example.org', {reason}",
        f"line 4: No user 'eve@example.org', {reason}",
        (
            "Users could not be created because email '' is already taken: "
            "--user-field email fills it from the file."
        ),
    ]


@pytest.mark.usefixtures("unique_email")
def test_users_are_created_with_another_field_on_request():
    result = import_rows(*MAILS, options=(*MAKE_ALL, "--user-field", "email"))

    assert (result.errors, result.numbers["users created"]) == ([], 3)
    assert {*User.objects.values_list("email", flat=True)} == {
        "ada@example.org",
        "bob@example.org",
        "eve@example.org",
    }


def test_an_empty_file_is_an_import_of_nothing():
    assert import_bytes(b"").numbers["rows"] == 0


@pytest.mark.usefixtures("ada")
def test_a_file_of_one_empty_column_too_many_is_imported():
    result = import_lines("user,activity,occurred_at,", f"ada,walk,{NOON},")

    assert result.errors == ["Ignored columns: ''."]
    assert result.numbers["records"] == 1


def test_missing_users_and_activities_are_created_on_request():
    result = import_rows(GOOD, f"eve,run,{NOON},,,", options=MAKE_ALL)

    assert {*User.objects.values_list("username", flat=True)} == {"ada", "eve"}
    assert Activity.objects.get(key="run").xp_reward == 10
    assert result.numbers["users created"] == result.numbers["activities created"] == 2


def test_nothing_is_created_without_a_request(ada):
    errors_of(f"eve,walk,{NOON},,,", f"ada,run,{NOON},,,")

    assert User.objects.get() == ada
    assert Activity.objects.filter(key="run").exists() is False


@pytest.mark.usefixtures("ada")
def test_activities_are_renamed_on_request():
    import_rows(f"ada,commit,{NOON},,,", options=("--map", "commit=walk"))

    assert LedgerEntry.objects.get().activity.key == "walk"


@pytest.mark.usefixtures("ada")
def test_importing_again_changes_nothing():
    rows = [GOOD, GOOD, f"ada,walk,{NOON},2,k,", f"ada,kpi_completed,{NOON},,,"]
    import_rows(*rows)
    before = everything()

    result = import_rows(*rows)

    assert (result.numbers["records"], result.numbers["replays"]) == (0, 4)
    assert everything() == before


@pytest.mark.usefixtures("ada")
def test_an_import_is_silent():
    import_rows(f"ada,kpi_completed,{NOON},,,")

    assert LedgerEntry.objects.filter(kind="achievement").exists()
    assert Celebration.objects.exists() is False


@pytest.mark.usefixtures("ada")
def test_an_import_celebrates_on_request():
    import_rows(f"ada,kpi_completed,{NOON},,,", options=("--celebrate",))

    assert Celebration.objects.exists()


def test_a_dry_run_reports_the_numbers_and_keeps_nothing(user):
    rows = [f"ada,kpi_completed,{NOON},{n},," for n in range(1, 5)]
    options = (*MAKE_ALL, "--batch-size", "1")
    before = everything()

    dry = import_rows(*rows, GOOD, "bad", options=(*options, "--dry-run"))

    assert everything() == before
    assert User.objects.get() == user
    wet = import_rows(*rows, GOOD, "bad", options=options)
    assert list(dry.numbers.values())[:9] == list(wet.numbers.values())[:9]


def test_a_dry_run_says_that_it_is_one():
    result = import_rows(options=("--dry-run",))

    assert "This was a dry run: nothing was kept.\n" in result.stdout.getvalue()


@pytest.mark.usefixtures("ada")
def test_a_dry_run_holds_on_to_no_outcome():
    promised = len(connection.run_on_commit)

    rows = [f"ada,walk,{NOON},,{n}," for n in range(4)]
    import_rows(*rows, options=("--dry-run", "--batch-size", "1"))

    assert len(connection.run_on_commit) == promised


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("bad", "Expected 6 cells, as in the header, but found 1."),
        (f"eve,walk,{NOON},,,", "There is no user 'eve'."),
        (f"ada,swim,{NOON},,,", f"No activity has the key 'swim'. {KNOWN}"),
    ],
)
def test_a_strict_import_stops_at_the_first_bad_row(row, reason):
    last = f"ada,walk,{NOON},,last,"

    with pytest.raises(CommandError) as raised:
        import_rows(GOOD, row, row, last, options=("--strict", "--batch-size", "1"))

    assert str(raised.value) == f"line 3: {reason}"
    assert LedgerEntry.objects.count() == 1


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("second", ["bad", f"ada,fly,{NOON},,,"])
def test_a_strict_import_names_the_first_of_several_bad_rows(second):
    rows = [GOOD, f"ada,swim,{NOON},,,", second]

    with pytest.raises(CommandError, match=r"^line 3: No activity has the key 'swim'"):
        import_rows(*rows, options=("--strict",))


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("bad", ["bad", f"ada,swim,{NOON},,,"])
def test_a_strict_import_that_stops_has_a_summary(bad):
    result = CommandResult()

    with pytest.raises(CommandError):
        result.import_stream(
            io.BytesIO(f"{HEADER}\n{GOOD}\n{bad}\n{bad}\n".encode()),
            *("--strict", "--batch-size", "2"),
        )

    assert list(result.numbers.values())[:5] == [2, 1, 0, 1, 1]


def test_a_strict_import_makes_no_users_for_what_it_does_not_read():
    with pytest.raises(CommandError):
        import_rows(GOOD, "bad", f"eve,walk,{NOON},,,", options=(*MAKE_ALL, "--strict"))

    assert User.objects.get().username == "ada"


@pytest.mark.usefixtures("ada")
def test_a_strict_import_of_good_rows_succeeds():
    assert import_rows(GOOD, options=("--strict",)).numbers["records"] == 1


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"user,activity\n", "The header has no column 'occurred_at'"),
        (b"user,user,activity,occurred_at\n", "The header has the column 'user' twice"),
        (b"\xff\xfeu\0s\0e\0r\0", "The header cannot be read: The line is not UTF-8."),
    ],
)
def test_a_header_that_cannot_be_used_is_an_error(data, reason):
    with pytest.raises(CommandError) as raised:
        import_bytes(data)

    assert str(raised.value).startswith(reason)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    path = tmp_path / "nowhere.csv"

    with pytest.raises(CommandError) as raised:
        CommandResult().import_file(path)

    assert str(raised.value) == f"{path} cannot be read: No such file or directory."


def test_standard_input_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(CommandError, match=r"^There is no standard input\.$"):
        CommandResult().import_file("-")


class BrokenFile(io.BytesIO):
    """A file whose disk fails in its third line."""

    lines = 0

    def readline(self, size=-1, /):
        self.lines += 1
        if self.lines > 2:
            raise OSError(5, "Input/output error")
        return super().readline(size)


@pytest.mark.usefixtures("ada")
def test_a_file_that_breaks_off_says_how_far_it_was_recorded():
    stream = BrokenFile(f"{HEADER}\n{GOOD}\n{GOOD}\n".encode())

    with pytest.raises(CommandError) as raised:
        CommandResult().import_stream(stream)

    assert str(raised.value) == (
        "[Errno 5] Input/output error. The import is done up to line 0, with 0 new "
        "records. Run it again to continue: rows that were recorded are not recorded "
        "again."
    )


def failing(error: BaseException, batches: int):
    """Return ``record_activities`` that fails after so many batches."""
    record_activities = importer.record_activities

    def fail(records, *, progress, **options):
        def count(report):
            nonlocal batches
            progress(report)
            batches -= 1
            if not batches:
                raise error

        return record_activities(records, progress=count, **options)

    return fail


STORAGE_ERROR = StorageError("The database did not confirm the change.")
STORAGE_ERROR.__cause__ = OperationalError("disk\nfull")
DATABASE_ERROR = OperationalError("server closed")
DATABASE_ERROR.__cause__ = Exception("server closed")


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (STORAGE_ERROR, "The database did not confirm the change. disk full."),
        (DATABASE_ERROR, "server closed."),
        (KeyboardInterrupt(), "Interrupted."),
    ],
)
def test_an_import_that_is_stopped_says_how_far_it_came(monkeypatch, error, reason):
    monkeypatch.setattr(importer, "record_activities", failing(error, batches=2))
    rows = [f"ada,walk,{NOON},,{n}," for n in range(5)]

    with pytest.raises(CommandError) as raised:
        import_rows("bad", *rows, options=("--batch-size", "2"))

    assert str(raised.value).startswith(
        f"{reason} The import is done up to line 6, with 4 new records. Run it again "
    )
    assert LedgerEntry.objects.count() == 4


@pytest.mark.usefixtures("ada")
def test_a_dry_run_that_is_stopped_keeps_nothing(monkeypatch):
    monkeypatch.setattr(
        importer, "record_activities", failing(STORAGE_ERROR, batches=1)
    )

    with pytest.raises(CommandError, match=r"full\. The dry run kept nothing\.$"):
        import_rows(GOOD, options=("--dry-run",))

    assert LedgerEntry.objects.exists() is False


@pytest.mark.usefixtures("ada")
def test_the_bar_follows_the_bytes_of_the_file(monkeypatch, tmp_path):
    path, positions = tmp_path / "history.csv", []
    path.write_text(f"{HEADER}\n{GOOD}\n")
    monkeypatch.setattr(ProgressBar, "move_to", lambda self, to: positions.append(to))

    CommandResult().import_file(path)

    assert positions == [path.stat().st_size]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--batch-size", "0"), "The batch size must be at least 1, not 0."),
        (("--batch-size", "x"), "argument --batch-size: invalid int value: 'x'"),
        (("--map", "commit"), "'commit' is not of the form FROM=TO."),
        (("--user-field", "mail"), "Users have no field 'mail'. Did you mean 'email'?"),
    ],
)
def test_options_that_make_no_sense_are_an_error(options, reason):
    with pytest.raises(CommandError) as raised:
        import_rows(GOOD, options=options)

    assert reason in str(raised.value)


def test_the_help_keeps_its_lines(capsys):
    with pytest.raises(SystemExit):
        call_command("gamification_import", "--help")

    assert "\n  occurred_at  ISO 8601 with a UTC offset\n" in capsys.readouterr().out
