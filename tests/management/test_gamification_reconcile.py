from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from gamification.exceptions import StorageError
from gamification.management.commands import gamification_reconcile
from gamification.models import ActivityTally, UserGamification
from gamification.models.users import in_order
from gamification.services import (
    record_activity,
)
from tests.factories import UserFactory
from tests.inspection import everything
from tests.management.imports import CommandResult

pytestmark = pytest.mark.django_db


def reconcile(*options: str) -> CommandResult:
    result = CommandResult()
    call_command(
        "gamification_reconcile", *options, stdout=result.stdout, stderr=result.stderr
    )
    return result


@pytest.fixture
def drifted(user, activity):
    """A user with two wrong numbers, beside two without; corrected afterwards."""
    for walker in (user, *UserFactory.create_batch(2)):
        record_activity(walker, "walk")
    progress = UserGamification.objects.filter(user=user)
    progress.update(total_xp=11)
    ActivityTally.objects.filter(user=user).update(count=2)
    yield user
    progress.update(total_xp=10)
    ActivityTally.objects.filter(user=user).update(count=1)


def test_users_who_agree_with_the_ledger_are_counted(user, activity):
    record_activity(user, "walk")

    result = reconcile()

    assert result.numbers == {"users": 1, "drifts": 0, "users rebuilt": 0}


def test_each_drift_is_printed_and_an_error(drifted):
    result = CommandResult()

    with pytest.raises(CommandError) as raised:
        call_command("gamification_reconcile", stdout=result.stdout)

    assert result.stdout.getvalue().splitlines() == [
        f"user {drifted.pk}: tally walk is 2, the ledger says 1",
        f"user {drifted.pk}: total_xp is 11, the ledger says 10",
        "users: 3",
        "drifts: 2",
        "users rebuilt: 0",
    ]
    assert raised.value.returncode == 1
    assert str(raised.value) == (
        "Users who differ from the ledger: 1; --fix rebuilds them."
    )


def test_nothing_is_written_without_a_request(drifted):
    before = everything()

    with pytest.raises(CommandError):
        reconcile()

    assert everything() == before


@pytest.mark.parametrize("size", ["1", "2", "1000"])
def test_users_who_differ_are_rebuilt_on_request(drifted, size):
    result = reconcile("--fix", "--batch-size", size)

    assert result.numbers == {"users": 3, "drifts": 2, "users rebuilt": 1}
    assert UserGamification.objects.get(user=drifted).total_xp == 10
    assert reconcile().numbers["drifts"] == 0


def test_users_who_still_differ_are_an_error(drifted, monkeypatch):
    services_reconcile = gamification_reconcile.reconcile
    monkeypatch.setattr(
        gamification_reconcile,
        "reconcile",
        lambda *args, fix=False, **options: services_reconcile(*args, **options),
    )

    with pytest.raises(CommandError) as raised:
        reconcile("--fix")

    assert str(raised.value) == (
        "Users who differ from the ledger: 1; rebuilding did not help."
    )


@pytest.mark.parametrize(
    "error", [StorageError("No space."), OperationalError("No space.")]
)
def test_a_database_that_fails_is_an_error(monkeypatch, error):
    monkeypatch.setattr(gamification_reconcile, "reconcile", failing(error))

    with pytest.raises(CommandError) as raised:
        reconcile()

    assert str(raised.value) == "No space. 0 users were compared before."


def failing(error, *compared):
    """Return a comparison that fails after some users."""

    def fail(*, progress, **options):
        for users in compared:
            progress(*users)
        raise error
        yield

    return fail


def test_an_interruption_says_how_to_go_on(drifted, monkeypatch):
    first, *others = in_order(UserGamification.objects.values_list("user", flat=True))
    fail = failing(KeyboardInterrupt(), (1, first))
    with monkeypatch.context() as patch:
        patch.setattr(gamification_reconcile, "reconcile", fail)
        with pytest.raises(CommandError) as raised:
            reconcile("--fix")

    result = reconcile("--fix", "--after", str(first))

    message = "Interrupted. 1 users were compared before; continue with --after"
    assert str(raised.value) == f"{message} {first}."
    assert result.numbers["users"] == len(others) == 2


def test_nobody_comes_after_what_is_no_key(user):
    with pytest.raises(CommandError) as raised:
        reconcile("--after", "nobody")

    assert str(raised.value) == (
        "No user has the primary key 'nobody'. 0 users were compared before."
    )


@pytest.mark.parametrize("size", ["0", "-1"])
def test_batches_of_no_users_are_refused(size):
    with pytest.raises(CommandError, match=r"^The batch size must be at least 1, "):
        reconcile("--batch-size", size)
