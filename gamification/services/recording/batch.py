"""Decides about a batch: refuses, replays or books each of its records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, NamedTuple, Self

from gamification.domain.catalogue import ActivityRule
from gamification.domain.changeset import UserChangeset
from gamification.domain.days import Calendar
from gamification.domain.outcomes import Outcome
from gamification.domain.state import Record, Rules, UserState
from gamification.domain.totals import TotalOutOfRangeError
from gamification.exceptions import (
    GamificationError,
    InactiveActivityError,
    OutOfRangeError,
    UnknownActivityError,
    UserExcludedError,
)
from gamification.models.users import in_order
from gamification.services.validation import (
    in_future,
    key_conflict,
    too_old,
    unknown_user,
)
from gamification.storage import Snapshot, StateQuery, Written
from gamification.storage.base import UserKey
from gamification.suggestions import did_you_mean, shown

#: The result of a record: its outcome, or the error that refused it.
Result = Outcome | GamificationError


@dataclass(frozen=True, slots=True)
class Batch:
    """Records to decide together, by their places among the results."""

    records: Mapping[int, Record]
    now: datetime
    #: A new record must have occurred between these two instants.
    oldest: datetime
    newest: datetime
    celebrate: bool
    user_ids: Sequence[Any]

    @classmethod
    def of(
        cls,
        records: Mapping[int, Record],
        now: datetime,
        *,
        oldest: datetime,
        newest: datetime,
        celebrate: bool,
    ) -> Self:
        """Return the batch of ``records``."""
        user_ids = in_order(record.user_id for record in records.values())
        return cls(records, now, oldest, newest, celebrate, user_ids)

    def only(self, user_ids: Collection[Any]) -> Self:
        """Return the part of the batch that belongs to these users."""
        chosen = {
            place: record
            for place, record in self.records.items()
            if record.user_id in user_ids
        }
        return replace(self, records=chosen, user_ids=in_order(user_ids))

    def query(self, calendar: Calendar) -> StateQuery:
        """Return the query for all that the decision needs."""
        records = self.records.values()
        instants = [record.occurred_at for record in records]
        return StateQuery(
            self.user_ids,
            calendar,
            keys=[(r.user_id, r.key) for r in records if r.key is not None],
            activities={record.activity for record in records},
            earliest=min(instants),
            latest=max(instants),
        )


class NewRecord(NamedTuple):
    """A record to be booked, with its place, its activity, and the user's date."""

    place: int
    record: Record
    activity: ActivityRule
    day: date


@dataclass(slots=True)
class BatchDecision:
    """The result of each record of a batch."""

    #: Refusals and replays, by place.
    results: dict[int, Result] = field(default_factory=dict)
    #: Places of records that repeat an earlier key, with the place of the first use.
    repeats: dict[int, int] = field(default_factory=dict)
    changesets: dict[Any, UserChangeset] = field(default_factory=dict)
    #: Booked records by user, in the order of the outcomes of the changeset.
    new: dict[Any, list[NewRecord]] = field(default_factory=dict)

    @property
    def undated(self) -> list[Any]:
        """Users whose ledger is missing, but needed to date their unlocks."""
        changesets = self.changesets.items()
        return [user_id for user_id, each in changesets if each.needs_ledger]

    def raise_first(self) -> None:
        """Raise the error of the first refused record, if any."""
        for _, result in sorted(self.results.items()):
            if isinstance(result, GamificationError):
                raise result

    def leave_out(self, user_ids: Collection[Any]) -> None:
        """Drop the changesets of users for whom another decision follows."""
        for user_id in user_ids:
            self.changesets.pop(user_id, None)

    def followed_by(self, later: Self) -> Self:
        """Return both decisions; ``later`` is about the users left out here."""
        return self.__class__(
            self.results | later.results,
            self.repeats | later.repeats,
            self.changesets | later.changesets,
            self.new | later.new,
        )

    def results_of(self, written: Written | None) -> dict[int, Result]:
        """Return the results by place; outcomes have ids if ``written`` is given."""
        results = dict(self.results)
        for user_id, changeset in self.changesets.items():
            outcomes = (
                written.outcomes_of(changeset) if written else changeset.plain_outcomes
            )
            for new, outcome in zip(self.new[user_id], outcomes, strict=True):
                results[new.place] = outcome
        for place, first in self.repeats.items():
            result = results[first]
            if isinstance(result, Outcome):
                result = replace(result, replayed=True)
            results[place] = result
        return results


