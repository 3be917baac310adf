"""Reversals: they take back records and adjustments with all that they earned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, timedelta
from math import ceil
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet

from gamification import signals
from gamification.conf import conf
from gamification.domain.changeset import UserChangeset
from gamification.domain.history import StandingEntry, standing_entries
from gamification.domain.limits import freed_units
from gamification.domain.outcomes import Entry, EntryKind, Outcome, Reason
from gamification.domain.rules import ActivityRule
from gamification.domain.state import UserState
from gamification.exceptions import (
    NotReversibleError,
    UnknownEntryError,
    UnknownUserError,
)
from gamification.models import LedgerEntry, write_alias
from gamification.services.corrections.awards import rewards_of
from gamification.services.corrections.changes import (
    find_state,
    keeping_in_range,
    load_ledger,
    new_changeset,
    unchanged,
)
from gamification.services.dispatch import announce_on_commit
from gamification.services.unit_of_work import attempts, wrap_database_errors
from gamification.services.validation import (
    MAX_ID,
    UserRef,
    actor_key_of,
    check_actor,
    check_notes,
    check_text,
    digest,
    user_id_of,
)
from gamification.storage import Snapshot, StateQuery, Store, store_for
from gamification.storage.nearby import load_nearby
from gamification.suggestions import shown

#: Kinds of entries that can be reversed by themselves.
REVERSIBLE: Final = (EntryKind.ACTIVITY, EntryKind.ADJUSTMENT)

#: The alternative to a reversal, for the other kinds.
_INSTEAD: Final[Mapping[str, str]] = {
    EntryKind.ACHIEVEMENT: "revoke the achievement instead.",
    EntryKind.CORRECTION: "it goes with the entry that it corrects.",
    EntryKind.REVERSAL: "record what happened again, under a new key.",
}

_SECONDS_A_DAY: Final = 86_400


def reverse_entry(
    user: UserRef,
    *,
    entry_id: int,
    fingerprint: str | None = None,
    actor: UserRef | None = None,
    note: str = "",
    internal_note: str = "",
) -> Outcome:
    """Reverse an entry of the user's ledger, with its corrections, on its own date.

    The user is credited units of other records that a limit or a cooldown withheld
    because of the entry, and loses ``revocable`` achievements that only the entry had
    earned. If the entry was already reversed, nothing changes and the outcome is
    marked as replayed. To take back the reward of an achievement, call
    ``revoke_achievement``. The user reads the ``note``, only staff read the
    ``internal_note``.

    Pass the ``entry_fingerprint`` of the entry that you looked at: after a restore of
    the database, another entry can have the same id, and is then refused.

    Raises ``UnknownEntryError``, ``NotReversibleError`` for rewards, corrections and
    reversals, ``UnknownUserError``, ``InvalidTextError``, ``StorageError``.
    """
    user_id, actor_id = user_id_of(user), actor_key_of(actor)
    check_notes(note, internal_note)
    reason = Reason(actor_id, note, internal_note)
    if type(entry_id) is not int:
        message = f"entry_id is {shown(entry_id)}, not the id of an entry."
        raise UnknownEntryError(message, entry_id=entry_id)
    if not 0 < entry_id <= MAX_ID:
        raise _unknown_entry(entry_id)
    store = store_for(write_alias())
    for attempt in attempts(store, [user_id], optimistic=True):
        with attempt, keeping_in_range():
            snapshot = attempt.read(_query(user_id))
            check_actor(actor_id)
            state = find_state(snapshot, user_id)
            entries = store.entries_about(user_id, entry_id)
            done = _reversal_in(entries, entry_id, fingerprint)
            outcome = unchanged(state, done)
            if done is None:
                targets = [*standing_entries(entries)]
                changeset = reversal_changes(snapshot, state, targets, store, reason)
                [outcome] = attempt.write([changeset]).outcomes_of(changeset)
    announce_on_commit(store.alias, [outcome], signal=signals.entry_reversed)
    return outcome


def reverse_source(
    user: UserRef,
    *,
    source: str,
    actor: UserRef | None = None,
    note: str = "",
    internal_note: str = "",
) -> list[Outcome]:
    """Reverse all that the user earned from ``source``, such as a deleted object.

    It skips entries that were already reversed, so the call can be repeated. Returns an
    outcome for each entry; see ``reverse_entry``.

    Raises ``InvalidTextError``, ``UnknownUserError``, ``StorageError``.
    """
    reason = _check_source(source, actor, note, internal_note)
    return _reverse_source(user_id_of(user), source, reason)


def reverse_source_for_everyone(
    *,
    source: str,
    actor: UserRef | None = None,
    note: str = "",
    internal_note: str = "",
) -> list[Outcome]:
    """Reverse all that anybody earned from ``source``.

    It works like ``reverse_source``, with one transaction per user. A user who is
    deleted meanwhile is skipped.
    """
    reason = _check_source(source, actor, note, internal_note)
    alias = write_alias()
    earners = _unreversed_entries(source).order_by("user_id")
    with wrap_database_errors(alias):
        user_ids = list(earners.values_list("user_id", flat=True).distinct())
    outcomes = list[Outcome]()
    for user_id in user_ids:
        try:
            outcomes += _reverse_source(user_id, source, reason)
        except UnknownUserError:
            # It is an error only if the actor is the one who is gone.
            with wrap_database_errors(alias):
                check_actor(reason.actor_id)
    return outcomes


def _reverse_source(user_id: Any, source: str, reason: Reason) -> list[Outcome]:
    store = store_for(write_alias())
    for attempt in attempts(store, [user_id], optimistic=True):
        with attempt, keeping_in_range():
            snapshot = attempt.read(_query(user_id))
            check_actor(reason.actor_id)
            state = find_state(snapshot, user_id)
            standing = standing_entries(store.entries([user_id], source=source))
            targets = [each for each in standing if each.entry.kind in REVERSIBLE]
            outcomes = list[Outcome]()
            if targets:
                changeset = reversal_changes(snapshot, state, targets, store, reason)
                outcomes = attempt.write([changeset]).outcomes_of(changeset)
            else:
                attempt.write([])
    announce_on_commit(store.alias, outcomes, signal=signals.entry_reversed)
    return outcomes


def reversal_changes(
    snapshot: Snapshot,
    state: UserState,
    targets: Sequence[StandingEntry],
    store: Store,
    reason: Reason,
) -> UserChangeset:
    """Return the changeset that reverses ``targets``, in their order.

    It reads the parts of the user's history that the changeset needs.
    """
    catalogue = snapshot.catalogue
    chosen = catalogue.chosen_activities
    counting = [each.entry for each in targets if each.entry.extends_streak]
    if counting or any(each.entry.activity_id in chosen for each in targets):
        touched = Counter(entry.local_date for entry in counting)
        load_nearby([(state, touched)], catalogue, store)
    revocable = [
        rule.id
        for rule in catalogue.achievements.values()
        if rule.revocable and rule.id in state.held
    ]
    rewards = rewards_of(state.user_id, revocable, store)
    rules = {rule.id: rule for rule in catalogue.activities.values()}
    room = _room(targets, rules, store)
    changeset = new_changeset(snapshot, state)
    changeset.reverse(targets, room=room, rewards=rewards, reason=reason)
    if load_ledger(changeset, store):
        return reversal_changes(snapshot, state, targets, store, reason)
    return changeset


def _room(
    targets: Sequence[StandingEntry], rules: Mapping[int, ActivityRule], store: Store
) -> list[tuple[StandingEntry, int]]:
    """Return records that earn more XP once ``targets`` are reversed, with units."""
    standing, room = _others(targets, rules, store), []
    for target in targets:
        activity = rules.get(target.entry.activity_id or 0)
        if activity is None:
            continue
        others = [
            each for each in standing.values() if each.entry.activity_id == activity.id
        ]
        for each, units in freed_units(target.entry, others, activity):
            rewarded = each.rewarded + units
            standing[each.entry.id] = each._replace(rewarded=rewarded)
            room.append((each, units))
    return room


def _others(
    targets: Sequence[StandingEntry], rules: Mapping[int, ActivityRule], store: Store
) -> dict[int | None, StandingEntry]:
    """Return unreversed records near ``targets`` that may earn XP after them."""
    entries = [each.entry for each in targets if each.entry.activity_id in rules]
    if not entries:
        return {}
    days = {
        day
        for entry in entries
        for day in _days_around(entry, rules[entry.activity_id or 0])
    }
    activities = {entry.activity_id for entry in entries if entry.activity_id}
    bounded = [
        pk
        for pk in activities
        if rules[pk].daily_limit is not None or rules[pk].cooldown is not None
    ]
    # Without a limit or a cooldown today, only units that were withheld can earn XP.
    near = store.entries_near(entries[0].user_id, days, activities, bounded)
    reversed_ids = {entry.id for entry in entries}
    return {
        each.entry.id: each
        for each in standing_entries(near)
        if each.entry.id not in reversed_ids
    }


def _days_around(entry: Entry, rule: ActivityRule) -> Iterator[date]:
    """Yield the dates of records that may earn XP once ``entry`` is reversed."""
    reach = ceil(2 * (rule.cooldown or 0) / _SECONDS_A_DAY)
    for days in range(-reach, reach + 1):
        yield entry.local_date + timedelta(days=days)


def _query(user_id: Any) -> StateQuery:
    return StateQuery([user_id], conf.default_calendar, activities=None)


def _reversal_in(
    entries: Sequence[Entry], entry_id: int, fingerprint: str | None
) -> Entry | None:
    """Return the reversal of the entry with this id, or None.

    Raises ``UnknownEntryError``, ``NotReversibleError``.
    """
    found = {entry.id: entry for entry in entries}
    if entry_id not in found:
        raise _unknown_entry(entry_id)
    if fingerprint not in {None, entry_fingerprint(found[entry_id])}:
        message = (
            f"Entry {entry_id} is not the entry that you looked at: read the ledger "
            "again."
        )
        raise UnknownEntryError(message, entry_id=entry_id)
    if (kind := found[entry_id].kind) not in REVERSIBLE:
        message = f"Entry {entry_id} cannot be reversed by itself: {_INSTEAD[kind]}"
        raise NotReversibleError(message, entry_id=entry_id)
    return next((each for each in entries if each.reverses == entry_id), None)


def entry_fingerprint(entry: Entry | LedgerEntry) -> str:
    """Return a digest of what never changes in an entry; an id can be reused."""
    return digest(
        str(entry.user_id),
        entry.kind,
        entry.amount,
        entry.activity_id,
        entry.quantity,
        entry.occurred_at.astimezone(UTC),
        entry.recorded_at.astimezone(UTC),
    )


def _unknown_entry(entry_id: object) -> UnknownEntryError:
    message = f"The user's ledger has no entry {shown(entry_id)}."
    return UnknownEntryError(message, entry_id=entry_id)


def _check_source(
    source: str, actor: UserRef | None, note: str, internal_note: str
) -> Reason:
    """Return the reason, or raise an error for an invalid argument."""
    check_text("source", source, required=True)
    check_notes(note, internal_note)
    return Reason(actor_key_of(actor), note, internal_note)


def _unreversed_entries(source: str) -> QuerySet[LedgerEntry]:
    """Return the entries of ``source`` that can be reversed and have not been."""
    ledger = LedgerEntry.objects.all()
    reversal = ledger.filter(user=OuterRef("user"), reverses=OuterRef("pk"))
    entries = ledger.filter(source=source, kind__in=REVERSIBLE)
    return entries.filter(~Exists(reversal))
