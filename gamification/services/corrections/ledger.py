"""Corrections: what staff add, and what is taken back."""

from __future__ import annotations

from functools import partial

from django.db.models import Exists, OuterRef, QuerySet

from gamification import signals
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, EntryKind, Outcome
from gamification.exceptions import (
    InsufficientXPError,
    NotReversibleError,
    UnknownEntryError,
)
from gamification.models import LedgerEntry, write_alias
from gamification.services.corrections.changes import UserChange, unchanged
from gamification.services.dispatch import announce_as
from gamification.services.unit_of_work import wrap_database_errors
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_id_of,
    check_amount,
    check_key,
    check_text,
    fingerprint,
    user_id_of,
)
from gamification.storage import Snapshot
from gamification.storage.base import entry_values

#: Entries that can be taken back by themselves.
_REVERSIBLE = (EntryKind.ACTIVITY, EntryKind.ADJUSTMENT)


def adjust_xp(
    user: UserRef,
    *,
    amount: int,
    note: str,
    actor: UserRef | None = None,
    key: str | None = None,
    celebrate: bool = True,
) -> Outcome:
    """Add ``amount`` of XP (or take, if negative) with a ``note`` that says why.

    With a ``key`` it is done once, however often it is tried. ``actor`` is who of the
    staff does it.

    Raises ``InsufficientXPError`` if the total would fall below 0,
    ``InvalidAmountError``, ``InvalidTextError`` for an empty note, and the errors of
    ``record_activity``.
    """
    user_id, actor_id = user_id_of(user), actor_id_of(actor)
    check_amount(amount)
    check_text("note", note, longest=MAX_NOTE, required=True)
    digest = ""
    if check_key(key) is not None:
        digest = fingerprint("adjustment", amount, note, actor_id)

    def act(changeset: UserChangeset, snapshot: Snapshot) -> Outcome | None:
        balance = changeset.state.total_xp
        if amount < 0 and balance + amount < 0:
            message = f"The user has {balance} XP; {-amount} cannot be taken."
            raise InsufficientXPError(message, balance=balance)
        changeset.adjust(
            Entry(
                id=None,
                user_id=user_id,
                kind=EntryKind.ADJUSTMENT,
                amount=amount,
                occurred_at=changeset.now,
                local_date=changeset.state.calendar.date_of(changeset.now),
                recorded_at=changeset.now,
                key=key,
                fingerprint=digest,
                actor_id=actor_id,
                note=note,
            )
        )
        return None

    change = UserChange(
        user_id,
        act,
        partial(announce_as, signals.xp_adjusted),
        key=key,
        fingerprint=digest,
        celebrate=celebrate,
    )
    return change.perform()[0]


def reverse_entry(
    user: UserRef, *, entry_id: int, actor: UserRef | None = None, note: str = ""
) -> Outcome:
    """Take back what an entry of the user's ledger credited, on its own date.

    An entry is taken back once; after that nothing changes, and the outcome is marked
    as replayed. The reward of an achievement goes with ``revoke_achievement``.

    Raises ``UnknownEntryError``, ``NotReversibleError`` for rewards and reversals,
    ``UnknownUserError``, ``InvalidTextError``, ``StorageError``.
    """
    user_id, actor_id = user_id_of(user), actor_id_of(actor)
    check_text("note", note, longest=MAX_NOTE)
    if type(entry_id) is not int or not 0 < entry_id < 2**63:
        raise UnknownEntryError

    def act(changeset: UserChangeset, snapshot: Snapshot) -> Outcome | None:
        row = _ledger().filter(user=user_id, pk=entry_id).first()
        if row is None:
            raise UnknownEntryError(entry_id=entry_id)
        if row.kind not in _REVERSIBLE:
            raise NotReversibleError(entry_id=entry_id)
        done = _ledger().filter(user=user_id, reverses=entry_id).first()
        if done:
            return unchanged(changeset.state, Entry(*entry_values(done)))
        changeset.reverse(Entry(*entry_values(row)), actor_id=actor_id, note=note)
        return None

    change = UserChange(
        user_id, act, partial(announce_as, signals.entry_reversed), needs_days=True
    )
    return change.perform()[0]


def reverse_source(
    user: UserRef | None, *, source: str, actor: UserRef | None = None, note: str = ""
) -> list[Outcome]:
    """Take back all that came from ``source``, such as an object that was deleted.

    ``user`` limits it to one user; None means everybody, each in a transaction of
    their own. What was taken back before is left alone, so that it can be repeated;
    achievements that were unlocked on the way stay. Returns an outcome per entry.

    Raises ``InvalidTextError``, ``UnknownUserError``, ``StorageError``.
    """
    check_text("source", source, required=True)
    check_text("note", note, longest=MAX_NOTE)
    actor_id = actor_id_of(actor)
    if user is not None:
        user_ids = [user_id_of(user)]
    else:
        earners = _unreversed_entries(source).order_by("user_id")
        with wrap_database_errors(write_alias()):
            user_ids = list(earners.values_list("user_id", flat=True).distinct())

    def act(changeset: UserChangeset, snapshot: Snapshot) -> Outcome | None:
        rows = _unreversed_entries(source).filter(user=changeset.state.user_id)
        for row in rows.order_by("id"):
            changeset.reverse(Entry(*entry_values(row)), actor_id=actor_id, note=note)
        return None

    changes = [
        UserChange(
            user_id, act, partial(announce_as, signals.entry_reversed), needs_days=True
        )
        for user_id in user_ids
    ]
    return [outcome for change in changes for outcome in change.perform()]


def _ledger() -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.using(write_alias())


def _unreversed_entries(source: str) -> QuerySet[LedgerEntry]:
    """Return what came from ``source`` and was not taken back."""
    reversal = _ledger().filter(user=OuterRef("user"), reverses=OuterRef("pk"))
    entries = _ledger().filter(source=source, kind__in=_REVERSIBLE)
    return entries.filter(~Exists(reversal))
