"""The way of records through one transaction: plan, decide, answer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.recording import Fold, TotalOutOfRangeError
from gamification.domain.rules import Catalogue
from gamification.domain.standing import Record
from gamification.exceptions import (
    GamificationError,
    IdempotencyConflictError,
    InactiveActivityError,
    OutOfRangeError,
    UnknownActivityError,
    UnknownUserError,
)
from gamification.services.announcing import announce_records
from gamification.services.records import Request
from gamification.services.requests import write_alias
from gamification.services.transactions import (
    Change,
    Decision,
    fold_once,
    perform,
    rules_for,
)
from gamification.storage import Query, Snapshot, Store, Written
from gamification.storage.base import UserKey, in_order

#: What became of a record.
Result = Outcome | GamificationError

#: A record with its place among the results and the user's date.
Dated = tuple[int, Record, date]

#: An instant's local date is at most this far from its date in UTC.
_MARGIN = timedelta(days=2)


class Intake:
    """Records that are decided and written together.

    With ``strict``, the first that is refused raises its error and none is written;
    otherwise its error stands in its place among the results.
    """

    def __init__(
        self,
        checked: Sequence[Request | GamificationError],
        *,
        celebrate: bool,
        strict: bool,
    ) -> None:
        self.checked = checked
        self.celebrate = celebrate
        self.strict = strict
        self.now = timezone.now()
        self._requests = [item for item in checked if isinstance(item, Request)]
        self._user_ids = in_order(request.user_id for request in self._requests)

    def perform(self) -> list[Result]:
        """Return what became of each record, in the order in which they came."""
        if not self._requests:
            return [item for item in self.checked if not isinstance(item, Request)]
        return perform(Change(write_alias(), self._user_ids, self._plan, self._decide))

    def _plan(self, catalogue: Catalogue) -> Query:
        names = {request.activity for request in self._requests}
        known = catalogue.activities
        rules = [known[name] for name in names if name in known]
        dates = [request.occurred_at.date() for request in self._requests]
        cooldowns = (rule.cooldown or 0 for rule in rules)
        margin = _MARGIN + timedelta(seconds=max(cooldowns, default=0))
        return Query(
            self._user_ids,
            conf.default_calendar,
            keys=[(r.user_id, r.key) for r in self._requests if r.key is not None],
            tallies=[rule.id for rule in rules],
            limited=[rule.id for rule in rules if rule.daily_limit is not None],
            cooled=[rule.id for rule in rules if rule.cooldown is not None],
            since=min(dates) - margin,
            until=max(dates) + margin,
        )

    def _decide(self, snapshot: Snapshot, store: Store) -> Decision[list[Result]]:
        return Ruling(self, snapshot, store).decide()


class Ruling:
    """One try at deciding an intake, from one snapshot."""

    def __init__(self, intake: Intake, snapshot: Snapshot, store: Store) -> None:
        self._intake = intake
        self._snapshot = snapshot
        self._store = store
        self._rules = rules_for(snapshot.catalogue)
        self._results: dict[int, Result] = {}
        self._pending: dict[Any, list[Dated]] = defaultdict(list)
        #: First use of each key within the intake, and repetitions of it.
        self._first_use: dict[UserKey, tuple[int, str]] = {}
        self._repeats: list[tuple[int, int]] = []
        self._replays: list[tuple[int, Entry]] = []

    def decide(self) -> Decision[list[Result]]:
        """Sort the records out, and fold those that are new."""
        for index, item in enumerate(self._intake.checked):
            if isinstance(item, GamificationError):
                self._results[index] = item
            else:
                self._sort(index, item)
        self._restore_replays()
        folds = self._fold_all()
        return Decision(
            folds, lambda written: self._answer(folds, written), self._announce
        )

    def _sort(self, index: int, request: Request) -> None:
        try:
            if not self._is_repeat(index, request):
                self._admit(index, request)
        except GamificationError as error:
            self._refuse(index, error)

    def _refuse(self, index: int, error: GamificationError) -> None:
        if self._intake.strict:
            raise error
        self._results[index] = error

    def _is_repeat(self, index: int, request: Request) -> bool:
        """Say whether the key was used for this request; raise if for another."""
        if request.key is None:
            return False
        user_key = (request.user_id, request.key)
        if entry := self._snapshot.replays.get(user_key):
            self._replays.append((index, entry))
            used = entry.fingerprint
        else:
            use = (index, request.fingerprint)
            first, used = self._first_use.setdefault(user_key, use)
            if first == index:
                return False
            self._repeats.append((index, first))
        if used != request.fingerprint:
            (self._replays if entry else self._repeats).pop()
            raise IdempotencyConflictError(key=request.key)
        return True

    def _admit(self, index: int, request: Request) -> None:
        """Put a new record among those of its user."""
        standing = self._snapshot.standings.get(request.user_id)
        if standing is None:
            raise UnknownUserError
        activity = self._snapshot.catalogue.activities.get(request.activity)
        if activity is None:
            message = f"No activity has the key {request.activity!r}."
            raise UnknownActivityError(message, activity=request.activity)
        if not activity.is_active:
            message = f"The activity {request.activity!r} is switched off."
            raise InactiveActivityError(message, activity=request.activity)
        record = Record(
            request.user_id,
            activity,
            request.quantity,
            request.occurred_at,
            request.key,
            request.fingerprint,
            request.source,
        )
        day = standing.calendar.date_of(request.occurred_at)
        self._pending[request.user_id].append((index, record, day))

    def _fold_all(self) -> list[Fold]:
        for items in self._pending.values():
            items.sort(key=lambda item: item[1].occurred_at)
        self._load_days()
        return fold_once(
            lambda: [
                fold for user_id in self._pending if (fold := self._fold(user_id))
            ],
            self._snapshot,
            self._store,
        )

    def _load_days(self) -> None:
        """Give those standings their days into whose past a record falls."""
        late = [
            user_id
            for user_id, items in self._pending.items()
            if self._is_late(user_id, items)
        ]
        for user_id, days in (self._store.days(late) if late else {}).items():
            self._snapshot.standings[user_id].days = days

    def _is_late(self, user_id: Any, items: Sequence[Dated]) -> bool:
        last = self._snapshot.standings[user_id].streak.last_active_on or date.min
        for _, record, day in items:
            if record.activity.extends_streak:
                if day < last:
                    return True
                last = day
        return False

    def _fold(self, user_id: Any) -> Fold | None:
        """Return the changes of one user; None if they would not fit."""
        intake, items = self._intake, self._pending[user_id]
        standing = self._snapshot.standings[user_id]
        fold = Fold(standing, self._rules, intake.now, celebrate=intake.celebrate)
        try:
            for _, record, day in items:
                fold.record(record, day)
        except TotalOutOfRangeError:
            for index, _, _ in items:
                self._refuse(index, OutOfRangeError())
            return None
        return fold

    def _restore_replays(self) -> None:
        """Put the first outcome of each replay among the results."""
        kept = [
            (entry.user_id, notice[1])
            for _, entry in self._replays
            for notice in (entry.outcome or {}).get("celebrations", ())
        ]
        ids = self._store.celebrated(kept) if kept else {}
        for index, entry in self._replays:
            own = {
                key: pk
                for (user_id, key), pk in ids.items()
                if user_id == entry.user_id
            }
            self._results[index] = Outcome.restore(entry, own)

    def _answer(self, folds: Sequence[Fold], written: Written) -> list[Result]:
        entry_ids = iter(written.entry_ids)
        for fold in folds:
            outcomes = fold.numbered(entry_ids, written.celebration_ids)
            items = self._pending[fold.standing.user_id]
            for (index, _, _), outcome in zip(items, outcomes, strict=True):
                self._results[index] = outcome
        for index, first in self._repeats:
            result = self._results[first]
            if isinstance(result, Outcome):
                result = replace(result, replayed=True)
            self._results[index] = result
        return [result for _, result in sorted(self._results.items())]

    def _announce(self, results: Sequence[Result]) -> None:
        if self._intake.celebrate:
            announce_records(results)
