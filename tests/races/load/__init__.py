"""Random load by many writers at once, compared with the naive books afterwards.

The writers note the answers that they get. A naive life of each user then repeats these
acts, one after the other in the order of the ledger, and must come to the same answers
and to the same state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Said(NamedTuple):
    """The answer of a verb about one user, or the work of a job for one user."""

    user: int
    #: The lowest id that it wrote: the user's acts happened in this order.
    place: int
    #: When it was asked and answered, by the clock of the machine.
    since: int
    until: int
    act: str
    asked: Any
    answer: Any


class Catalogue(NamedTuple):
    """All changes by staff so far, and when the last one was made."""

    since: int = -1
    until: int = -1
    prices: tuple[tuple[str, int], ...] = ()
    activated: tuple[str, ...] = ()
    #: Factors of walks right now, in hundredths.
    boosts: tuple[int, ...] = ()


@dataclass
class Log:
    """The notes of all writers."""

    said: list[Said] = field(default_factory=list)
    #: User, key and entry of each replay.
    replays: list[tuple[int, str, int]] = field(default_factory=list)
    #: User and key of each request that was refused because of its key.
    conflicts: list[tuple[int, str]] = field(default_factory=list)
    versions: list[Catalogue] = field(default_factory=lambda: [Catalogue()])
    #: Guests' dates with laps, grants of freezes, pauses and repairs.
    laps: list[tuple[int, Any]] = field(default_factory=list)
    grants: list[tuple[int, Any]] = field(default_factory=list)
    pauses: list[tuple[int, Any, Any]] = field(default_factory=list)
    repairs: list[tuple[int, Any]] = field(default_factory=list)

    def add(self, other: Log) -> None:
        """Add the notes of another process, where nobody edits the catalogue."""
        for name in vars(self).keys() - {"versions"}:
            getattr(self, name).extend(getattr(other, name))
