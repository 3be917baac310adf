from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.core.management import CommandError, call_command

from gamification.exceptions import StorageSetupError
from gamification.management.commands import gamification_restrict
from gamification.models import UserGamification
from gamification.services import record_activity
from tests.factories import UserFactory
from tests.management.imports import CommandResult

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
APRIL = "2026-04-01T00:00:00+00:00"


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def ada(db, activity):
    user = UserFactory(username="ada", email="ada@example.org")
    record_activity(user, "walk")
    return user


def run(*arguments):
    result = CommandResult()
    call_command("gamification_restrict", *arguments, stdout=result.stdout)
    return result.stdout.getvalue().splitlines()


def row_of(user):
    return UserGamification.objects.get(user=user)


@pytest.mark.parametrize("until", ["2026-04-01", APRIL, "2026-04-01 00:00"])
def test_a_user_is_held_until_a_date_or_a_time(ada, until):
    output = run("hold", "ada@example.org", "--until", until, "--reason", "Odd.")

    assert output == [f"ada: hold until {APRIL}: Odd."]
    assert row_of(ada).held_until == datetime(2026, 4, 1, tzinfo=UTC)


def test_a_user_is_excluded_and_that_is_lifted(ada):
    run("exclude", "ada", "--reason", "Odd.")
    was_excluded = row_of(ada).is_excluded

    output = run("lift", "ada", "exclusion", "--reason", "Cleared.")

    assert was_excluded
    assert not row_of(ada).is_excluded
    lifted = f"ada: exclusion: Odd., lifted at {NOON.isoformat()}"
    assert output == run("show", "ada") == [lifted]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "eve"], "'eve' does not identify exactly one user."),
        (["lift", "ada", "hold"], "The user has no hold to lift."),
        (
            ["hold", "ada", "--until", "2026-02-31", "--reason", "Odd."],
            "'2026-02-31' is neither a date nor a date and time.",
        ),
        (
            ["hold", "ada", "--until", "soon", "--reason", "Odd."],
            "'soon' is neither a date nor a date and time.",
        ),
        (
            ["hold", "ada", "--until", "2026-03-01", "--reason", "Odd."],
            "A hold must end in the future.",
        ),
    ],
)
def test_what_cannot_be_done_is_said(ada, arguments, message):
    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_a_database_that_fails_is_an_error(monkeypatch):
    def fail(name):
        raise StorageSetupError("A table is missing.")

    monkeypatch.setattr(gamification_restrict, "find_one_user", fail)

    with pytest.raises(CommandError, match=r"^A table is missing\.$"):
        run("show", "ada")
