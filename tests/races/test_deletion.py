"""A user is deleted at the first try, whoever records for them meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from queue import SimpleQueue
from random import randint
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction

from gamification.exceptions import GamificationError, UnknownUserError
from gamification.models import LedgerEntry
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    record_activities,
    record_activity,
    reverse_source,
    set_visibility,
)
from tests.factories import UserFactory
from tests.races import COMMITTED, ONLY_POSTGRESQL, at_once
from tests.races.test_deleted_users import what_is_left

pytestmark = [
    COMMITTED,
    ONLY_POSTGRESQL,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

#: Every so many statements, from a random one on; ``STATEMENTS=all`` takes each.
STEP = 1 if os.environ.get("STATEMENTS") == "all" else 2

#: How often something that may have to wait for the deletion is looked at, in seconds.
SHORT = 0.002


def record_many(user_id):
    record_activities([ActivityRecord(user_id, "walk")] * 3)


VERBS = {
    "record": lambda user_id: record_activity(user_id, "walk"),
    "batch": record_many,
    "adjust": lambda user_id: adjust_xp(user_id, amount=60, note="a gift"),
    "undo": lambda user_id: reverse_source(user_id, source="s:1"),
    "hide": lambda user_id: set_visibility(user_id, is_public=False),
}


@pytest.fixture
def pool(transactional_db: None) -> Iterator[ThreadPoolExecutor]:
    """A thread with a connection of its own."""
    with ThreadPoolExecutor(1) as pool:
        yield pool
        pool.submit(lambda: connection.close()).result()


def attempt(work, pids):
    """Do ``work``; return the error that it may meet."""
    connection.ensure_connection()
    pids.put(connection.connection.info.backend_pid)
    try:
        work()
    except GamificationError as error:
        return error
    return None


def wait_until_done_or_blocked(begun: Future[Any], pid: int) -> None:
    """Return when the work is done, or its backend waits for a lock."""
    blocked = f"SELECT cardinality(pg_blocking_pids({pid})) > 0"
    # Statements of Django would be counted.
    while not connection.connection.execute(blocked).fetchone()[0]:
        if wait([begun], SHORT).done:
            return


@contextmanager
def beside(
    pool: ThreadPoolExecutor, number: int, work: Any
) -> Iterator[list[Future[Any]]]:
    """Begin ``work`` in the pool before that statement, and go on once it has to wait.

    What is yielded has the work once it was begun.
    """
    numbers, begun, pids = count(1), list[Future[Any]](), SimpleQueue[int]()

    def intrude(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        if next(numbers) == number:
            begun.append(pool.submit(attempt, work, pids))
            wait_until_done_or_blocked(begun[0], pids.get())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(intrude):
        yield begun
    wait(begun)


def user_of(is_known):
    user = UserFactory()
    if is_known:
        record_activity(user, "walk", quantity=9, source="s:1")
    return user


@pytest.mark.parametrize(
    ("verb", "is_known"),
    [
        ("record", False),
        ("record", True),
        ("batch", False),
        ("adjust", True),
        ("undo", True),
        ("hide", False),
    ],
)
def test_a_deletion_succeeds_whatever_commits_inside_of_it(pool, verb, is_known):
    for number in count(randint(1, STEP), STEP):
        user = user_of(is_known)
        user_id = user.pk

        with beside(pool, number, partial(VERBS[verb], user_id)) as begun:
            user.delete()

        if not begun:
            break
        assert type(begun[0].result()) in {type(None), UnknownUserError}
        assert what_is_left(user_id) == []
    assert number > STEP


@pytest.mark.parametrize("are_known", [(False, True), (True, False)])
def test_users_are_deleted_together_whatever_batch_commits_inside_of_it(
    pool, are_known
):
    for number in count(randint(1, STEP), STEP):
        pks = [user_of(is_known).pk for is_known in are_known]
        records = [ActivityRecord(user_id, "walk") for user_id in pks]
        work = partial(record_activities, records, refused=lambda *refusal: None)

        with beside(pool, number, work) as begun:
            get_user_model().objects.filter(pk__in=pks).delete()

        if not begun:
            break
        assert begun[0].result() is None
        assert [what_is_left(user_id) for user_id in pks] == [[], []]
    assert number > STEP


def test_many_users_are_deleted_at_once_among_records():
    users = UserFactory.create_batch(6)
    pks = [user.pk for user in users]

    def record():
        for user_id in pks * 3:
            with suppress(UnknownUserError):
                record_activity(user_id, "walk")

    def delete():
        get_user_model().objects.filter(pk__in=pks).delete()

    at_once([delete, record, record])

    assert [what_is_left(user_id) for user_id in pks] == [[]] * 6


def test_a_deletion_that_is_rolled_back_keeps_everything(user):
    record_activity(user, "walk")
    user_id = user.pk

    with suppress(LookupError), transaction.atomic():
        user.delete()
        raise LookupError

    assert LedgerEntry.objects.filter(user=user_id).count() == 1


def test_staff_who_are_deleted_while_they_adjust_leave_what_they_gave(pool, user):
    for number in count(1):
        actor = UserFactory(is_staff=True)
        work = partial(adjust_xp, user, amount=1, note="a gift", actor=actor.pk)

        with beside(pool, number, work) as begun:
            actor.delete()

        if not begun:
            break
        assert type(begun[0].result()) in {type(None), UnknownUserError}
    assert number > STEP
