from __future__ import annotations

import pytest
from django.db import OperationalError, connection, transaction

from gamification.exceptions import (
    StorageError,
    StorageSetupError,
    UnknownUserError,
)
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    unit_of_work,
)
from gamification.services.unit_of_work import write_transaction
from gamification.staff import (
    backfill_achievement,
)
from gamification.storage import STORES, Written
from gamification.storage.portable.store import PortableStore
from tests.factories import UserFactory
from tests.inspection import COMMITTED, everything, profile_of

pytestmark = [COMMITTED, pytest.mark.usefixtures("activity")]


CONFLICT = Written(conflicts=["somebody"])


@pytest.fixture
def write(monkeypatch):
    """Let a test answer in place of the store: a list of values and errors."""
    answers, original = [], PortableStore.write

    def answer(self, encoded):
        if not answers:
            return original(self, encoded)
        result = answers.pop()
        if isinstance(result, Exception):
            raise result
        return result

    monkeypatch.setitem(STORES, "postgresql", PortableStore)
    monkeypatch.setattr(PortableStore, "write", answer)
    return answers


def test_a_conflict_is_tried_again(user, write):
    write[:] = [CONFLICT] * 11

    record_activity(user, "walk")

    assert profile_of(user).total_xp == 10


def test_a_verb_that_always_meets_a_conflict_gives_up_and_leaves_no_trace(user, write):
    write[:] = [CONFLICT] * 12
    before = everything()

    with pytest.raises(
        StorageError, match=r"^The database did not confirm the change; "
    ):
        record_activity(user, "walk")

    assert (write, everything()) == ([], before)


def test_a_failure_of_the_database_is_an_error_of_ours(user, write):
    failure = OperationalError("The disk is full.")
    write[:] = [failure]
    before = everything()

    with pytest.raises(StorageError) as refusal:
        record_activity(user, "walk")

    assert refusal.value.__cause__ is failure
    assert everything() == before


def test_in_a_callers_transaction_the_failure_is_the_callers(user, write):
    failure = OperationalError("The disk is full.")
    write[:] = [failure]

    with (
        pytest.raises(OperationalError, match="The disk is full"),
        transaction.atomic(),
    ):
        record_activity(user, "walk")

    assert everything()["LedgerEntry"] == []


def test_in_a_callers_transaction_nothing_is_tried_again(user, write):
    write[:] = [CONFLICT] * 2

    with pytest.raises(StorageError), transaction.atomic():
        record_activity(user, "walk")

    assert write == [CONFLICT]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("no such table: x", "A table is missing: run `manage.py migrate`."),
        ("no such column: x", "A column is missing: run `manage.py migrate`."),
    ],
)
def test_a_failure_that_does_not_pass_says_what_to_repair(user, write, words, message):
    write[:] = [OperationalError(words)]

    with pytest.raises(StorageSetupError) as refusal:
        record_activity(user, "walk")

    assert str(refusal.value) == message


@pytest.mark.parametrize(
    "verb",
    [
        lambda user, actor: adjust_xp(user, amount=1, note="A gift.", actor=actor),
        lambda user, actor: award_achievement(user, "level_10", actor=actor),
    ],
    ids=["adjust", "award"],
)
def test_an_actor_exists(user, verb):
    staff = UserFactory()
    gone = staff.pk
    staff.delete()
    before = everything()

    with pytest.raises(UnknownUserError):
        verb(user, gone)

    assert everything() == before


@pytest.mark.parametrize(
    "verb",
    [
        lambda user: adjust_xp(user, amount=1, note="A gift.", actor=user),
        lambda user: backfill_achievement("level_10"),
    ],
    ids=["who acts", "an achievement"],
)
def test_a_database_that_fails_before_anything_is_locked_is_an_error_of_ours(
    user, verb
):
    def fail(execute, sql, params, many, context):
        raise OperationalError("The server went away.")

    with connection.execute_wrapper(fail), pytest.raises(StorageError):
        verb(user)


def test_a_transaction_on_another_database_locks_nothing(
    db, django_assert_num_queries, monkeypatch
):
    monkeypatch.setattr(unit_of_work, "write_alias", lambda: "game")

    # The savepoint begins and ends.
    with django_assert_num_queries(2), write_transaction("default"):
        pass
