from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from gamification.leaderboards import get_leaderboard, tend_boards
from gamification.management.commands import gamification_boards, gamification_tick
from gamification.models import Board, BoardSegment, PendingScore
from gamification.services import record_activity
from tests.management.imports import CommandResult

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]


def run(*arguments: str) -> CommandResult:
    result = CommandResult()
    call_command(*arguments, stdout=result.stdout, stderr=result.stderr)
    return result


def test_a_tick_counts_what_is_pending(user):
    record_activity(user, "walk")

    result = run("gamification_tick")

    assert result.stdout.getvalue() == "pending scores: 1\n"
    assert PendingScore.objects.count() == 0
    assert Board.objects.get(window="all").count == 1


def test_a_second_tick_has_nothing_to_do(user):
    record_activity(user, "walk")
    run("gamification_tick")

    assert run("gamification_tick").stdout.getvalue() == "pending scores: 0\n"


def test_boards_are_built_again(user):
    record_activity(user, "walk")
    tend_boards()
    Board.objects.all().delete()

    result = run("gamification_boards", "rebuild", "--batch-size", "1")

    assert result.stdout.getvalue() == "boards: 4\n"
    assert {*Board.objects.values_list("count", flat=True)} == {1}
    assert get_leaderboard("week").entries[0].user == user


def test_one_board_is_built_again():
    run("gamification_boards", "rebuild", "--window", "week")

    built = Board.objects.filter(is_built=True)
    assert [*built.values_list("window", flat=True)] == ["week"]


def test_counts_that_add_up_are_silent(user):
    record_activity(user, "walk")
    tend_boards()

    assert run("gamification_boards", "check").stdout.getvalue() == ""


def test_counts_that_do_not_add_up_are_named(user):
    record_activity(user, "walk")
    tend_boards()
    Board.objects.filter(window="all").update(count=7)
    BoardSegment.objects.filter(board__window="week", is_wide=False).update(count=3)

    with pytest.raises(CommandError, match=r"^Wrong counts: 2; 'rebuild' fixes them"):
        run("gamification_boards", "check")

    run("gamification_boards", "rebuild")
    assert run("gamification_boards", "check").stdout.getvalue() == ""


def test_the_board_of_a_past_period_is_built():
    run("gamification_boards", "rebuild", "--window", "week", "--period", "2026-W10")

    [board] = Board.objects.filter(is_built=True)
    assert board.starts_at == datetime(2026, 3, 2, tzinfo=UTC)


def test_boards_of_groups_are_built(settings, user):
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": {"name": "username"}}

    result = run("gamification_boards", "rebuild", "--groups", "name")

    assert result.stdout.getvalue() == "boards: 4\n"
    assert {*Board.objects.filter(grouping="name").values_list("group", flat=True)} == {
        user.username
    }


def test_the_board_of_a_past_period_is_opened_again():
    options = ["--window", "week", "--period", "2026-W10"]

    result = run("gamification_boards", "reopen", *options)

    assert result.stdout.getvalue() == "reopened: week 2026-W10\n"
    assert Board.objects.get(window="week").reopened_at


def test_the_board_of_a_group_is_opened_again(settings):
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": {"name": "username"}}
    options = ["--window", "week", "--period", "2026-W10"]

    run("gamification_boards", "reopen", *options, "--groups", "name", "--group", "ada")

    assert Board.objects.get(window="week").group == "ada"


WEEK = ["--window", "week", "--period", "2026-W10"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["reopen"], "Name both a --window and a --period"),
        (["reopen", "--window", "week"], "Name both a --window and a --period"),
        (["rebuild", "--period", "2026-W10"], "Name both a --window and a --period"),
        (
            ["reopen", "--window", "week", "--period", "x"],
            "is not a period of the window week",
        ),
        (["rebuild", "--groups", "team"], "LEADERBOARD_GROUPS has no 'team'"),
        (["reopen", *WEEK, "--groups", "name"], "together"),
        (["reopen", *WEEK, "--group", "7"], "together"),
        (["rebuild", "--groups", "name", "--group", "7"], "together"),
    ],
)
def test_options_go_together(settings, options, said):
    settings.GAMIFICATION = {"LEADERBOARD_GROUPS": {"name": "username"}}

    with pytest.raises(CommandError, match=said):
        run("gamification_boards", *options)


def test_a_batch_has_somebody():
    with pytest.raises(CommandError, match="must be at least 1"):
        run("gamification_boards", "rebuild", "--batch-size", "0")


@pytest.mark.parametrize(
    ("module", "name", "arguments"),
    [
        (gamification_tick, "tend_boards", ["gamification_tick"]),
        (gamification_boards, "rebuild_boards", ["gamification_boards", "rebuild"]),
    ],
)
def test_a_database_that_fails_is_named(monkeypatch, module, name, arguments):
    def fail(**options: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(module, name, fail)

    with pytest.raises(CommandError, match="gone"):
        run(*arguments)
