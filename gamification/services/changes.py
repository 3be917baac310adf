"""Changes of one user by anything but records: staff, corrections, awards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.accounts import TotalOutOfRangeError
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.recording import Fold
from gamification.domain.rules import Catalogue
from gamification.domain.standing import Standing
from gamification.exceptions import (
    IdempotencyConflictError,
    OutOfRangeError,
    UnknownUserError,
)
from gamification.services.requests import write_alias
from gamification.services.transactions import (
    Change,
    Decision,
    fold_once,
    numbered,
    perform,
    restored,
)
from gamification.storage import Query, Snapshot, Store, Written

#: Adds to a fold what was asked; where there is nothing to do, returns why.
Act = Callable[[Fold, Snapshot], Outcome | None]


@dataclass(frozen=True, slots=True)
class UserChange:
    """A request to change one user."""

    user_id: Any
    act: Act
    #: Called after commit with the outcome of each entry that was written.
    announce: Callable[[Outcome], None]
    key: str | None = None
    #: Of the request behind the key.
    fingerprint: str = ""
    #: Whether dates may stop to be active, so that all of them must be read.
    needs_days: bool = False
    celebrate: bool = True

    def perform(self) -> list[Outcome]:
        """Make the change; return the outcome of each entry, or that of none."""
        return perform(Change(write_alias(), [self.user_id], self._plan, self._decide))

    def _plan(self, catalogue: Catalogue) -> Query:
        keys = [(self.user_id, self.key)] if self.key is not None else []
        return Query([self.user_id], conf.default_calendar, keys=keys)

    def _decide(self, snapshot: Snapshot, store: Store) -> Decision[list[Outcome]]:
        if replayed := self._replayed(snapshot, store):
            return Decision([], lambda written: replayed, None)
        standing = snapshot.standings.get(self.user_id)
        if standing is None:
            raise UnknownUserError
        if self.needs_days:
            standing.days = store.days([self.user_id])[self.user_id]
        idle: list[Outcome] = []

        def fold_all() -> list[Fold]:
            fold = self._fold(standing, snapshot)
            outcome = self._act(fold, snapshot)
            idle[:] = [outcome] if outcome else []
            return [fold] if fold.entries else []

        folds = fold_once(fold_all, snapshot, store)

        def answer(written: Written) -> list[Outcome]:
            return numbered(folds, written) or idle

        return Decision(folds, answer, self._announce if self.celebrate else None)

    def _replayed(self, snapshot: Snapshot, store: Store) -> list[Outcome]:
        """Return the first outcome if the key was used for this request before."""
        entry = snapshot.replays.get((self.user_id, self.key or ""))
        if entry is None:
            return []
        if entry.fingerprint != self.fingerprint:
            raise IdempotencyConflictError(key=self.key)
        return restored([entry], store)

    def _fold(self, standing: Standing, snapshot: Snapshot) -> Fold:
        rules, now = conf.rules(snapshot.catalogue), timezone.now()
        return Fold(standing, rules, now, celebrate=self.celebrate)

    def _act(self, fold: Fold, snapshot: Snapshot) -> Outcome | None:
        try:
            return self.act(fold, snapshot)
        except TotalOutOfRangeError as error:
            raise OutOfRangeError from error

    def _announce(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if not outcome.replayed:
                self.announce(outcome)


def unchanged(standing: Standing, entry: Entry | None = None) -> Outcome:
    """Return the outcome of a request that was granted before, by ``entry``."""
    return Outcome(
        entry=entry,
        credited=entry.amount if entry else 0,
        withheld=None,
        total_xp=standing.total_xp,
        level_before=standing.level,
        level=standing.level,
        current_streak=standing.streak.current,
        longest_streak=standing.streak.longest,
        replayed=True,
    )
