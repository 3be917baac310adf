"""Processes that are killed in the middle of their work."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, count
from typing import Any

from django.db import connection

from gamification.models import Job
from gamification.services import (
    ActivityRecord,
    record_activities,
    record_activity,
    reverse_source_for_everyone,
)
from gamification.staff import run_next_step

#: The command of a process without threads, so that it can fork.
_COMMAND = """import django, sys
django.setup()
from tests.races.crashes import main
main(*sys.argv[1:])"""


def _record_two_batches(user: Any, friend: Any) -> object:
    records = [
        ActivityRecord(who, "walk", key=key)
        for key in ("first", "second")
        for who in (user, friend)
    ]
    return record_activities(records, batch_size=2)


def _job_of(user: Any) -> int:
    """Return the number of the job for this user and a friend."""
    return Job.objects.get(parameters__note=f"of:{user}").pk


#: The work that a process can do, for a user and a friend.
VERBS: dict[str, Callable[[Any, Any], object]] = {
    "record": lambda user, friend: record_activity(user, "walk", key="first"),
    "batches": _record_two_batches,
    "step": lambda user, friend: run_next_step(_job_of(user), actor=None),
    "reverse": lambda user, friend: reverse_source_for_everyone(source=f"of:{user}"),
}


def kill_at_every_statement(verb: str, pairs: Iterable[tuple[Any, Any]]) -> int:
    """Start a process for each pair; return how many were killed.

    The first is killed before its first statement, the second before its second, and
    so on, until one gets through. COMMIT is a statement too.
    """
    names = [str(user.pk) for user in chain.from_iterable(pairs)]
    done = subprocess.run(  # noqa: S603 - it is this module
        [sys.executable, "-c", _COMMAND, verb, *names],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "RACES_DATABASE": str(connection.settings_dict["NAME"]),
        },
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    return int(done.stdout)


def main(verb: str, *names: str) -> None:
    connection.settings_dict["NAME"] = os.environ["RACES_DATABASE"]
    *pairs, last = zip(names[::2], names[1::2], strict=True)
    # Forked processes inherit what this one imports and prepares.
    VERBS[verb](*last)
    connection.close()
    gc.freeze()
    for number, pair in enumerate(pairs):
        if not _is_killed(number, partial(VERBS[verb], *pair)):
            sys.stdout.write(str(number))
            return
    sys.exit("There were not enough users.")


def _is_killed(number: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process of its own; say whether it was killed on the way."""
    child = os.fork()
    if not child:
        _kill_before(number)
        work()
        sys.exit()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, -signal.SIGKILL):
        sys.exit(code)
    return code != 0


def _kill_before(number: int) -> None:
    numbers, commit = count(), connection._commit

    def step() -> None:
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def step_and_execute(execute: Any, *args: Any) -> Any:
        step()
        return execute(*args)

    def step_and_commit() -> None:
        step()
        commit()

    connection.execute_wrappers.append(step_and_execute)
    connection._commit = step_and_commit
