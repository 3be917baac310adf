"""Measure reconcile beside the bare ``GROUP BY``, and how long others wait for it.

``python benchmarks/reconciling.py --users 100000 --entries 1000000`` fills a database
as ``benchmarks/history.py`` does, and adds a user with 5,000 active days and 100,000
entries. It prints what the sum of all entries by user takes, and what reconcile takes,
each as the best of some rounds, in seconds. Then another process records, for that user
and for another one, while reconcile runs and while that user is rebuilt; it prints how
many milliseconds the longest record took, and the longest time of a lock. With
``--keep`` the database that ``DATABASE_URL`` names is used as it is.
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


@contextmanager
def another_writer(title: str, users: list[Any]) -> Iterator[None]:
    """Let another process record meanwhile, and print its longest record."""
    context = multiprocessing.get_context("spawn")
    begun, stop, found = context.Event(), context.Event(), context.Queue()
    process = context.Process(
        target=write, args=(os.environ["DATABASE_URL"], users, begun, stop, found)
    )
    process.start()
    begun.wait()
    yield
    stop.set()
    print(f"{title:46} {1_000 * found.get():8.1f} ms", flush=True)
    process.join()


def measure(rounds: int) -> None:
    """Print how long the sums and the comparisons take."""
    group()
    sums, comparisons = [], []
    for _ in range(rounds):
        sums.append(seconds(group))
        comparisons.append(seconds(compare))
    bare, all_users = min(sums), min(comparisons)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"GROUP BY {bare:.2f} s, reconcile {all_users:.2f} s: {all_users / bare:.1f}")
    print(f"memory of this process: {memory:.0f} MiB", flush=True)


def measure_waiting(veteran: Any, times: int) -> None:
    """Print how long another process needs for a record, at most."""
    from gamification.maintenance import rebuild
    from gamification.maintenance.rebuilding import Rebuilding
    from gamification.models import ActiveDay, UserGamification

    other = UserGamification.objects.order_by("user").values_list("user", flat=True)[0]
    users, put, held = [veteran.pk, other], Rebuilding.write, [0.0]
    with another_writer("longest record beside nothing", users):
        time.sleep(4 * PAUSE)
    with another_writer("longest record beside reconcile", users):
        compare()

    def watched(plan: Rebuilding) -> None:
        held.append(seconds(lambda: put(plan)))

    Rebuilding.write = watched  # type: ignore[method-assign]
    with another_writer("longest record beside rebuilds", users):
        for _ in range(times):
            ActiveDay.objects.filter(user=veteran, xp=20).delete()
            rebuild(veteran)
    print(f"{'longest write of a rebuild':46} {1_000 * max(held):8.1f} ms")


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
    measure(options.rounds)
    measure_waiting(veteran, 5)


if __name__ == "__main__":
    main()
