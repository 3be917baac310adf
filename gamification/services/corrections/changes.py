"""Helpers for all corrections: changesets, replays, and unchanged outcomes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, Outcome
from gamification.domain.state import UserState
from gamification.domain.totals import TotalOutOfRangeError
from gamification.exceptions import (
    OutOfRangeError,
    SelfAwardError,
    UserExcludedError,
)
from gamification.services.validation import key_conflict, unknown_user
from gamification.storage import Snapshot, Store
from gamification.storage.streaks import load_ledgers


def find_state(snapshot: Snapshot, user_id: Any) -> UserState:
    """Return the state of the user, or raise ``UnknownUserError``."""
    state = snapshot.states.get(user_id)
    if state is None:
        raise unknown_user(user_id)
    return state


def new_changeset(
    snapshot: Snapshot, state: UserState, *, celebrate: bool = True
) -> UserChangeset:
    """Return an empty changeset for the user with this state."""
    rules = conf.rules(snapshot.catalogue)
    return UserChangeset(state, rules, timezone.now(), celebrate=celebrate)


def load_ledger(changeset: UserChangeset, store: Store) -> bool:
    """Load the ledger if ``changeset`` needs it; say if it must be made again."""
    state = changeset.state
    if changeset.needs_ledger:
        load_ledgers([state], changeset.rules.catalogue, store)
    return changeset.needs_ledger


def check_award(state: UserState, actor_id: Any) -> None:
    """Raise an error unless ``actor_id`` may give the user something.

    Raises ``UserExcludedError``, ``SelfAwardError``.
    """
    if state.is_excluded:
        raise UserExcludedError
    check_self(state, actor_id)


def check_self(state: UserState, actor_id: Any) -> None:
    """Raise ``SelfAwardError`` if the actor is the user, unless the site allows it."""
    check_not_self(state.user_id, actor_id)


def check_not_self(user_id: Any, actor_id: Any) -> None:
    """Raise ``SelfAwardError`` if the two are one, unless the site allows it."""
    if user_id == actor_id and not conf.ALLOW_SELF_AWARDS:
        raise SelfAwardError


@contextmanager
def keeping_in_range() -> Iterator[None]:
    """Raise ``OutOfRangeError`` if a total leaves the range that can be stored."""
    try:
        yield
    except TotalOutOfRangeError as error:
        raise OutOfRangeError from error


def find_replay(
    snapshot: Snapshot, user_id: Any, key: str | None, fingerprint: str
) -> Outcome | None:
    """Return the first outcome of this request if its key was used before, or None.

    Raises ``IdempotencyConflictError`` if the key was used for another request.
    """
    entry = snapshot.replays.get((user_id, key or ""))
    if entry is None:
        return None
    if entry.fingerprint != fingerprint:
        raise key_conflict(key)
    return snapshot.replayed(entry)


def unchanged(state: UserState, entry: Entry | None = None) -> Outcome:
    """Return the outcome of a request that ``entry`` has already granted."""
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
