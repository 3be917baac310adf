"""Measure leaderboards beside the raw indexed read, and what keeping them costs.

``python benchmarks/boards.py --users 100000 1000000`` starts a PostgreSQL server of its
own in a temporary folder (or uses ``DATABASE_URL``, which it empties). For each number
of users it fills the ledger with ``--entries`` entries for each user, one of them of
today, and builds a board of each window. It prints the median time of four questions:
the top page, page 1,000, the rank of a user drawn at random, and the page around the
middle user. Each is a whole call of ``get_leaderboard``; beside them stands the raw
statement that reads 50 rows of the same index.

``--upkeep`` then compares ``record_activity`` and ``record_activities`` with and
without boards, in turns and in one process: their rates, and the processor time of the
client and of its server process, which other load does not change. At last it compares
the rates of ``--writers`` clients together.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.recording import (  # noqa: E402
    BATCH,
    SERVER,
    set_defaults,
    set_up_django,
)

#: Entries of today are small and often equal; the first ones are spread.
FILL = """
INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name,
                       email, is_staff, is_active, date_joined)
SELECT i, '', FALSE, 'user' || i, '', '', '', FALSE, TRUE, now()
FROM generate_series(1, {users}) i;
INSERT INTO gamification_ledgerentry
    (user_id, kind, amount, activity_id, quantity, rewarded, xp_reward, occurred_at,
     local_date, recorded_at, fingerprint)
SELECT i, 'activity', xp, {activity}, 1, 1, xp, at, at::date, at, ''
FROM (
    SELECT i,
        10 + (power(random(), 3) * CASE n WHEN 1 THEN 300 ELSE 90000 END)::bigint
            / 10 * 10 AS xp,
        CASE n WHEN 1 THEN date_trunc('day', now())
            + random() * (now() - date_trunc('day', now()))
        ELSE now() - random() * interval '60 days' END AS at
    FROM generate_series(1, {users}) i CROSS JOIN generate_series(1, {entries}) n) e;
INSERT INTO gamification_usergamification
    (user_id, total_xp, last_occurred_at, created_at, updated_at)
SELECT user_id, sum(amount), max(occurred_at), now(), now()
FROM gamification_ledgerentry GROUP BY user_id;
"""

SCORES = """INSERT INTO gamification_boardscore (board_id, user_id, debit, reached)
SELECT {board}, user_id, -sum(amount),
    (extract(epoch FROM max(occurred_at)) * 1000000)::bigint
FROM gamification_ledgerentry WHERE occurred_at >= '{since}' GROUP BY user_id"""

RAW = """SELECT debit, reached, user_id FROM gamification_boardscore
WHERE board_id = %s ORDER BY debit, reached, user_id LIMIT 50"""

QUESTIONS = ["raw", "top", "page 1000", "rank", "around"]

#: Records between two looks at the clock, while ways take turns.
TURN = {"single": 50, "batch": BATCH}


def fill(users: int, entries: int) -> dict[str, int]:
    """Make the users and their boards; return the id of each board by window."""
    from django.core.management import call_command
    from django.db import connection

    from gamification.leaderboards import tend_boards
    from gamification.leaderboards.upkeep.rows import finish
    from gamification.models import Achievement, Activity, Board

    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    call_command("migrate", "gamification", "0001", verbosity=0)
    call_command("migrate", verbosity=0)
    set_defaults()
    tend_boards()
    # Otherwise, users with a past but no achievements would unlock them at once.
    Achievement.objects.update(status="retired")
    activity = Activity.objects.get(key="kpi_completed").pk
    with connection.cursor() as cursor:
        for statement in FILL.split(";")[:-1]:
            cursor.execute(
                statement.format(users=users, entries=entries, activity=activity)
            )
        for board in Board.objects.all():
            since = board.starts_at or "-infinity"
            cursor.execute(SCORES.format(board=board.pk, since=since))
            finish(board)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    return dict(Board.objects.values_list("window", "pk"))


class Cost(NamedTuple):
    """Milliseconds that a call takes."""

    #: The median time on the clock.
    clock: float
    #: The mean processor time of client and server, which other load on the machine
    #: hardly changes.
    processor: float


def cost_of(call: Callable[[], Any], calls: int) -> Cost:
    """Measure a call that this process makes."""
    server, times = server_process(), []
    for _ in range(calls // 10):
        call()
    before = time.process_time() + processor_time(server)
    for _ in range(calls):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    after = time.process_time() + processor_time(server)
    return Cost(1e3 * median(times), 1e3 * (after - before) / calls)


def server_process() -> int:
    """Return the number of the process that serves this one."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def processor_time(pid: int) -> float:
    """Return the seconds that a process has spent on the processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_raw(board: int) -> None:
    """Read the first rows of a board, and nothing else."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(RAW, [board])
        cursor.fetchall()


