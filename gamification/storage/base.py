"""The interface of all stores, and the values that they take and return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import (
    Collection,
    Iterable,
    Mapping,
    MutableMapping,
    Sequence,
)
from datetime import date, datetime
from typing import Any, ClassVar, NamedTuple

from django.db.models import Count, F, Q

from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.history import PastEntry
from gamification.domain.nearby import Nearby, Span, Touched
from gamification.domain.outcomes import Entry, EntryKind, Outcome
from gamification.domain.spans import SpanQuery
from gamification.domain.state import NONE, NOTHING, UserState
from gamification.domain.undoing import restored_key
from gamification.models import LedgerEntry
from gamification.models.users import in_order
from gamification.storage.queries import StateQuery, UserIds, UserKey
from gamification.storage.streaming import StoredLedger, standing_rows

#: Entries of past records that are in memory at a time.
ENTRIES_AT_ONCE = 10_000


class Snapshot(NamedTuple):
    """The state of some users at one moment. Users without a row are not in it."""

    catalogue: Catalogue
    states: MutableMapping[Any, UserState]
    #: Users whom staff have excluded from the game.
    excluded: Collection[Any] = NONE
    #: Entries that were made with keys of the query.
    replays: Mapping[UserKey, Entry] = NOTHING
    #: For the reversed ones among them, the time of the reversal, by id.
    reversed_at: Mapping[int | None, datetime] = NOTHING
    #: Ids of the celebrations that these entries caused, by user and dedupe key.
    celebration_ids: Mapping[UserKey, int] = NOTHING
    #: The groups, as far as boosts are for them, of users without a row.
    groups: Mapping[Any, frozenset[int]] = NOTHING
    #: The query for seasons and periods, if any: newcomers have nothing of them.
    spans: SpanQuery | None = None

    def welcome(self, query: StateQuery) -> bool:
        """Give users without a row the state of a new user; say if there are any."""
        newcomers = [pk for pk in query.user_ids if pk not in self.states]
        for user_id in newcomers:
            groups = self.groups.get(user_id, NONE)
            spans = (self.spans, NOTHING) if self.spans else None
            self.states[user_id] = UserState(
                user_id, query.calendar, groups=groups, spans=spans
            )
        return bool(newcomers)

    def replayed(self, entry: Entry) -> Outcome:
        """Return the first outcome of the request that made ``entry``."""
        reversed_at = self.reversed_at.get(entry.id)
        return Outcome.restore(entry, self.celebration_ids, reversed_at)


class Written(NamedTuple):
    """The ids that the database gave to new rows."""

    #: Ids of each user's entries, in order.
    entry_ids: Mapping[Any, Sequence[int]] = NOTHING
    celebration_ids: Mapping[UserKey, int] = NOTHING
    #: Users whose changes were not written, because their state had changed.
    conflicts: Collection[Any] = ()

    @classmethod
    def of(
        cls,
        rows: Iterable[tuple[int, Any, str | None]],
        user_ids: Iterable[Any],
    ) -> Written:
        """Return the result of writing changes of these users, each with an entry.

        Rows are the new id, its user, and the dedupe key if it is a celebration.
        """
        entries: dict[Any, Sequence[int]] = {}
        celebrations: dict[UserKey, int] = {}
        for pk, user_id, dedupe_key in rows:
            known = entries.get(user_id)
            if dedupe_key is not None:
                celebrations[user_id, dedupe_key] = pk
            elif isinstance(known, list):
                known.append(pk)
            else:
                # Most have one, and plain tuples cost the garbage collector nothing.
                entries[user_id] = [*known, pk] if known else (pk,)
        return cls(entries, celebrations, {*user_ids} - entries.keys())

    def followed_by(self, later: Written) -> Written:
        """Return both results, where ``later`` wrote the users in conflict."""
        return Written(
            {**self.entry_ids, **later.entry_ids},
            {**self.celebration_ids, **later.celebration_ids},
            later.conflicts,
        )

    def outcomes_of(self, changeset: UserChangeset) -> list[Outcome]:
        """Return the outcomes of ``changeset`` with their ids."""
        ids = self.entry_ids.get(changeset.state.user_id, ())
        return changeset.numbered(ids, self.celebration_ids)


class Store(ABC):
    """Locks, reads and writes users in one database."""

    #: Whether a write detects by itself that the state has changed since the read.
    is_optimistic: ClassVar[bool]
    #: The most users that one transaction should touch.
    batch_size: ClassVar[int]

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.alias: str = connection.alias

    @abstractmethod
    def begin(self) -> None:
        """Prepare a transaction that has just begun."""

    @abstractmethod
    def lock(self, user_ids: UserIds) -> None:
        """Lock the users' rows in order of their keys, and create missing rows."""

    def is_current(self, catalogue: Catalogue) -> bool:
        """Say whether nobody has edited ``catalogue`` since it was read.

        Nobody can where only one may write at a time.
        """
        return True

    def writers(self) -> list[str]:
        """Return the other transactions that have locked or written users.

        There are none where only one may write at a time.
        """
        return []

    @abstractmethod
    def read(self, query: StateQuery) -> Snapshot:
        """Return the answer to ``query``, as of one moment."""

    @abstractmethod
    def days(self, user_ids: UserIds) -> Mapping[Any, Mapping[date, int]]:
        """Return the number of activities by active date, for each user."""

    @abstractmethod
    def nearby(
        self, touched: Mapping[Any, Touched], longest: int
    ) -> Mapping[Any, Nearby]:
        """Return the active dates around the ``touched`` ones of each user.

        None of the users has more than ``longest`` consecutive active dates.
        """

    @abstractmethod
    def longest_elsewhere(
        self, user_id: Any, spans: Sequence[Span], neutral: Collection[date]
    ) -> int:
        """Return the user's longest run outside ``spans``, without a row of each date.

        The ``neutral`` dates break no run.
        """

    def suspects(
        self,
        first: Any,
        last: Any,
        thresholds: Sequence[int],
        undos: Sequence[int],
    ) -> tuple[Collection[Any], Collection[Any]] | None:
        """Return who from ``first`` to ``last`` may differ; None if it cannot tell.

        The second collection has those whose streaks are not the runs of consecutive
        dates. ``thresholds`` are those of the levels, ``undos`` the jobs that took
        others back.
        """
        return None

    @abstractmethod
    def celebration_ids(self, keys: Sequence[UserKey]) -> Mapping[UserKey, int]:
        """Return the ids of the celebrations that exist, by user and dedupe key."""

    def with_replays(
        self, snapshot: Snapshot, replays: Mapping[UserKey, Entry]
    ) -> Snapshot:
        """Return ``snapshot`` with all that the outcomes of these replays need."""
        entries = replays.values()
        keys = celebration_keys(entries)
        return snapshot._replace(
            replays=replays,
            reversed_at=self._reversed_at(entries),
            celebration_ids=self.celebration_ids(keys) if keys else {},
        )

    def _reversed_at(self, entries: Collection[Entry]) -> dict[int | None, datetime]:
        """Return when those entries that do not stand were reversed, by id.

        Another entry may stand in for a reversed one, and be reversed in turn.
        """
        users = {entry.user_id for entry in entries}
        rows = LedgerEntry.objects.using(self.alias).filter(user__in=users)
        times: dict[int | None, datetime] = {}
        latest = {entry.id: entry.id for entry in entries}
        while latest:
            reversals = rows.filter(reverses__in=[*latest])
            reversed_at = dict(reversals.values_list("reverses", "recorded_at"))
            times |= {latest[pk]: at for pk, at in reversed_at.items() if pk}
            keys = {restored_key(pk): latest[pk] for pk in reversed_at}
            restored = rows.filter(key__in=[*keys]).values_list("pk", "key")
            latest = {pk: keys[key or ""] for pk, key in restored}
            for pk in latest.values():
                del times[pk]
        return times

    def ledgers(self, user_ids: UserIds) -> dict[Any, Iterable[PastEntry]]:
        """Return each user's standing entries at their worth, in order of occurrence.

        Short ledgers are read at once. The others are read whenever they are needed.
        """
        entries = LedgerEntry.objects.using(self.alias).filter(user__in=user_ids)
        lengths = entries.order_by().values_list("user").annotate(Count("pk"))
        left, short = ENTRIES_AT_ONCE, dict[Any, list[PastEntry]]()
        for user_id, length in lengths:
            if length <= left:
                left, short[user_id] = left - length, []
        if short:
            for user_id, *values in standing_rows(self.alias, in_order(short)):
                short[user_id].append(PastEntry(*values))
        ledgers = {pk: StoredLedger(self.alias, pk) for pk in user_ids}
        return {**ledgers, **short}

    def entries(self, user_ids: UserIds, *conditions: Q, **lookups: Any) -> list[Entry]:
        """Return the users' entries that meet all conditions, in order of id."""
        rows = LedgerEntry.objects.using(self.alias).filter(user__in=user_ids)
        found = rows.filter(*conditions, **lookups).order_by("id")
        return [Entry(*row) for row in found.values_list(*Entry._fields)]

    def entries_about(self, user_id: Any, entry_id: int) -> list[Entry]:
        """Return an entry of the user with its corrections and its reversal."""
        is_about = Q(pk=entry_id) | Q(corrects=entry_id) | Q(reverses=entry_id)
        return self.entries([user_id], is_about)

    def entries_near(
        self,
        user_id: Any,
        days: Collection[date],
        activity_ids: Collection[int],
        bounded: Collection[int],
    ) -> list[Entry]:
        """Return the user's entries of activities on some dates, in order of id.

        For activities that are not ``bounded``, it returns only reversals, corrections,
        and entries with units that earned nothing.
        """
        may_matter = (
            Q(activity__in=bounded)
            | Q(rewarded__lt=F("quantity"))
            | Q(kind__in=(EntryKind.REVERSAL, EntryKind.CORRECTION))
        )
        return self.entries(
            [user_id], may_matter, activity__in=activity_ids, local_date__in=days
        )

    @abstractmethod
    def encode(self, changesets: Iterable[UserChangeset]) -> Any:
        """Return ``changesets`` in the form that ``write`` takes; None if it is empty.

        It takes one after the other, and needs none of them longer than that. Either
        all of their users have a row, or none of them does.
        """

    @abstractmethod
    def write(self, encoded: Any) -> Written:
        """Write encoded changesets, except those of users whose state has changed."""


def celebration_keys(entries: Iterable[Entry]) -> list[UserKey]:
    """Return the user and dedupe key of each celebration that ``entries`` caused."""
    return [
        (entry.user_id, dedupe_key)
        for entry in entries
        for _, dedupe_key, _ in entry.further_outcome.get("celebrations", ())
    ]
