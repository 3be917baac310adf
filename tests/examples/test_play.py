from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from gamification.models import Celebration, LedgerEntry
from gamification.services import (
    record_activity,
)
from tests.factories import UserFactory

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "play.py"

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)


def play(url, service_token, user_token):
    command = [
        *(sys.executable, SCRIPT, f"{url}/api/gamification/v1/"),
        *("--service-token", service_token),
        *("--user-token", user_token),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: S603


def test_a_client_records_polls_celebrates_and_acknowledges(
    live_server, service, player, token_of
):
    run = play(live_server.url, token_of(service), token_of(player))

    first, record, *celebrations, last, streak, end = run.stdout.splitlines()
    assert (first, run.stderr) == ("ada has 0 XP, level 1.", "")
    assert record == "kpi_completed: +10 XP."
    assert "First KPI: You unlocked “First KPI” and earned 20 XP." in celebrations
    assert streak.startswith("A streak of 1 days, until ")
    assert (last.partition(" has ")[0], end) == ("ada", "Nothing new since.")
    assert LedgerEntry.objects.filter(kind="activity").count() == 1
    assert not Celebration.objects.pending().exists()


def test_a_service_without_the_permission_is_told_so(live_server, player, token_of):
    run = play(live_server.url, token_of(UserFactory()), token_of(player))

    assert run.returncode == 1
    assert run.stderr.startswith("403 permission_denied: ")
    assert not LedgerEntry.objects.exists()


def test_a_celebration_is_acknowledged_when_its_show_begins(
    live_server, player, token_of
):
    record_activity(player, "kpi_completed")
    url = f"{live_server.url}/api/gamification/v1/"
    screen = runpy.run_path(str(SCRIPT))["Screen"](url, token_of(player))

    with screen.http:
        shown = next(screen.celebrations())

    assert Celebration.objects.get(pk=shown["id"]).acknowledged_at
