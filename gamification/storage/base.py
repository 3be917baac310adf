"""What every store does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from datetime import date
from operator import attrgetter
from typing import Any, Protocol

from gamification.domain.days import Calendar
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.recording import Fold
from gamification.domain.rules import Catalogue
from gamification.domain.standing import Standing

#: Who: primary keys of users.
UserIds = Sequence[Any]
#: A user's idempotency key: (user id, key).
UserKey = tuple[Any, str]


@dataclass(frozen=True, slots=True)
class Query:
    """What a decision needs to know."""

    user_ids: UserIds
    #: The calendar of users who never chose a zone.
    calendar: Calendar
    keys: Sequence[UserKey] = ()
    #: Ids of activities whose tallies are needed.
    tallies: Sequence[int] = ()
    #: Those of them with a daily limit, and those with a cooldown.
    limited: Sequence[int] = ()
    cooled: Sequence[int] = ()
    #: Dates between which usage and rewarded records matter, both included.
    since: date = date.min
    until: date = date.max

    def only(self, user_ids: Collection[Any]) -> Query:
        """Return the query for some of its users."""
        keys = [key for key in self.keys if key[0] in user_ids]
        return replace(self, user_ids=in_order(user_ids), keys=keys)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of some users at one moment. Users without a row are not in it."""

    catalogue: Catalogue
    standings: dict[Any, Standing] = field(default_factory=dict)
    #: Entries that the query's keys were used for.
    replays: Mapping[UserKey, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """The ids that the database gave."""

    #: Those of each user's entries, in order.
    entry_ids: Mapping[Any, Sequence[int]] = field(default_factory=dict)
    celebration_ids: Mapping[UserKey, int] = field(default_factory=dict)
    #: Users of whom nothing was written, because their standing was outdated.
    outrun: Collection[Any] = ()

    @classmethod
    def of(
        cls, rows: Iterable[tuple[int, Any, str | None]], folds: Iterable[Fold]
    ) -> Written:
        """Return what was written of ``folds``, each of which has an entry.

        Rows are an id, its user, and the dedupe key if it is that of a celebration.
        """
        entries: dict[Any, list[int]] = defaultdict(list)
        celebrations: dict[UserKey, int] = {}
        for pk, user_id, dedupe_key in rows:
            if dedupe_key is None:
                entries[user_id].append(pk)
            else:
                celebrations[user_id, dedupe_key] = pk
        outrun = {fold.standing.user_id for fold in folds} - entries.keys()
        return cls(entries, celebrations, outrun)

    def __add__(self, later: Written) -> Written:
        """Return both, where who was outrun in the first came later."""
        return Written(
            {**self.entry_ids, **later.entry_ids},
            {**self.celebration_ids, **later.celebration_ids},
            later.outrun,
        )

    def number(self, fold: Fold) -> Iterator[Outcome]:
        """Yield the outcomes of ``fold`` with their ids."""
        ids = self.entry_ids[fold.standing.user_id]
        return fold.numbered(ids, self.celebration_ids)


class Store(Protocol):
    """Locks, reads and writes for one database."""

    alias: str
    #: Whether a write notices by itself that the state has moved on since the read.
    optimistic: bool
    #: The most users that one transaction should touch.
    batch_size: int

    def begin(self) -> None:
        """Prepare a transaction that has just begun."""

    def lock(self, user_ids: UserIds) -> None:
        """Lock the users' rows in order of their keys, making those that lack."""

    def read(self, plan: Callable[[Catalogue], Query]) -> Snapshot:
        """Return what the query that ``plan`` makes of the catalogue asks for."""

    def days(self, user_ids: UserIds) -> Mapping[Any, Mapping[date, int]]:
        """Return activities by active date, for each of the users."""

    def celebrated(self, keys: Sequence[UserKey]) -> Mapping[UserKey, int]:
        """Return the ids of those celebrations that exist, by user and dedupe key."""

    def prepare(self, folds: Sequence[Fold]) -> Callable[[], Written]:
        """Encode changes of users, all of whom have a row or are to be given one.

        Return what writes them, but those of users who were outrun.
        """


def in_order(user_ids: Iterable[Any]) -> list[Any]:
    """Return each user once, in the one order in which users are ever locked."""
    return sorted(set(user_ids))


#: Columns of the ledger in the order of ``Entry``, without the id.
ENTRY_FIELDS = Entry._fields[1:]

#: Reads the fields of a stored entry in the order of ``Entry``.
entry_values = attrgetter(*Entry._fields)


#: Columns of a user's row that a fold sets.
PROGRESS_FIELDS = (
    "user_id",
    "total_xp",
    "level",
    "highest_level",
    "current_streak",
    "longest_streak",
    "active_days",
    "last_active_on",
    "version",
    "updated_at",
)


def progress_values(fold: Fold) -> tuple[Any, ...]:
    """Return the values of ``PROGRESS_FIELDS`` after ``fold``."""
    return (
        fold.standing.user_id,
        fold.total_xp,
        fold.level,
        fold.highest_level,
        fold.streak.current,
        fold.streak.longest,
        fold.active_days,
        fold.streak.last_active_on,
        fold.standing.version + 1,
        fold.now,
    )