def middle_user(board: int) -> int:
    """Return the user in the middle of a board."""
    from gamification.models import BoardScore

    scores = BoardScore.objects.filter(board=board)
    in_order = scores.order_by("debit", "reached", "user_id")
    users = in_order.values_list("user_id", flat=True)
    return int(users[scores.count() // 2])


def measure_reads(users: int, entries: int, calls: int) -> None:
    """Print the median time of each question, for each window."""
    from gamification.leaderboards import get_leaderboard

    boards, draw = fill(users, entries), random.Random(1)
    print(f"\n{users:,} users, {users * entries:,} entries; milliseconds by the clock")
    print("(the median) / by the processors of client and server (the mean)")
    print(f"{'':6}" + "".join(f"{each:>14}" for each in QUESTIONS))
    for window, board in boards.items():
        ask = partial(get_leaderboard, window)
        middle = middle_user(board)
        questions: list[Callable[[], Any]] = [
            partial(read_raw, board),
            ask,
            partial(ask, page=1_000),
            lambda ask=ask: ask(page_size=1, viewer=draw.randint(1, users)),
            partial(ask, around=middle),
        ]
        costs = [cost_of(each, calls) for each in questions]
        cells = [f"{each.clock:.2f} / {each.processor:.2f}" for each in costs]
        print(f"{window:6}" + "".join(f"{each:>14}" for each in cells), flush=True)


class Writer:
    """Records for users drawn at random, with or without boards."""

    def __init__(self, users: int, kind: str, seed: int) -> None:
        from django.contrib.auth import get_user_model

        self.users, self.kind = users, kind
        self.random, self.user = random.Random(seed), get_user_model()()

    def write(self, *, keeps: bool) -> int:
        """Record once; return the number of records."""
        from django.conf import settings

        from gamification import services

        settings.GAMIFICATION = {"KEEP_LEADERBOARDS": keeps}
        if self.kind == "single":
            self.user.pk, key = self._draw()
            services.record_activity(self.user, "vision_created", key=key)
            return 1
        records = [
            services.ActivityRecord(user, "vision_created", key=key)
            for user, key in (self._draw() for _ in range(BATCH))
        ]
        return services.record_activities(records).recorded

    def _draw(self) -> tuple[int, str]:
        return self.random.randint(1, self.users), str(self.random.getrandbits(64))


def compare_turns(users: int, kind: str, seconds: float) -> None:
    """Print time per record with and without boards, which take turns."""
    writer = Writer(users, kind, seed=1)
    for keeps in (False, True):
        writer.write(keeps=keeps)
    server = server_process()
    spent: dict[bool, list[float]] = {False: [0.0] * 3, True: [0.0] * 3}
    records, begin = {False: 0, True: 0}, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for keeps, sums in spent.items():
            before = time.perf_counter(), time.process_time(), processor_time(server)
            done = 0
            while done < TURN[kind]:
                done += writer.write(keeps=keeps)
            after = time.perf_counter(), time.process_time(), processor_time(server)
            for index, (first, last) in enumerate(zip(before, after, strict=True)):
                sums[index] += last - first
            records[keeps] += done
    print(f"{kind}: microseconds per record, without and with boards")
    for index, name in enumerate(["time", "client's processor", "server's processor"]):
        plain, kept = (1e6 * spent[each][index] / records[each] for each in spent)
        print(f"  {name:20}{plain:9.1f}{kept:9.1f}{kept / plain:8.2f}")
    plain, kept = (1e6 * sum(spent[each][1:]) / records[each] for each in spent)
    print(f"  {'both processors':20}{plain:9.1f}{kept:9.1f}{kept / plain:8.2f}")


def measure_upkeep(users: int, seconds: float) -> None:
    """Print what records cost with boards, and what the tick costs for each."""
    from gamification.leaderboards import tend_boards

    print(f"\n{users:,} users, one writer")
    for kind in TURN:
        compare_turns(users, kind, seconds)
        begin = time.perf_counter()
        rows = tend_boards()
        tick = 1e6 * (time.perf_counter() - begin) / max(rows, 1)
        print(f"  {'tick, per pending row':29}{tick:9.1f}", flush=True)


def run_writer(
    url: str, users: int, seed: int, seconds: float, keeps: bool, gate: Any, out: Any
) -> None:
    """Record for ``seconds`` once all writers are ready; report the rate."""
    set_up_django(url)
    writer = Writer(users, "single", seed)
    writer.write(keeps=keeps)
    gate.wait()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        count += writer.write(keeps=keeps)
    out.put(count / (time.perf_counter() - start))


def rate(url: str, users: int, writers: int, seconds: float, *, keeps: bool) -> float:
    """Return the records per second of all writers together."""
    context = multiprocessing.get_context("spawn")
    gate, out = context.Barrier(writers), context.Queue()
    processes = [
        context.Process(
            target=run_writer, args=(url, users, seed, seconds, keeps, gate, out)
        )
        for seed in random.sample(range(1_000_000), writers)
    ]
    for process in processes:
        process.start()
    rates = [out.get() for _ in processes]
    for process in processes:
        process.join()
    return sum(rates)


def measure_writers(
    url: str, users: int, writers: int, seconds: float, rounds: int
) -> None:
    """Print the rates of many writers with and without boards, taken in turns."""
    from django.db import connection

    from gamification.leaderboards import count_drifts, tend_boards

    connection.close()
    rates: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(rounds):
        for keeps, measured in rates.items():
            measured.append(rate(url, users, writers, seconds, keeps=keeps))
    plain, kept = median(rates[False]), median(rates[True])
    print(
        f"\n{writers} writers: {plain:,.0f} records per second without boards, ", end=""
    )
    print(f"{kept:,.0f} with them: {kept / plain:.2f}", flush=True)
    tend_boards()
    assert count_drifts() == []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--entries", type=int, default=2)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--upkeep", action="store_true")
    parser.add_argument("--writers", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    url = os.environ.get("DATABASE_URL")
    if not url:
        from tests.postgres import start_server

        url = start_server(SERVER)
    set_up_django(url)
    for users in options.users:
        measure_reads(users, options.entries, options.calls)
        if options.upkeep:
            measure_upkeep(users, options.seconds)
        if options.writers:
            measure_writers(
                url, users, options.writers, options.seconds, options.rounds
            )


if __name__ == "__main__":
    main()
