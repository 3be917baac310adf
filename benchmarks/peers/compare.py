"""Measure this package beside raw SQL and other packages, on one PostgreSQL.

``make bench``, or ``python -m benchmarks.peers.compare --users 10000 1000000``, starts
a server of its own in a temporary folder (or uses ``DATABASE_URL``, which it empties,
and makes databases ``bench_…`` beside it). Each package has a virtual environment under
``.bench/``. The tables go to ``benchmarks/RESULTS.md``, the picture to ``docs/images``.
A run with one number of users keeps the sections for other numbers from ``.bench/``.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.peers import ours, theirs
from benchmarks.peers.environments import FOLDER, ROOT
from benchmarks.peers.report import BoardRow, Result, Row, chart, page, table_of_rows
from benchmarks.recording import MEMORY, SERVER, set_up_django

Measured = list[tuple[Any, list[float]]]


def machine_of(url: str) -> dict[str, str]:
    """Describe the machine and the server, without names or paths."""
    import psycopg

    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    with psycopg.connect(url) as connection:
        version = connection.info.server_version
        settings = [
            f"{name} {connection.execute(f'SHOW {name}').fetchone()[0]}"
            for name in SERVER
        ]
    return {
        "processor": names[0] if names else "unknown",
        "cores": str(os.cpu_count()),
        "memory": f"{MEMORY / 2**30:.0f} GiB",
        "PostgreSQL": f"{version // 10_000}.{version % 10_000} ({', '.join(settings)})",
    }


def measure_in_turns(ways: list[Any], seconds: float, rounds: int) -> Measured:
    """Return the rates of each way; the ways take turns."""
    measured: Measured = [(way, []) for way in ways]
    for _ in range(rounds):
        for way, rates in measured:
            rates.append(way.rate(seconds))
            print(f"{way.package}, {way.name}: {rates[-1]:,.0f} records/s", flush=True)
    return measured


def rows_of(measured: Measured) -> list[Row]:
    """Return the medians, with the share of the fastest raw way of the same kind."""
    raw = {
        kind: max(
            median(rates)
            for way, rates in measured
            if way.is_raw and way.is_batch == kind
        )
        for kind in (False, True)
    }
    return [
        Row(
            way.package,
            way.name,
            way.does,
            median(rates),
            median(rates) / raw[way.is_batch],
            way.race(),
        )
        for way, rates in measured
    ]


def compare(url: str, users: int, options: argparse.Namespace) -> Result:
    """Measure everything with so many users."""
    result = Result(
        users=users,
        seconds=options.seconds,
        rounds=options.rounds,
        date=datetime.now(UTC).date().isoformat(),
        machine=machine_of(url),
    )
    ours_ways = ours.prepare(url, users)
    sites, missing = theirs.prepare(url, users)
    ways = [*ours_ways, *(way for site in sites for way in site.ways)]
    measured = measure_in_turns(ways, options.seconds, options.rounds)
    result.rows.extend([*rows_of(measured), *missing])
    result.versions.append(ours.versions())
    result.versions.extend(site.versions for site in sites)
    boards = [row for site in sites for row in site.boards(options.calls)]
    # Our boards come last, because they need other rows in our database.
    result.boards.extend([*ours.boards(users, options.calls), *boards])
    result.boards.extend(
        BoardRow(row.package, "–", reason="could not be had") for row in missing
    )
    return result


def save(result: Result) -> None:
    """Write the page and the picture from this run and those of other sizes."""
    store = FOLDER / "results.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    known[str(result.users)] = asdict(result)
    store.write_text(json.dumps(known, indent=1))
    results = [load(known[key]) for key in sorted(known, key=int)]
    (ROOT / "benchmarks" / "RESULTS.md").write_text(page(results))
    (ROOT / "docs" / "images" / "bench.svg").write_text(chart(results))


def load(saved: dict[str, Any]) -> Result:
    """Return a saved result."""
    rows = [Row(**each) for each in saved.pop("rows")]
    boards = [BoardRow(**each) for each in saved.pop("boards")]
    return Result(rows=rows, boards=boards, **saved)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[10_000])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    os.environ["PYTHONPATH"] = str(ROOT)
    url = os.environ.get("DATABASE_URL")
    if not url:
        from tests.postgres import start_server

        url = start_server(SERVER)
    set_up_django(url)
    for users in options.users:
        result = compare(url, users, options)
        save(result)
        print(table_of_rows(result.rows), flush=True)


if __name__ == "__main__":
    main()
