"""Sites with the other packages, each in a database of its own on the same server."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.environments import (
    UnavailableError,
    ask,
    ask_together,
    make_environment,
)
from benchmarks.peers.ours import CALLS
from benchmarks.peers.packages import PEERS, USERS, Peer, Way
from benchmarks.peers.report import BoardRow, Row, race_of
from benchmarks.recording import CLIENTS, make_database


@dataclass(frozen=True)
class TheirWay:
    """A way to record with another package."""

    peer: Peer
    way: Way
    url: str
    users: int

    is_raw = False

    @property
    def package(self) -> str:
        return self.peer.name

    @property
    def name(self) -> str:
        return self.way.name

    @property
    def does(self) -> str:
        return self.way.does

    @property
    def is_batch(self) -> bool:
        return self.way.batch > 1

    def rate(self, seconds: float) -> float:
        return sum(self._together("write", [[seconds]] * CLIENTS))

    def race(self) -> str:
        """Let clients write the same row at once; count the missing records."""
        if not self.way.kept:
            return "–"
        before = self._kept()
        turns = [[1 + i * CALLS, CALLS] for i in range(CLIENTS)]
        succeeded = sum(self._together("meet", turns))
        return race_of(CLIENTS * CALLS, succeeded, self._kept() - before)

    def _together(self, task: str, arguments: list[list[Any]]) -> list[Any]:
        clients = [
            (self.way.client, self.url, self.users, random.getrandbits(32), *each)
            for each in arguments
        ]
        return ask_together(self.peer, task, clients)

    def _kept(self) -> int:
        import psycopg

        with psycopg.connect(self.url) as connection:
            return int(connection.execute(self.way.kept).fetchone()[0])


@dataclass(frozen=True)
class Site:
    """A site with an installed package, and with users who have a little history."""

    peer: Peer
    url: str
    users: int
    runs_on: dict[str, str]

    @property
    def ways(self) -> list[TheirWay]:
        return [
            TheirWay(self.peer, way, self.url, self.users) for way in self.peer.ways
        ]

    @property
    def versions(self) -> list[str]:
        return [self.peer.name, self.peer.version, *self.runs_on.values()]

    def boards(self, calls: int) -> list[BoardRow]:
        """Return the times of the package's boards, or why it has none."""
        client = self.peer.ways[0].client
        times = ask(self.peer, "boards", client, self.url, self.users, 1, calls)
        return [
            BoardRow(self.peer.name, name, top, rank, self.peer.boards)
            for name, (top, rank) in times.items()
        ] or [BoardRow(self.peer.name, "–", reason=self.peer.boards)]


def fill(peer: Peer, url: str, users: int) -> None:
    """Make users with a little history, in the package's own tables."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for statement in [USERS, *peer.fill.split(";")[:-1]]:
            connection.execute(
                statement, {"users": users} if "%" in statement else None
            )
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def prepare(url: str, users: int) -> tuple[list[Site], list[Row]]:
    """Return the sites, and rows that say why other packages have none."""
    sites, missing = [], []
    for peer in PEERS:
        try:
            make_environment(peer)
            own = make_database(url, peer.database)
            runs_on = ask(peer, "migrate", peer.ways[0].client, own, users, 1)
        except UnavailableError as reason:
            missing.append(Row(peer.name, "–", reason=str(reason)))
        else:
            fill(peer, own, users)
            sites.append(Site(peer, own, users, runs_on))
    return sites, missing
