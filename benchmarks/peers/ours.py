"""The ways to record with this package, and the raw limit, from ``recording.py``."""

from __future__ import annotations

import multiprocessing
import platform
import random
from dataclasses import dataclass
from functools import partial
from typing import Any

from benchmarks import boards as our_boards
from benchmarks.peers.packages import OURS
from benchmarks.peers.report import BoardRow, race_of
from benchmarks.recording import (
    CLIENTS,
    WAYS,
    Client,
    RawBatchClient,
    fill,
    measure,
)

#: Calls of each client in a race.
CALLS = 200

NAME = "gamification"


class RawBatchApartClient(RawBatchClient):
    """Writes for one half of the users; the other client has the other half.

    A raw batch locks its users until it ends, and two batches nearly always have users
    in common, so that clients who draw from all users write one after the other.
    """

    def connect(self, url: str) -> None:
        super().connect(url)
        # Only one client gets this lock, which ends with its connection.
        [self.is_first] = self.connection.execute(
            "SELECT pg_try_advisory_lock(1)"
        ).fetchone()

    def draw(self, count: int) -> tuple[list[int], list[str]]:
        users, keys = super().draw(count)
        half = self.users // 2
        return [1 + user % half + half * self.is_first for user in users], keys


#: The processes of ``recording.py`` look up the client of a way in ``WAYS``.
WAYS["raw set-based SQL, 10,000 a batch, each client half of the users"] = (
    RawBatchApartClient
)


@dataclass(frozen=True)
class OurWay:
    """A way of ``recording.py``, in the form that the table needs."""

    name: str
    url: str
    users: int

    @property
    def package(self) -> str:
        return "PostgreSQL" if self.is_raw else NAME

    @property
    def is_raw(self) -> bool:
        return self.name.startswith("raw")

    @property
    def is_batch(self) -> bool:
        return "batch" in self.name

    @property
    def does(self) -> str:
        return OURS.get(self.name, "")

    def rate(self, seconds: float) -> float:
        return measure(self.name, self.url, self.users, seconds)

    def race(self) -> str:
        """Let clients record for one user; count the records that are missing."""
        if self.is_raw or self.is_batch:
            return "–"
        before = tally(self.url)
        context = multiprocessing.get_context("spawn")
        with context.Pool(CLIENTS, start, (self.name, self.url)) as pool:
            succeeded = sum(pool.map(record_once, range(CLIENTS * CALLS), chunksize=10))
        return race_of(CLIENTS * CALLS, succeeded, tally(self.url) - before)


#: The client of a process that races.
racing: list[Client] = []


def start(way: str, url: str) -> None:
    """Make the client of this process; it knows one user."""
    racing.append(WAYS[way](url, 1, random.getrandbits(32)))


def record_once(_: int) -> int:
    return racing[0].write()


def tally(url: str) -> int:
    """Return how often the first user's activity is counted."""
    import psycopg

    with psycopg.connect(url) as connection:
        [count] = connection.execute(
            "SELECT sum(count) FROM gamification_activitytally WHERE user_id = 1"
        ).fetchone()
    return int(count)


def prepare(url: str, users: int) -> list[OurWay]:
    """Fill the database; return the ways to measure."""
    fill(url, users)
    ways = [OurWay(name, url, users) for name in WAYS]
    return sorted(ways, key=lambda way: (way.is_batch, not way.is_raw))


def boards(users: int, calls: int) -> list[BoardRow]:
    """Fill the database anew; return the times of our boards."""
    from gamification.leaderboards import get_leaderboard

    draw = random.Random(1)
    rows = []
    our_boards.fill(users, entries=2)
    for window, name in [("all", "all time"), ("week", "this week")]:
        top = partial(get_leaderboard, window)

        def rank(top: Any = top) -> Any:
            return top(page_size=1, viewer=draw.randint(1, users))

        times = [our_boards.cost_of(each, calls).clock for each in (top, rank)]
        rows.append(BoardRow(NAME, name, *times, "`get_leaderboard`, kept boards"))
    return rows


def versions() -> list[str]:
    import django
    import psycopg

    import gamification

    driver = f"psycopg {psycopg.__version__}"
    own = getattr(gamification, "__version__", "this checkout")
    return [NAME, own, platform.python_version(), django.__version__, driver]
