"""Changes of one user by anything but records: staff, corrections, awards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.state import UserState
from gamification.domain.totals import TotalOutOfRangeError
from gamification.exceptions import (
    IdempotencyConflictError,
    OutOfRangeError,
    UnknownUserError,
)
from gamification.models import write_alias
from gamification.services.unit_of_work import (
    Change,
    Decision,
    decide_once,
    numbered,
    perform,
    restored,
)
from gamification.storage import Snapshot, StateQuery, Store, Written

#: Adds to a changeset what was asked; where there is nothing to do, returns why.
Act = Callable[[UserChangeset, Snapshot], Outcome | None]


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

    def _plan(self, catalogue: Catalogue) -> StateQuery:
        keys = [(self.user_id, self.key)] if self.key is not None else []
        return StateQuery([self.user_id], conf.default_calendar, keys=keys)

    def _decide(self, snapshot: Snapshot, store: Store) -> Decision[list[Outcome]]:
        if replayed := self._replayed(snapshot, store):
            return Decision([], lambda written: replayed, None)
        state = snapshot.states.get(self.user_id)
        if state is None:
            raise UnknownUserError
        if self.needs_days:
            state.days = store.days([self.user_id])[self.user_id]
        idle: list[Outcome] = []

        def decide_all() -> list[UserChangeset]:
            changeset = self._fold(state, snapshot)
            outcome = self._act(changeset, snapshot)
            idle[:] = [outcome] if outcome else []
            return [changeset] if changeset.entries else []

        changesets = decide_once(decide_all, snapshot, store)

        def answer(written: Written) -> list[Outcome]:
            return numbered(changesets, written) or idle

        return Decision(changesets, answer, self._announce if self.celebrate else None)

    def _replayed(self, snapshot: Snapshot, store: Store) -> list[Outcome]:
        """Return the first outcome if the key was used for this request before."""
        entry = snapshot.replays.get((self.user_id, self.key or ""))
        if entry is None:
            return []
        if entry.fingerprint != self.fingerprint:
            raise IdempotencyConflictError(key=self.key)
        return restored([entry], store)

    def _fold(self, state: UserState, snapshot: Snapshot) -> UserChangeset:
        rules, now = conf.rules(snapshot.catalogue), timezone.now()
        return UserChangeset(state, rules, now, celebrate=self.celebrate)

    def _act(self, changeset: UserChangeset, snapshot: Snapshot) -> Outcome | None:
        try:
            return self.act(changeset, snapshot)
        except TotalOutOfRangeError as error:
            raise OutOfRangeError from error

    def _announce(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if not outcome.replayed:
                self.announce(outcome)


def unchanged(state: UserState, entry: Entry | None = None) -> Outcome:
    """Return the outcome of a request that was granted before, by ``entry``."""
    return Outcome(
        entry=entry,
        credited=entry.amount if entry else 0,
        withheld=None,
        total_xp=state.total_xp,
        level_before=state.level,
        level=state.level,
        current_streak=state.streak.current,
        longest_streak=state.streak.longest,
        replayed=True,
    )
