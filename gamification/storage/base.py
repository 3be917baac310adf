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

from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.days import Calendar
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.state import UserState

#: Who: primary keys of users.
UserIds = Sequence[Any]
#: A user's idempotency key: (user id, key).
UserKey = tuple[Any, str]


@dataclass(frozen=True, slots=True)
class StateQuery:
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

    def only(self, user_ids: Collection[Any]) -> StateQuery:
        """Return the query for some of its users."""
        keys = [key for key in self.keys if key[0] in user_ids]
        return replace(self, user_ids=in_order(user_ids), keys=keys)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of some users at one moment. Users without a row are not in it."""

    catalogue: Catalogue
    states: dict[Any, UserState] = field(default_factory=dict)
    #: Entries that the query's keys were used for.
    replays: Mapping[UserKey, Entry] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """The ids that the database gave."""

    #: Those of each user's entries, in order.
    entry_ids: Mapping[Any, Sequence[int]] = field(default_factory=dict)
    celebration_ids: Mapping[UserKey, int] = field(default_factory=dict)
    #: Users of whom nothing was written, because their state was outdated.
    conflicts: Collection[Any] = ()

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[int, Any, str | None]],
        changesets: Iterable[UserChangeset],
    ) -> Written:
        """Return what was written of ``changesets``, each of which has an entry.

        Rows are an id, its user, and the dedupe key if it is that of a celebration.
        """
        entries: dict[Any, list[int]] = defaultdict(list)
        celebrations: dict[UserKey, int] = {}
        for pk, user_id, dedupe_key in rows:
            if dedupe_key is None:
                entries[user_id].append(pk)
            else:
                celebrations[user_id, dedupe_key] = pk
        conflicts = {
            changeset.state.user_id for changeset in changesets
        } - entries.keys()
        return cls(entries, celebrations, conflicts)

    def __add__(self, later: Written) -> Written:
        """Return both, where who was conflicts in the first came later."""
        return Written(
            {**self.entry_ids, **later.entry_ids},
            {**self.celebration_ids, **later.celebration_ids},
            later.conflicts,
        )

    def number(self, changeset: UserChangeset) -> Iterator[Outcome]:
        """Yield the outcomes of ``changeset`` with their ids."""
        ids = self.entry_ids[changeset.state.user_id]
        return changeset.numbered(ids, self.celebration_ids)


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

    def read(self, plan: Callable[[Catalogue], StateQuery]) -> Snapshot:
        """Return what the query that ``plan`` makes of the catalogue asks for."""

    def days(self, user_ids: UserIds) -> Mapping[Any, Mapping[date, int]]:
        """Return activities by active date, for each of the users."""

    def celebrated(self, keys: Sequence[UserKey]) -> Mapping[UserKey, int]:
        """Return the ids of those celebrations that exist, by user and dedupe key."""

    def prepare(self, changesets: Sequence[UserChangeset]) -> Callable[[], Written]:
        """Encode changes of users, all of whom have a row or are to be given one.

        Return what writes them, but those of users who were conflicts.
        """


def in_order(user_ids: Iterable[Any]) -> list[Any]:
    """Return each user once, in the one order in which users are ever locked."""
    return sorted(set(user_ids))


#: Columns of the ledger in the order of ``Entry``, without the id.
ENTRY_FIELDS = Entry._fields[1:]

#: Reads the fields of a stored entry in the order of ``Entry``.
entry_values = attrgetter(*Entry._fields)


#: Columns of a user's row that a changeset sets.
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


def progress_values(changeset: UserChangeset) -> tuple[Any, ...]:
    """Return the values of ``PROGRESS_FIELDS`` after ``changeset``."""
    return (
        changeset.state.user_id,
        changeset.total_xp,
        changeset.level,
        changeset.highest_level,
        changeset.streak.current,
        changeset.streak.longest,
        changeset.active_days,
        changeset.streak.last_active_on,
        changeset.state.version + 1,
        changeset.now,
    )
