"""Measure what the ledger takes on the disk, and what each of its indexes costs.

``python benchmarks/history.py`` creates a site. ``DATABASE_URL=… python
benchmarks/storage.py`` then prints the bytes of an entry in the table and in each
index, and adds entries of users drawn at random, with all indexes and without some of
them, in transactions that it rolls back. For each way, it prints the WAL and the
server's CPU time for an entry, and their ratio to those with all indexes. The first
number of WAL is from right after a checkpoint, when the first change of a page logs the
whole page; the second is for the same users again, whose pages were logged already. The
CPU time is the least of some rounds, in which the ways take turns. Without
``DATABASE_URL``, the script first creates a site with ``--users`` and ``--entries`` on
its own server. It reads the CPU time from ``/proc``, so the server has to run on this
machine, under Linux.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.history import make_history, use_database  # noqa: E402

LEDGER = "gamification_ledgerentry"

#: Bytes of the table itself, and of each of its indexes.
SIZES = f"""
SELECT 'the table itself', pg_table_size('{LEDGER}')
UNION ALL (
    SELECT indexrelid::regclass::text, pg_relation_size(indexrelid)
    FROM pg_index WHERE indrelid = '{LEDGER}'::regclass ORDER BY 2 DESC)
"""

#: The entries to add, twice for each user.
DRAW = """
CREATE TEMPORARY TABLE drawn AS
SELECT n, again, user_id, md5(n::text || again) AS key
FROM generate_series(1, %(entries)s) n
CROSS JOIN LATERAL (
    SELECT 1 + floor(random() * %(users)s)::int + 0 * n AS user_id) u
CROSS JOIN (VALUES (FALSE), (TRUE)) a(again)
"""

ADD = f"""
INSERT INTO {LEDGER}
    (user_id, kind, amount, activity_id, quantity, rewarded, xp_reward, extends_streak,
     occurred_at, local_date, recorded_at, key, fingerprint, source, note,
     internal_note, outcome)
SELECT d.user_id, 'activity', 10, a.id, 1, 1, 10, TRUE, now(), current_date, now(),
    d.key, left(d.key, 16), 'site.object:' || (1000000 + d.n), '', '',
    '[60, 1, 2, 2, 5]'
FROM drawn d JOIN gamification_activity a ON a.key = 'kpi_completed'
WHERE d.again = %s ORDER BY d.n
"""


class Cost(NamedTuple):
    """The mean cost of an entry."""

    #: Bytes of WAL right after a checkpoint, and for the same users again.
    first: float
    again: float
    #: Microseconds of the server's CPU time.
    cpu: float


class Writer:
    """Adds entries, and counts what they cost the server."""

    def __init__(self, url: str, users: int, entries: int) -> None:
        import psycopg

        self.connection = psycopg.connect(url, autocommit=True)
        self.connection.execute("SET synchronous_commit = off")
        self.entries = entries
        self.run("SELECT setseed(0.5)")
        self.run(DRAW % {"users": users, "entries": entries})
        self.run("ANALYZE drawn")
        process = self.connection.info.backend_pid
        self.schedule = Path(f"/proc/{process}/schedstat")

    def run(self, statement: str, *values: Any) -> Any:
        return self.connection.execute(statement, values or None)

    def cost(self, changes: Sequence[str]) -> Cost:
        """Return the cost after ``changes`` to the schema, which it undoes."""
        self.run(f"VACUUM {LEDGER}")
        self.run("CHECKPOINT")
        self.run("BEGIN")
        for statement in changes:
            self.run(statement)
        (first, _), (again, cpu) = self.add(again=False), self.add(again=True)
        self.run("ROLLBACK")
        return Cost(first, again, cpu)

    def add(self, *, again: bool) -> tuple[float, float]:
        """Add the entries; return WAL and CPU time of one."""
        wal, cpu = self.wal(), self.cpu()
        self.run(ADD, again)
        cpu, wal = self.cpu() - cpu, self.wal() - wal
        return wal / self.entries, cpu / self.entries

    def wal(self) -> int:
        [(bytes_written,)] = self.run("SELECT pg_current_wal_insert_lsn() - '0/0'")
        return int(bytes_written)

    def cpu(self) -> float:
        return int(self.schedule.read_text().split()[0]) / 1_000

    def sizes(self) -> Iterator[tuple[str, float]]:
        """Yield the bytes that an entry takes in the table, and in each index."""
        [(entries,)] = self.run(f"SELECT count(*) FROM {LEDGER}")
        for name, size in self.run(SIZES):
            yield name, size / entries


def ways() -> dict[str, list[str]]:
    """Return changes to the schema: none, and the removal of some of the indexes."""
    from gamification.models import LedgerEntry

    full = [each.name for each in LedgerEntry._meta.indexes if not each.condition]
    drops = {name: f'DROP INDEX "{name}"' for name in full}
    alone = {f"without {name}": [drop] for name, drop in drops.items()}
    return {"with all indexes": [], **alone, "without these": [*drops.values()]}


def compare(writer: Writer, rounds: int) -> None:
    """Print what an entry costs, each way in turn."""
    costs: dict[str, list[Cost]] = {way: [] for way in ways()}
    for _ in range(rounds):
        for way, changes in ways().items():
            costs[way].append(writer.cost(changes))
    print(f"\n{'':42}{'bytes of WAL':>17}{'again':>17}{'µs of CPU':>17}")
    [whole, *_] = [_least(measured) for measured in costs.values()]
    for way, measured in costs.items():
        cells = map(_cell, _least(measured), whole)
        print(f"{way:42}{''.join(cells)}", flush=True)


def _least(measured: Sequence[Cost]) -> Cost:
    return Cost(*map(min, zip(*measured, strict=True)))


def _cell(value: float, whole: float) -> str:
    return f"{value:10,.1f} ({value / whole:4.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--added", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    if use_database():
        make_history(options.users, options.entries)
    writer = Writer(os.environ["DATABASE_URL"], options.users, options.added)
    sizes = dict(writer.sizes())
    print(f"{'bytes an entry':42}{sum(sizes.values()):10,.1f}")
    for name, size in sizes.items():
        print(f"{name:42}{size:10,.1f}")
    compare(writer, options.rounds)


if __name__ == "__main__":
    main()
