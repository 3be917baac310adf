from __future__ import annotations

import io
from datetime import date
from unittest import mock

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from gamification.exceptions import StorageError
from gamification.models import StreakFreeze, StreakPause
from gamification.staff import create_streak
from tests.factories import UserFactory
from tests.inspection import everything

pytestmark = pytest.mark.django_db

HEADER = "user,kind,streak,amount,start,end,key,note"
PAUSE = "ada,pause,,,2026-03-02,2026-03-09,,Ill."


@pytest.fixture(autouse=True)
def ada(db):
    return UserFactory(username="ada", email="ada@example.com")


def run(*lines, options=()):
    """Import the lines; return what was written to both outputs."""
    data = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    out, err = io.StringIO(), io.StringIO()
    with mock.patch("sys.stdin", io.TextIOWrapper(data)):
        call_command(
            "gamification_import_streaks", "-", *options, stdout=out, stderr=err
        )
    return out.getvalue().splitlines(), err.getvalue().splitlines()


def test_freezes_and_pauses_are_imported(ada):
    numbers, errors = run(HEADER, "ada,freeze,,2,,,k1,Thanks.", PAUSE)

    freeze, pause = StreakFreeze.objects.get(), StreakPause.objects.get()
    assert (freeze.user, freeze.amount, freeze.key) == (ada, 2, "k1")
    assert (freeze.streak.key, freeze.note) == ("daily", "Thanks.")
    assert (pause.since, pause.until) == (date(2026, 3, 2), date(2026, 3, 9))
    assert (pause.streak, pause.note) == (None, "Ill.")
    assert numbers == ["rows: 2", "freezes: 2", "pauses: 1", "replays: 0", "errors: 0"]
    assert errors == []


def test_freezes_without_room_in_stock_are_not_counted():
    numbers, _ = run(HEADER, "ada,freeze,,3,,,,", "ada,freeze,,1,,,,")

    assert numbers[:2] == ["rows: 2", "freezes: 2"]


def test_rows_name_a_streak(ada):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")

    run(HEADER, "ada,freeze,weekly,,,,,", PAUSE.replace("pause,", "pause,weekly"))

    assert StreakFreeze.objects.get().streak.key == "weekly"
    assert StreakPause.objects.get().streak.key == "weekly"


def test_the_same_file_changes_nothing_again():
    lines = [HEADER, "ada,freeze,,1,,,k,", *["ada,freeze,,,,,,"] * 2, PAUSE]
    run(*lines)
    before = everything()

    numbers, _ = run(*lines)

    assert numbers[1:4] == ["freezes: 0", "pauses: 0", "replays: 4"]
    assert everything() == before


def test_json_lines_are_read(ada):
    run('{"user": "ada", "kind": "freeze", "amount": 2}')

    assert StreakFreeze.objects.get().amount == 2


def test_a_dry_run_keeps_nothing():
    before = everything()

    numbers, _ = run(HEADER, "ada,freeze,,1,,,,", options=["--dry-run"])

    assert numbers[1] == "freezes: 1"
    assert numbers[-1] == "This was a dry run: nothing was kept."
    assert everything() == before


def test_each_bad_row_is_reported_and_stops_no_other():
    _, errors = run(
        HEADER,
        "eve,freeze,,1,,,,",
        "ada,gift,,1,,,,",
        "ada,pause,,,soon,2026-03-09,,",
        "ada,pause,,,2026-03-09,,,",
        "ada,freeze,,0,,,,",
        "ada,freeze,yearly,1,,,,",
        "ada,freeze,,1,,,good,",
    )

    assert [error.partition(". ")[0] for error in errors] == [
        "line 2: There is no user 'eve'.",
        "line 3: The kind 'gift' is not freeze or pause.",
        "line 4: start is not a date such as 2026-03-02: 'soon'.",
        "line 5: The end is missing.",
        "line 6: The amount 0 is not a whole number from 1 to 100.",
        "line 7: No streak has the key 'yearly'.",
    ]
    assert StreakFreeze.objects.get().key == "good"


def test_users_are_found_by_another_field(ada):
    options = ["--user-field", "email"]

    run(HEADER, "ada@example.com,freeze,,1,,,,", options=options)

    assert StreakFreeze.objects.get().user == ada


def test_a_file_without_a_good_row_is_an_error():
    with pytest.raises(CommandError, match=r"^Nothing was imported\.$"):
        run(HEADER, "eve,freeze,,1,,,,")


def test_a_header_without_a_column_is_an_error():
    with pytest.raises(CommandError, match="no column 'kind'"):
        run("user,streak", "ada,daily")


def test_other_columns_are_ignored():
    _, errors = run("user,kind,nots", "ada,freeze,x")

    assert errors == ["Ignored columns: 'nots'. Did you mean 'note'?"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (StorageError("No space."), "No space."),
        (OperationalError("Gone."), "Gone."),
        (KeyboardInterrupt(), "Interrupted."),
    ],
    ids=["storage", "database", "interrupt"],
)
@pytest.mark.parametrize(
    ("options", "rest"),
    [([], "Run it again to continue: "), (["--dry-run"], "The dry run kept nothing.")],
)
def test_an_import_that_is_stopped_says_how_to_go_on(error, reason, options, rest):
    grant = "gamification.management.importing.streaks.grant_freezes"

    with (
        mock.patch(grant, side_effect=error) as granted,
        pytest.raises(CommandError, match=f"^{reason} {rest}"),
    ):
        run(HEADER, "ada,freeze,,2,,,,", "ada,freeze,,1,,,,", options=options)

    assert granted.call_count == 1
