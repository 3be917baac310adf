"""Decides about a batch: refuses, replays or books each of its records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from gamification.domain.changeset import UserChangeset
from gamification.domain.days import Calendar
from gamification.domain.outcomes import Outcome
from gamification.domain.state import Record, Rules, UserState
from gamification.domain.totals import MissingDaysError, TotalOutOfRangeError
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
        wanted = {*user_ids}
        chosen = {
            place: record
            for place, record in self.records.items()
            if record.user_id in wanted
        }
        return replace(self, records=chosen, user_ids=in_order(user_ids))

    def query(self, calendar: Calendar, *, keys: bool) -> StateQuery:
        """Return the query for all that the decision needs; used ``keys`` if asked."""
        records = self.records.values()
        keyed = (each for each in records if keys and each.key is not None)
        instants = [record.occurred_at for record in records]
        return StateQuery(
            self.user_ids,
            calendar,
            keys=[(record.user_id, str(record.key)) for record in keyed],
            activities={record.activity for record in records},
            earliest=min(instants),
            latest=max(instants),
        )


@dataclass(slots=True)
class BatchDecision:
    """The result of each record of a batch."""

    #: Refusals and replays, by place.
    results: dict[int, Result] = field(default_factory=dict)
    #: Places of records that repeat an earlier key, with the place of the first use.
    repeats: dict[int, int] = field(default_factory=dict)
    changesets: dict[Any, UserChangeset] = field(default_factory=dict)
    #: Places of booked records by user, in the order of the changeset's outcomes.
    new: dict[Any, list[int]] = field(default_factory=dict)
    #: Users with a record before their last active date; their states need ``days``.
    late: list[Any] = field(default_factory=list)

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
            results.update(zip(self.new[user_id], outcomes, strict=True))
        for place, first in self.repeats.items():
            result = results[first]
            if isinstance(result, Outcome):
                result = replace(result, replayed=True)
            results[place] = result
        return results


def decide_batch(batch: Batch, snapshot: Snapshot, rules: Rules) -> BatchDecision:
    """Return the decision about each record of ``batch``.

    ``snapshot`` is the answer to the batch's query. It leaves out users who are late.
    """
    decision = BatchDecision()
    uses: dict[UserKey, int] = {}
    for place, record in batch.records.items():
        try:
            if not _is_used(place, batch, uses, snapshot, decision):
                _check(record, batch, snapshot)
                decision.new.setdefault(record.user_id, []).append(place)
                if record.key is not None:
                    uses[record.user_id, record.key] = place
        except GamificationError as error:
            decision.results[place] = error.with_traceback(None)
    for user_id, places in decision.new.items():
        places.sort(key=lambda place: batch.records[place].occurred_at)
        _book(snapshot.states[user_id], places, batch, rules, decision)
    return decision


def _is_used(
    place: int,
    batch: Batch,
    uses: Mapping[UserKey, int],
    snapshot: Snapshot,
    decision: BatchDecision,
) -> bool:
    """Say whether this request used the key before; raise if another one did."""
    record = batch.records[place]
    if record.key is None:
        return False
    user_key = record.user_id, record.key
    entry, first = snapshot.replays.get(user_key), uses.get(user_key)
    used = entry if first is None else batch.records[first]
    if used and used.fingerprint != record.fingerprint:
        raise key_conflict(record.key)
    if entry:
        decision.results[place] = snapshot.replayed(entry)
    elif first is not None:
        decision.repeats[place] = first
    return used is not None


def _check(record: Record, batch: Batch, snapshot: Snapshot) -> None:
    """Raise the error that a new record causes, if any."""
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


def _book(
    state: UserState,
    places: Sequence[int],
    batch: Batch,
    rules: Rules,
    decision: BatchDecision,
) -> None:
    """Book a user's new records, in order of time, or refuse all of them."""
    changeset = UserChangeset(state, rules, batch.now, celebrate=batch.celebrate)
    try:
        for place in places:
            record = batch.records[place]
            activity = rules.catalogue.activities[record.activity]
            day = state.calendar.date_of(record.occurred_at)
            changeset.record(record, activity, day)
    except MissingDaysError:
        decision.late.append(state.user_id)
    except TotalOutOfRangeError:
        decision.results |= {place: OutOfRangeError() for place in places}
    else:
        decision.changesets[state.user_id] = changeset
