"""Real histories, compared with counts made with the standard library alone."""

from __future__ import annotations

import csv
import os
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest

from gamification.management.progress_bar import ProgressBar
from gamification.models import ActiveDay, LedgerEntry, UserGamification
from tests.conftest import IS_POSTGRESQL
from tests.inspection import everything
from tests.management.imports import CommandResult

pytestmark = pytest.mark.django_db

DATA = Path(__file__).parent.parent / "data"
MAKE_ALL = ("--create-users", "--create-activities")

#: User, activity, and instant in UTC.
Event = tuple[str, str, datetime]


def events_of(path: Path) -> Counter[Event]:
    """Return how often the file has each event."""
    with path.open(newline="") as stream:
        return Counter(
            (
                row["user"],
                row["activity"],
                datetime.fromisoformat(row["occurred_at"]).astimezone(UTC),
            )
            for row in csv.DictReader(stream)
        )


def days_of(events: Counter[Event]) -> dict[str, set[date]]:
    days = defaultdict(set)
    for user, _, instant in events:
        days[user].add(instant.date())
    return days


def longest_run(days: set[date]) -> int:
    longest = 0
    for day in days:
        length = 1
        while day + timedelta(length) in days:
            length += 1
        longest = max(longest, length)
    return longest


def progress_of(events: Counter[Event]) -> dict[str, tuple[int, int]]:
    """Return active days and the longest streak of each user."""
    return {
        user: (len(days), longest_run(days)) for user, days in days_of(events).items()
    }


#: The history that each store has to take; ``HISTORIES=all`` gives it both.
NAMES = ["activity-a.csv"] if IS_POSTGRESQL else ["activity-b.csv"]
if os.environ.get("HISTORIES") == "all":
    NAMES = ["activity-a.csv", "activity-b.csv"]


@pytest.mark.parametrize("name", NAMES)
def test_a_history_is_imported_in_one_go(name):
    events = events_of(DATA / name)
    days = days_of(events)

    result = CommandResult().import_file(DATA / name, *MAKE_ALL)

    assert (result.numbers["errors"], result.errors) == (0, [])
    assert result.numbers["users"] == result.numbers["users created"] == len(days)
    assert result.numbers["records"] == events.total()
    assert imported_events() == events
    assert imported_days() == days
    assert imported_progress() == progress_of(events)


def imported_events() -> Counter[Event]:
    entries = LedgerEntry.objects.filter(kind="activity")
    fields = "user__username", "activity__key", "occurred_at"
    return Counter(entries.values_list(*fields))


def imported_days() -> dict[str, set[date]]:
    days = defaultdict(set)
    for user, day in ActiveDay.objects.values_list("user__username", "date"):
        days[user].add(day)
    return days


def imported_progress() -> dict[str, tuple[int, int]]:
    fields = "user__username", "active_days", "longest_streak"
    return {
        user: (active_days, longest)
        for user, active_days, longest in UserGamification.objects.values_list(*fields)
    }


@pytest.fixture
def history(tmp_path) -> Path:
    """The beginning of a real history, which has rows that are equal."""
    with (DATA / "activity-b.csv").open() as stream:
        beginning = "".join(islice(stream, 601))
    path = tmp_path / "history.csv"
    path.write_text(beginning)
    return path


def test_importing_a_history_again_changes_nothing(history):
    CommandResult().import_file(history, *MAKE_ALL)
    before = everything()

    result = CommandResult().import_file(history, *MAKE_ALL)

    assert (
        result.numbers["records"]
        == result.numbers["errors"]
        == result.numbers["XP"]
        == 0
    )
    assert result.numbers["replays"] == result.numbers["rows"]
    assert everything() == before


class KilledError(Exception):
    """The end of a process."""


def test_an_import_that_was_killed_is_completed_by_the_next(history, monkeypatch):
    monkeypatch.setattr(ProgressBar, "move_to", die_after(batches=5))
    with pytest.raises(KilledError):
        CommandResult().import_file(history, *MAKE_ALL, "--batch-size", "80")
    monkeypatch.undo()
    assert imported_events().total() == 400

    CommandResult().import_file(history, *MAKE_ALL)

    assert imported_events() == events_of(history)
    assert imported_days() == days_of(events_of(history))
    assert imported_progress() == progress_of(events_of(history))


def die_after(batches: int):
    def advance(self: ProgressBar, position: int) -> None:
        nonlocal batches
        batches -= 1
        if not batches:
            raise KilledError

    return advance


@pytest.mark.parametrize("kept", [12_000, 12_022])
def test_a_file_that_was_cut_works_up_to_the_cut(history, tmp_path, kept):
    cut = tmp_path / "cut.csv"
    cut.write_bytes(history.read_bytes()[:kept])

    first = CommandResult().import_file(cut, *MAKE_ALL).numbers
    second = CommandResult().import_file(history, *MAKE_ALL).numbers

    assert (first["errors"], second["errors"]) == (1, 0)
    assert first["records"] + second["records"] == events_of(history).total()
    assert imported_events() == events_of(history)
