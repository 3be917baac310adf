"""Measure reconcile beside the bare ``GROUP BY``, and how long others wait for it.

``python benchmarks/reconciling.py --users 100000 --entries 1000000`` fills a database
as ``benchmarks/history.py`` does, and adds a user with 5,000 active days and 100,000
entries. In turns, it measures the sum of all entries by user, and reconcile, and prints
the medians in seconds: first with one process of PostgreSQL for each, then with as many
as it is configured for. Then, while reconcile runs, another process records for that
user and for another one; while that user is rebuilt, it locks them. The script prints
how many milliseconds the longest record and the longest lock took. With ``--keep``, it
uses the database that ``DATABASE_URL`` names as it is.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.history import make_history, use_database  # noqa: E402
from benchmarks.long_histories import dates, make_user  # noqa: E402

GROUP_BY = """SELECT count(*), sum(total) FROM (
    SELECT user_id, sum(amount) AS total FROM gamification_ledgerentry
    GROUP BY user_id) t"""

ACTIVITY = "friend_invited"

#: Seconds between two records of a user.
PAUSE = 5


def seconds(work: Callable[[], object]) -> float:
    """Return how long ``work`` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def group() -> None:
    """Add up all entries by user, and do nothing else."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(GROUP_BY)
        cursor.fetchall()


def compare() -> None:
    """Reconcile all users, who must be right."""
    from gamification.maintenance import reconcile

    assert not [*reconcile()]


def write(url: str, users: list[Any], begun: Any, stop: Any, found: Any) -> None:
    """Record for each of the users again and again; report the longest time."""
    os.environ["DATABASE_URL"] = url
    use_database()
    from gamification.services import record_activity

    for user in users:
        record_activity(user, ACTIVITY)
    begun.set()
    taken = [0.0]
    while not stop.wait(PAUSE):
        taken += [seconds(partial(record_activity, user, ACTIVITY)) for user in users]
    found.put(max(taken))


def lock(url: str, users: list[Any], begun: Any, stop: Any, found: Any) -> None:
    """Lock the users again and again, and change nothing; report the longest time."""
    os.environ["DATABASE_URL"] = url
    use_database()
    from django.db import transaction

    from gamification.models import UserGamification

    rows = UserGamification.objects.select_for_update().filter(user__in=users)
    lock_rows, taken = transaction.atomic(lambda: len(rows.all())), [0.0]
    begun.set()
    while not stop.wait(0.005):
        taken.append(seconds(lock_rows))
    found.put(max(taken))


@contextmanager
def another_writer(
    title: str, users: list[Any], work: Callable[..., None] = write
) -> Iterator[None]:
    """Let another process do ``work`` meanwhile, and print its longest times."""
    context = multiprocessing.get_context("spawn")
    begun, stop, found = context.Event(), context.Event(), context.Queue()
    process = context.Process(
        target=work, args=(os.environ["DATABASE_URL"], users, begun, stop, found)
    )
    process.start()
    begun.wait()
    yield
    stop.set()
    print(f"{title:46} {1_000 * found.get():8.1f} ms", flush=True)
    process.join()


def measure(rounds: int, workers: int | None = None) -> None:
    """Print how long the sums and the comparisons take, by turns.

    ``workers`` is how many processes PostgreSQL may add; None means its default.
    """
    from django.db import connection

    setting = "SET max_parallel_workers_per_gather = "
    with connection.cursor() as cursor:
        cursor.execute(setting + ("DEFAULT" if workers is None else str(workers)))
    group()
    taken = [(seconds(group), seconds(compare)) for _ in range(rounds)]
    bare, all_users = (median(each) for each in zip(*taken, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    title = "by default" if workers is None else f"with {workers} workers"
    print(f"{title}: GROUP BY {bare:.2f} s, reconcile {all_users:.2f} s", end="")
    print(f": {all_users / bare:.1f}; this process has {memory:.0f} MiB", flush=True)


def measure_waiting(veteran: Any, times: int) -> None:
    """Print how long another process needs for a record, and for a lock, at most."""
    from gamification.maintenance import rebuild
    from gamification.models import ActiveDay, UserGamification

    other = UserGamification.objects.order_by("user").values_list("user", flat=True)[0]
    users = [veteran.pk, other]
    with another_writer("longest record beside nothing", users):
        time.sleep(4 * PAUSE)
    with another_writer("longest record beside reconcile", users):
        compare()
    with another_writer("longest lock beside nothing", users[:1], lock):
        time.sleep(4 * PAUSE)
    days = ActiveDay.objects.filter(user=veteran)
    for title, spoil in (
        ("longest lock beside rebuilds of missing days", days.delete),
        ("longest lock beside rebuilds of wrong days", partial(days.update, xp=7)),
    ):
        with another_writer(title, users[:1], lock):
            for _ in range(times):
                spoil()
                rebuild(veteran)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    os.environ["DATABASE_URL"] = use_database() or os.environ["DATABASE_URL"]
    from gamification.models import Activity

    if not options.keep:
        make_history(options.users, options.entries)
    activity = Activity.objects.get(key=ACTIVITY)
    name = f"veteran {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    veteran = make_user(name, dates(5_000, datetime.now(UTC).date()), activity)
    measure(options.rounds, workers=0)
    measure(options.rounds)
    measure_waiting(veteran, 5)


if __name__ == "__main__":
    main()
