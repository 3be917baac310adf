"""The decision about many records of many users, from one snapshot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from gamification.conf import conf
from gamification.domain.catalogue import ActivityRule
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.state import Record
from gamification.domain.totals import TotalOutOfRangeError
from gamification.exceptions import (
    GamificationError,
    IdempotencyConflictError,
    InactiveActivityError,
    OutOfRangeError,
    TooOldError,
    UnknownActivityError,
    UnknownUserError,
)
from gamification.services.unit_of_work import restored
from gamification.storage import Snapshot, Store, Written
from gamification.storage.base import UserKey

#: What became of a record.
Result = Outcome | GamificationError

#: A new record: its place among the results, what it is, and the user's date of it.
Item = tuple[int, Record, ActivityRule, date]


class Ruling:
    """Sorts records into refused, replayed and new ones, and changesets the new."""

    def __init__(
        self, snapshot: Snapshot, store: Store, *, celebrate: bool, now: datetime
    ) -> None:
        self._snapshot = snapshot
        self._store = store
        self._celebrate = celebrate
        self._now = now
        self._rules = conf.rules(snapshot.catalogue)
        self._results: dict[int, Result] = {}
        self._folds: dict[Any, UserChangeset] = {}
        self._new: dict[Any, list[Item]] = defaultdict(list)
        #: The first use of each key among the records, and the places of the others.
        self._uses: dict[UserKey, tuple[int, str]] = {}
        self._repeats: dict[int, int] = {}
        self._replays: dict[int, Entry] = {}

    def sort(self, records: Iterable[tuple[int, Record]], oldest: datetime) -> None:
        """Sort records, each with its place.

        A new one must not have occurred before ``oldest``.
        """
        for index, record in records:
            self._sort(index, record, oldest)
        for items in self._new.values():
            items.sort(key=lambda item: item[1].occurred_at)
        self._restore_replays()
        self._load_days()

    def raise_first(self) -> None:
        """Raise the error of the first record that was refused, if one was."""
        for _, result in sorted(self._results.items()):
            if isinstance(result, GamificationError):
                raise result

    def decide_all(self) -> list[UserChangeset]:
        """Return the changes of each user."""
        self._folds = {}
        for user_id, items in self._new.items():
            state = self._snapshot.states[user_id]
            changeset = UserChangeset(
                state, self._rules, self._now, celebrate=self._celebrate
            )
            try:
                for _, record, activity, day in items:
                    changeset.record(record, activity, day)
            except TotalOutOfRangeError:
                self._results |= {index: OutOfRangeError() for index, *_ in items}
            else:
                self._folds[user_id] = changeset
        return list(self._folds.values())

    def leave(self, user_ids: Collection[Any]) -> None:
        """Leave these users to another ruling."""
        for user_id in user_ids:
            self._folds.pop(user_id, None)

    def results(self, written: Written | None) -> dict[int, Result]:
        """Return what became of records, by their places, with ids if ``written``."""
        for user_id, changeset in self._folds.items():
            outcomes: Iterable[Outcome] = (outcome for _, outcome in changeset.outcomes)
            if written:
                outcomes = written.number(changeset)
            for (index, *_), outcome in zip(self._new[user_id], outcomes, strict=True):
                self._results[index] = outcome
        for index, first in self._repeats.items():
            # It may have been left to another ruling.
            if result := self._results.get(first):
                if isinstance(result, Outcome):
                    result = replace(result, replayed=True)
                self._results[index] = result
        return self._results

    def _sort(self, index: int, record: Record, oldest: datetime) -> None:
        try:
            if record.key is not None and self._is_replay(index, record, record.key):
                return
            if record.occurred_at < oldest:
                raise TooOldError
            self._admit(index, record)
        except GamificationError as error:
            self._results[index] = error.with_traceback(None)

    def _is_replay(self, index: int, record: Record, key: str) -> bool:
        """Say whether the key was used for this request; raise if for another."""
        user_key = (record.user_id, key)
        entry = self._snapshot.replays.get(user_key)
        use = (index, record.fingerprint)
        first, used = self._uses.setdefault(user_key, use)
        if (entry.fingerprint if entry else used) != record.fingerprint:
            raise IdempotencyConflictError(key=key)
        if entry:
            self._replays[index] = entry
        elif first != index:
            self._repeats[index] = first
        return entry is not None or first != index

    def _admit(self, index: int, record: Record) -> None:
        """Put a new record among those of its user."""
        state = self._snapshot.states.get(record.user_id)
        if state is None:
            raise UnknownUserError
        key = record.activity
        activity = self._snapshot.catalogue.activities.get(key)
        if activity is None:
            message = f"No activity has the key {key!r}."
            raise UnknownActivityError(message, activity=key)
        if not activity.is_active:
            message = f"The activity {key!r} is switched off."
            raise InactiveActivityError(message, activity=key)
        day = state.calendar.date_of(record.occurred_at)
        self._new[record.user_id].append((index, record, activity, day))

    def _restore_replays(self) -> None:
        """Put the first outcome of each replay among the results."""
        outcomes = restored(self._replays.values(), self._store)
        self._results |= dict(zip(self._replays, outcomes, strict=True))

    def _load_days(self) -> None:
        """Give those states their days into whose past a record falls."""
        late = [user_id for user_id in self._new if self._is_late(user_id)]
        for user_id, days in (self._store.days(late) if late else {}).items():
            self._snapshot.states[user_id].days = days

    def _is_late(self, user_id: Any) -> bool:
        state = self._snapshot.states[user_id]
        last = state.streak.last_active_on or date.min
        for _, _, activity, day in self._new[user_id]:
            if activity.extends_streak:
                if day < last:
                    return True
                last = day
        return False
