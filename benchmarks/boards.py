"""Measure leaderboards beside the raw indexed read, and what keeping them costs.

``python benchmarks/boards.py --users 100000 1000000`` starts a PostgreSQL server of its
own in a temporary folder (or uses ``DATABASE_URL``, which it empties). For each number
of users it fills a board of each window with random scores, of which many are equal,
and prints the median time of the top page, page 1,000, the rank of a user and the page
around the middle user, each as a whole call of ``get_leaderboard``, beside the raw
statement that reads 50 rows of the same index. ``--upkeep`` then compares the rates of
``record_activity`` and ``record_activities`` with and without boards; ``--writers``
clients write at once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.recording import BATCH, SERVER, set_up_django  # noqa: E402

FILL = """
INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name,
                       email, is_staff, is_active, date_joined)
SELECT i, '', FALSE, 'user' || i, '', '', '', FALSE, TRUE, now()
FROM generate_series(1, {users}) i;
INSERT INTO gamification_usergamification
    (user_id, total_xp, level, highest_level, current_streak, longest_streak,
     highest_streak, active_days, last_active_on, time_zone, zone_history, is_public,
     celebration_mode, version, created_at, updated_at)
SELECT i, 0, 1, 1, 0, 0, 0, 0, NULL, '', '[]', TRUE, 'all', 1, now(), now()
FROM generate_series(1, {users}) i;
"""

#: Scores of a day are small and often equal; those of all time are spread.
SCORES = """INSERT INTO gamification_boardscore (board_id, user_id, debit, reached)
SELECT {board}, i, -10 - (power(random(), 3) * {most})::bigint / 10 * 10,
    (extract(epoch FROM now()) * 1000000)::bigint - (random() * 1e12)::bigint
FROM generate_series(1, {users}) i"""
MOST = {"day": 300, "week": 1_500, "month": 6_000, "all": 90_000}

RAW = """SELECT debit, reached, user_id FROM gamification_boardscore
WHERE board_id = %s ORDER BY debit, reached, user_id LIMIT 50"""


def fill(users: int) -> dict[str, int]:
    """Make the users and their boards; return the id of each board by window."""
    from django.core.management import call_command
    from django.db import connection

    from gamification.leaderboards import tend_boards
    from gamification.leaderboards.upkeep import finish
    from gamification.models import Board

    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    call_command("migrate", "gamification", "zero", verbosity=0)
    call_command("migrate", verbosity=0)
    tend_boards()
    with connection.cursor() as cursor:
        for statement in FILL.split(";")[:-1]:
            cursor.execute(statement.format(users=users))
        for board in Board.objects.all():
            most = MOST[board.window]
            cursor.execute(SCORES.format(board=board.pk, users=users, most=most))
            finish(board)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    return dict(Board.objects.values_list("window", "pk"))


def milliseconds(call: Any, calls: int) -> float:
    """Return the median time of a call."""
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1_000 * median(times[calls // 10 :])


def measure_reads(users: int, calls: int) -> None:
    """Print the median time of each question, for each window."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from gamification.leaderboards import get_leaderboard

    boards, random_user = fill(users), random.Random(1)
    make = get_user_model()
    print(f"\n{users:,} users; medians in milliseconds")
    print(f"{'':8}{'raw':>8}{'top':>8}{'page 1000':>11}{'rank':>8}{'around':>8}")
    for window, board in boards.items():

        def raw(board: int = board) -> None:
            with connection.cursor() as cursor:
                cursor.execute(RAW, [board])
                cursor.fetchall()

        def ask(window: str = window, **options: Any) -> Any:
            return get_leaderboard(window, **options)

        def anybody() -> Any:
            return make(pk=random_user.randint(1, users))

        middle = ask(page=(users // 2) // 50 + 1).entries[0].user
        questions = [
            raw,
            ask,
            lambda: ask(page=1_000),
            lambda: ask(page_size=1, viewer=anybody()),
            partial(ask, around=middle),
        ]
        raw_time, *times = [milliseconds(each, calls) for each in questions]
        print(f"{window:8}{raw_time:8.2f}", end="")
        print("{:8.2f}{:11.2f}{:8.2f}{:8.2f}".format(*times), flush=True)


def write(
    url: str, users: int, seed: int, seconds: float, kind: str, keeps: str, gate: Any
) -> float:
    """Record for ``seconds`` once all clients are ready; return the rate."""
    set_up_django(url)
    from django.conf import settings
    from django.contrib.auth import get_user_model

    from gamification.services import (
        ActivityRecord,
        record_activities,
        record_activity,
    )

    settings.GAMIFICATION = {"KEEP_LEADERBOARDS": keeps == "with"}
    draw, user = random.Random(seed), get_user_model()()

    def single() -> int:
        user.pk = draw.randint(1, users)
        record_activity(user, "vision_created", key=str(draw.getrandbits(64)))
        return 1

    def batch() -> int:
        records = (
            ActivityRecord(
                draw.randint(1, users), "vision_created", key=str(draw.getrandbits(64))
            )
            for _ in range(BATCH)
        )
        return record_activities(records).recorded

    call = {"single": single, "batch": batch}[kind]
    call()
    gate.wait()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        count += call()
    return count / (time.perf_counter() - start)


def _client(results: Any, *arguments: Any) -> None:
    results.put(write(*arguments))


def rate(
    url: str, users: int, clients: int, seconds: float, kind: str, keeps: str
) -> float:
    """Return the records per second of all clients together."""
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(clients), context.Queue()
    processes = [
        context.Process(
            target=_client,
            args=(results, url, users, seed, seconds, kind, keeps, gate),
        )
        for seed in random.sample(range(1_000_000), clients)
    ]
    for process in processes:
        process.start()
    rates = [results.get() for _ in processes]
    for process in processes:
        process.join()
    return sum(rates)


def measure_upkeep(
    url: str, users: int, clients: int, seconds: float, rounds: int
) -> None:
    """Print the rates with and without boards, taken in turns."""
    from django.db import connection

    connection.close()
    print(f"\n{users:,} users, {clients} writers; records per second")
    for kind in ("single", "batch"):
        rates: dict[str, list[float]] = {"without": [], "with": []}
        for _ in range(rounds):
            for keeps, measured in rates.items():
                measured.append(rate(url, users, clients, seconds, kind, keeps))
        plain, kept = median(rates["without"]), median(rates["with"])
        print(
            f"{kind:8}{plain:10,.0f} without{kept:10,.0f} with boards"
            f"{kept / plain:8.2f}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--upkeep", action="store_true")
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    url = os.environ.get("DATABASE_URL")
    if not url:
        from tests.postgres import start_server

        url = start_server(SERVER)
    set_up_django(url)
    for users in options.users:
        measure_reads(users, options.calls)
        if options.upkeep:
            measure_upkeep(url, users, options.writers, options.seconds, options.rounds)


if __name__ == "__main__":
    main()
