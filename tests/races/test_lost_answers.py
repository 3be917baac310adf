"""The line to the server breaks while a verb writes, and the verb is called again."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import pytest
import time_machine
from django.db import Error, connection, transaction

from gamification.exceptions import StorageError
from gamification.models import Job
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    award_achievement,
    record_activities,
    record_activity,
    reverse_entry,
    reverse_source,
    revoke_achievement,
)
from gamification.staff import Act, begin_list, run_next_step
from gamification.storage.postgresql import prepared
from tests.factories import AchievementFactory, UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, total_of
from tests.races.proxy import breaking_line

pytestmark = [
    COMMITTED,
    ONLY_POSTGRESQL,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

WRITE = b"INSERT INTO gamification_ledgerentry"
COMMIT = b"COMMIT\0"

before_or_after = pytest.mark.parametrize(
    "is_sent", [False, True], ids=["not sent", "sent"]
)


def walk(user, key):
    return record_activity(user, "walk", key=key, source="shop:1")


def walk_in_batch(user, _first):
    record_activities([ActivityRecord(user, "walk", key="2", source="shop:1")])


def walk_in_transaction(user, _first):
    with transaction.atomic():
        walk(user, "2")


#: Verbs for a user who has walked once, with this entry, and holds a medal of 50 XP;
#: and the user's total after them.
VERBS = {
    "record": (lambda user, first: walk(user, "2"), 70),
    "batch": (walk_in_batch, 70),
    "in a transaction": (walk_in_transaction, 70),
    "adjust": (lambda user, first: adjust_xp(user, amount=5, note="Oh.", key="2"), 65),
    "award": (lambda user, first: award_achievement(user, "cup"), 110),
    "revoke": (lambda user, first: revoke_achievement(user, "medal"), 10),
    "reverse": (lambda user, first: reverse_entry(user, entry_id=first), 50),
    "reverse source": (lambda user, first: reverse_source(user, source="shop:1"), 50),
}


@pytest.fixture
def awards(no_achievements):
    for key in ("medal", "cup"):
        AchievementFactory(key=key, xp_reward=50)


@pytest.mark.usefixtures("awards")
@pytest.mark.parametrize(("verb", "total"), VERBS.values(), ids=VERBS)
def test_a_line_may_break_at_any_message_if_the_verb_is_called_again(verb, total):
    for number in count(1):
        user = UserFactory()
        first = walk(user, "1").entry.id
        award_achievement(user, "medal")

        with (
            breaking_line(number, is_sent=True) as line,
            suppress(Error if verb is walk_in_transaction else StorageError),
        ):
            verb(user, first)
        verb(user, first)

        assert total_of(user) == total
        if not line.is_broken:
            break
    assert number > 4


def test_the_first_record_of_a_user_may_break_anywhere():
    for number in count(1):
        user = UserFactory()

        with (
            breaking_line(number, is_sent=True) as line,
            suppress(StorageError),
        ):
            walk(user, "1")
        walk(user, "1")

        assert total_of(user) == 10
        if not line.is_broken:
            break
    assert number > 5


def steps_until_done(job, clock):
    while not job.finished_at:
        # The step of somebody who is gone is taken over after a minute.
        clock.shift(timedelta(seconds=61))
        with suppress(StorageError):
            job = run_next_step(job.pk, actor=None)


def test_a_step_of_a_job_may_break_anywhere():
    for number in count(1):
        users = UserFactory.create_batch(2)
        job = begin_list(
            Act(kind="adjustment", amount=10, note="A gift."), users, actor=None
        )

        with (
            time_machine.travel(datetime(2026, 6, 10, tzinfo=UTC), tick=False) as clock,
            breaking_line(number, is_sent=True) as line,
        ):
            steps_until_done(job, clock)

        assert [*map(total_of, users)] == [10, 10]
        if not line.is_broken:
            break
    assert number > 8
    assert {*Job.objects.values_list("done", "xp", "error")} == {(2, 20, "")}


def test_the_beginning_of_a_job_may_break_anywhere(user):
    gift = Act(kind="adjustment", amount=10, note="A gift.")
    for number in count(1):
        begin = partial(begin_list, gift, [user], actor=None, key=str(number))

        with (
            breaking_line(number, is_sent=True) as line,
            suppress(StorageError),
        ):
            begin()
        begin()

        assert Job.objects.count() == number
        if not line.is_broken:
            break
    assert number > 4


def name_of_write():
    """Return the name under which this connection has prepared the write."""
    names = prepared._sessions[connection.connection].names
    return [name for sql, name in names.items() if WRITE.decode() in sql][-1]


@before_or_after
def test_a_prepared_write_without_an_answer_is_repeated_with_its_key(user, is_sent):
    with breaking_line(b"none as yet", is_sent=is_sent) as line:
        for key in "123":
            walk(user, key)
        line.at = name_of_write()
        with pytest.raises(StorageError):
            walk(user, "4")
        outcome = walk(user, "4")

    assert outcome.replayed == is_sent
    assert total_of(user) == 40


@before_or_after
def test_without_a_key_nobody_knows_whether_a_lost_write_was_done(user, is_sent):
    walk(user, "1")

    with (
        breaking_line(WRITE, is_sent=is_sent),
        pytest.raises(StorageError, match="with a key, it is safe to try again"),
    ):
        record_activity(user, "walk")

    assert total_of(user) == 10 + 10 * is_sent


@before_or_after
def test_a_caller_whose_commit_is_lost_repeats_the_whole_transaction(user, is_sent):
    walk(user, "1")

    with breaking_line(COMMIT, is_sent=is_sent):
        with pytest.raises(Error):
            walk_in_transaction(user, None)
        connection.close_if_unusable_or_obsolete()
        walk_in_transaction(user, None)

    assert total_of(user) == 20