def late_users(batch: Batch, snapshot: Snapshot) -> list[Any]:
    """Return users with a new record that is earlier than their last active date.

    The decision needs the ``days`` of their states.
    """
    last: dict[Any, date] = {}
    late: dict[Any, None] = {}
    for record in sorted(batch.records.values(), key=_occurred_at):
        state = snapshot.states.get(record.user_id)
        activity = snapshot.catalogue.activities.get(record.activity)
        if state and activity and activity.extends_streak:
            day = state.calendar.date_of(record.occurred_at)
            latest = last.get(record.user_id) or state.streak.last_active_on
            if latest and day < latest:
                late[record.user_id] = None
            last[record.user_id] = day
    return list(late)


def decide_batch(batch: Batch, snapshot: Snapshot, rules: Rules) -> BatchDecision:
    """Return the decision about each record of ``batch``.

    ``snapshot`` is the answer to the batch's query, with ``days`` for ``late_users``.
    """
    decision = BatchDecision()
    uses: dict[UserKey, tuple[int, str]] = {}
    for place, record in batch.records.items():
        try:
            if not _is_used(place, record, uses, snapshot, decision):
                new = _admit(place, record, batch, snapshot)
                decision.new.setdefault(record.user_id, []).append(new)
                if record.key is not None:
                    uses[record.user_id, record.key] = place, record.fingerprint
        except GamificationError as error:
            decision.results[place] = error.with_traceback(None)
    for user_id, records in decision.new.items():
        records.sort(key=lambda each: each.record.occurred_at)
        _book(snapshot.states[user_id], records, batch, rules, decision)
    return decision


def _occurred_at(record: Record) -> datetime:
    return record.occurred_at


def _is_used(
    place: int,
    record: Record,
    uses: Mapping[UserKey, tuple[int, str]],
    snapshot: Snapshot,
    decision: BatchDecision,
) -> bool:
    """Say whether this request used the key before; raise if another one did."""
    if record.key is None:
        return False
    user_key = record.user_id, record.key
    entry, use = snapshot.replays.get(user_key), uses.get(user_key)
    used = entry.fingerprint if entry else use[1] if use else record.fingerprint
    if used != record.fingerprint:
        raise key_conflict(record.key)
    if entry:
        decision.results[place] = snapshot.replayed(entry)
    elif use:
        decision.repeats[place] = use[0]
    return bool(entry or use)


def _admit(place: int, record: Record, batch: Batch, snapshot: Snapshot) -> NewRecord:
    """Return ``record`` with its activity and date, or raise the error it causes."""
    if record.occurred_at < batch.oldest:
        raise too_old(record.occurred_at)
    if record.occurred_at > batch.newest:
        raise in_future(record.occurred_at)
    state = snapshot.states.get(record.user_id)
    if state is None:
        raise unknown_user(record.user_id)
    if state.is_excluded:
        raise UserExcludedError
    key = record.activity
    activity = snapshot.catalogue.activities.get(key)
    if activity is None:
        known = snapshot.catalogue.activities
        message = f"No activity has the key {shown(key)}.{did_you_mean(key, known)}"
        raise UnknownActivityError(message, activity=key)
    if not activity.is_active:
        message = f"The activity {shown(key)} is switched off."
        raise InactiveActivityError(message, activity=key)
    day = state.calendar.date_of(record.occurred_at)
    return NewRecord(place, record, activity, day)


def _book(
    state: UserState,
    new: Sequence[NewRecord],
    batch: Batch,
    rules: Rules,
    decision: BatchDecision,
) -> None:
    """Book a user's new records, in order of time, or refuse all of them."""
    changeset = UserChangeset(state, rules, batch.now, celebrate=batch.celebrate)
    try:
        for _, record, activity, day in new:
            changeset.record(record, activity, day)
    except TotalOutOfRangeError:
        decision.results |= {each.place: OutOfRangeError() for each in new}
    else:
        decision.changesets[state.user_id] = changeset
