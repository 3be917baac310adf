"""Random load by many writers at once, compared with the naive books afterwards.

The writers note what they were answered. A naive life of each user then repeats what
was answered, one act after the other in the order of the ledger, and must come to the
same answers and to the same state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Said(NamedTuple):
    """What a verb answered about one user, or what a job did for one."""

    user: int
    #: The least id of what it wrote: the user's acts happened in this order.
    place: int
    #: When it was asked and answered, by the clock of the machine.
    since: int
    until: int
    act: str
    asked: Any
    answer: Any


class Catalogue(NamedTuple):
    """What staff changed last, all in all, and when."""

    since: int = -1
    until: int = -1
    prices: tuple[tuple[str, int], ...] = ()
    activated: tuple[str, ...] = ()
    #: Factors of walks right now, in hundredths.
    boosts: tuple[int, ...] = ()


@dataclass
class Log:
    """What was said, by everybody."""

    said: list[Said] = field(default_factory=list)
    #: User, key and entry of each replay.
    replays: list[tuple[int, str, int]] = field(default_factory=list)
    #: User and key of each request that was refused for its key.
    conflicts: list[tuple[int, str]] = field(default_factory=list)
    versions: list[Catalogue] = field(default_factory=lambda: [Catalogue()])
    #: Guests' dates with laps, grants of freezes, pauses and repairs.
    laps: list[tuple[int, Any]] = field(default_factory=list)
    grants: list[tuple[int, Any]] = field(default_factory=list)
    pauses: list[tuple[int, Any, Any]] = field(default_factory=list)
    repairs: list[tuple[int, Any]] = field(default_factory=list)

    def add(self, other: Log) -> None:
        """Add what was said in another process, where nobody edits the catalogue."""
        for name in vars(self).keys() - {"versions"}:
            getattr(self, name).extend(getattr(other, name))
