"""Adjustments, with which staff add or take XP."""

from __future__ import annotations

from typing import Any

from gamification import signals
from gamification.conf import conf
from gamification.domain.boosting import boosted_adjustment
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, EntryKind, Outcome, Reason
from gamification.domain.state import UserState
from gamification.exceptions import (
    InsufficientXPError,
)
from gamification.models import write_alias
from gamification.services.corrections.changes import (
    check_self,
    find_replay,
    find_state,
    keeping_in_range,
    load_ledger,
    new_changeset,
)
from gamification.services.dispatch import announce_on_commit
from gamification.services.unit_of_work import (
    attempts,
)
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_key_of,
    check_actor,
    check_amount,
    check_key,
    check_notes,
    check_text,
    fingerprint,
    user_id_of,
)
from gamification.storage import Snapshot, StateQuery, Store, store_for


def adjust_xp(
    user: UserRef,
    *,
    amount: int,
    note: str = "",
    internal_note: str = "",
    actor: UserRef | None = None,
    key: str | None = None,
    celebrate: bool = True,
) -> Outcome:
    """Add ``amount`` of XP, or take it if negative, and say why.

    The user reads the ``note``, only staff read the ``internal_note``; one of them is
    required. A ``key`` makes repeated calls safe: only the first one changes anything.
    ``actor`` is the staff member who acts.

    Raises ``InsufficientXPError`` if the total would fall below 0, ``SelfAwardError``
    if the actor is the user, ``InvalidAmountError``, ``InvalidTextError`` without a
    note, and the errors of ``record_activity``.
    """
    user_id, actor_id = user_id_of(user), actor_key_of(actor)
    check_amount(amount)
    check_notes(note, internal_note)
    check_text("note", note or internal_note, longest=MAX_NOTE, required=True)
    reason = Reason(actor_id, note, internal_note)
    digest = ""
    if check_key(key) is not None:
        digest = fingerprint("adjustment", amount, *reason)
    keys = [(user_id, key)] if key is not None else []
    query = StateQuery([user_id], conf.default_calendar, keys=keys)
    store = store_for(write_alias())
    for attempt in attempts(store, [user_id], optimistic=True):
        with attempt, keeping_in_range():
            snapshot = attempt.read(query)
            outcome = find_replay(snapshot, user_id, key, digest)
            if outcome is None:
                check_actor(actor_id)
                changeset = adjustment_changes(
                    snapshot,
                    find_state(snapshot, user_id),
                    amount,
                    store,
                    celebrate=celebrate,
                    key=key,
                    fingerprint=digest,
                    reason=reason,
                )
                [outcome] = attempt.write([changeset]).outcomes_of(changeset)
    assert outcome  # noqa: S101 - an attempt was done
    if celebrate:
        announce_on_commit(store.alias, [outcome], signal=signals.xp_adjusted)
    return outcome


def adjustment_changes(
    snapshot: Snapshot,
    state: UserState,
    amount: int,
    store: Store,
    *,
    celebrate: bool,
    reason: Reason,
    **fields: Any,
) -> UserChangeset:
    """Return the changes of an adjustment, whose entry has these ``fields``.

    Raises ``InsufficientXPError``, ``SelfAwardError``.
    """
    check_self(state, reason.actor_id)
    _check_balance(state, amount)
    changeset = new_changeset(snapshot, state, celebrate=celebrate)
    entry = _adjustment(changeset, amount)._replace(**fields, **reason._asdict())
    entry = boosted_adjustment(changeset, entry)
    changeset.adjust(entry)
    if load_ledger(changeset, store):
        changeset = new_changeset(snapshot, state, celebrate=celebrate)
        changeset.adjust(entry)
    return changeset


def _check_balance(state: UserState, amount: int) -> None:
    balance = state.total_xp
    if amount < 0 and balance + amount < 0:
        message = f"The user has {balance} XP; {-amount} cannot be taken."
        raise InsufficientXPError(message, balance=balance)


def _adjustment(changeset: UserChangeset, amount: int) -> Entry:
    return Entry(
        id=None,
        user_id=changeset.state.user_id,
        kind=EntryKind.ADJUSTMENT.value,
        amount=amount,
        occurred_at=changeset.now,
        local_date=changeset.state.calendar.date_of(changeset.now),
        recorded_at=changeset.now,
    )
