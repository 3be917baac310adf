"""Measure how long processes that write to one SQLite file wait for each other.

``python benchmarks/sqlite_writers.py`` lets four processes record in a temporary file,
each as often as it can, and prints records per second and how long a record took.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from itertools import chain
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, os.environ.get("PYTHONPATH") or str(ROOT))

WRITERS = 4


def set_up(path: str, mode: str | None) -> None:
    """Point Django at the file."""
    os.environ["DATABASE_URL"] = f"sqlite:///{path}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
    import django
    from django.conf import settings

    options = {"timeout": 30, "transaction_mode": mode}
    settings.DATABASES["default"]["OPTIONS"] = options
    settings.DEBUG = False
    django.setup()


def write(
    path: str, mode: str | None, number: int, seconds: float, gate: Any, found: Any
) -> None:
    """Record for one user; report how long each record took, in milliseconds."""
    set_up(path, mode)
    from django.contrib.auth import get_user_model

    from gamification.services import record_activity

    user = get_user_model().objects.get(username=f"user{number}")
    record_activity(user, "kpi_completed")
    taken = []
    gate.wait()
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        record_activity(user, "kpi_completed")
        taken.append(1_000 * (time.perf_counter() - began))
    found.put(taken)


def measure(path: str, mode: str | None, seconds: float) -> None:
    """Let all processes write, and print what they found."""
    context = multiprocessing.get_context("spawn")
    gate, found = context.Barrier(WRITERS), context.Queue()
    writers = [
        context.Process(target=write, args=(path, mode, number, seconds, gate, found))
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    each = [found.get() for _ in writers]
    for writer in writers:
        writer.join()
    taken = sorted(chain.from_iterable(each))
    parts = quantiles(taken, n=100)
    print(
        f"{mode or 'DEFERRED':10} {len(taken) / seconds:7.0f} records/s, median"
        f" {median(taken):.1f} ms, p95 {parts[94]:.1f}, p99 {parts[98]:.1f}, slowest"
        f" {taken[-1]:.1f}; of each {sorted(map(len, each))}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        path = f"{folder}/site.sqlite3"
        set_up(path, "IMMEDIATE")
        from django.contrib.auth import get_user_model
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        for number in range(WRITERS):
            get_user_model().objects.create(username=f"user{number}")
        connection.close()
        for mode in ("IMMEDIATE", None):
            measure(path, mode, options.seconds)


if __name__ == "__main__":
    main()
