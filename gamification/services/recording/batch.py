"""Decides about a batch: refuses, replays or books each of its records."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Self, TypeAlias

from gamification.domain.changeset import UserChangeset
from gamification.domain.conditions import AttributeValue
from gamification.domain.days import Calendar
from gamification.domain.nearby import Touched
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
from gamification.services.recording.attributes import check_declared
from gamification.services.validation import (
    in_future,
    key_conflict,
    too_old,
    unknown_user,
)
from gamification.storage import Snapshot, StateQuery, Written
from gamification.storage.queries import UserKey
from gamification.suggestions import did_you_mean_or_known, shown

#: The values of ``Record``, in their order.
RecordValues: TypeAlias = tuple[
    Any,
    str,
    int,
    datetime,
    str | None,
    str,
    str,
    Mapping[str, AttributeValue] | None,
]

#: The rest of an outcome that nobody reads: its XP, its number of unlocks, and whether
#: the record was a replay. Thousands of plain tuples cost the garbage collector
#: nothing.
Earned: TypeAlias = tuple[int, int, bool]

#: The result of a record: its outcome, or the error that refused it.
Result: TypeAlias = Outcome | Earned | GamificationError


class Terms(NamedTuple):
    """The terms that hold for all records of one call."""

    now: datetime
    #: A new record must have occurred between these two instants.
    oldest: datetime
    newest: datetime
    celebrate: bool
    #: Whether the records are imported: boosts leave them out unless they say so.
    is_import: bool = False


class Batch(NamedTuple):
    """Records to decide together, by their places among the results.

    They are plain tuples with the values of ``Record``, of which the garbage collector
    needs to keep no track.
    """

    records: Mapping[int, RecordValues]
    terms: Terms
    user_ids: Sequence[Any]
    #: Whether to look up which keys were used before, or leave that to the database.
    looks_up_keys: bool = True

    @classmethod
    def of(cls, records: Mapping[int, RecordValues], terms: Terms) -> Self:
        """Return the batch of ``records``."""
        user_ids = in_order({record[0] for record in records.values()})
        return cls(records, terms, user_ids)

    def only(self, user_ids: Collection[Any]) -> Self:
        """Return the part of the batch that belongs to these users."""
        if len(user_ids) == len(self.user_ids):
            return self
        wanted = {*user_ids}
        chosen = {
            place: record
            for place, record in self.records.items()
            if record[0] in wanted
        }
        return self._replace(records=chosen, user_ids=in_order(user_ids))

    def instant_of(self, place: int) -> datetime:
        """Return when the record at ``place`` occurred."""
        return Record(*self.records[place]).occurred_at

    def query(self, calendar: Calendar) -> StateQuery:
        """Return the query for all that the decision needs."""
        used: list[UserKey] = []
        activities, instants = set(), set()
        for user_id, activity, _, occurred_at, key, *_ in self.records.values():
            activities.add(activity)
            instants.add(occurred_at)
            if self.looks_up_keys and key is not None:
                used.append((user_id, key))
        return StateQuery(
            self.user_ids,
            calendar,
            keys=used,
            activities=activities,
            earliest=min(instants),
            latest=max(instants),
            said=self._said,
        )

    @property
    def _said(self) -> Mapping[str, AttributeValue] | None:
        """The attributes of the only record; None if there are several records."""
        if len(self.records) > 1:
            return None
        [values] = self.records.values()
        return Record(*values).attributes or {}


@dataclass(slots=True)
class BatchDecision:
    """The result of each record of a batch."""

    #: Whether outcomes are read, and have the ids of their rows.
    has_ids: bool = True
    #: Refusals and replays by place, and also what was earned unless outcomes are read.
    results: dict[int, Result] = field(default_factory=dict)
    #: Places of records that repeat an earlier key, with the place of the first use.
    repeats: dict[int, int] = field(default_factory=dict)
    #: Places of new records by user, in the order of the changeset's outcomes.
    new: dict[Any, tuple[int, ...]] = field(default_factory=dict)
    #: The changesets of the outcomes that are read.
    changesets: dict[Any, UserChangeset] = field(default_factory=dict)
    #: States of users with a record before their last active date, which need the dates
    #: around it, and of those whose unlocks cannot be dated without their ``ledger``.
    late: dict[Any, UserState] = field(default_factory=dict)
    undated: dict[Any, UserState] = field(default_factory=dict)

    def raise_first(self) -> None:
        """Raise the error of the first refused record, if any."""
        for _, result in sorted(self.results.items()):
            if isinstance(result, GamificationError):
                raise result

    def may_refuse_replays(self, batch: Batch) -> bool:
        """Say whether a refused record may have been recorded before, with its key."""
        return not batch.looks_up_keys and any(
            isinstance(result, GamificationError)
            and Record(*batch.records[place]).key is not None
            for place, result in self.results.items()
        )

    def leave_out(self, user_ids: Collection[Any]) -> None:
        """Drop the changesets of users for whom another decision follows."""
        for user_id in user_ids:
            self.changesets.pop(user_id, None)

    def followed_by(self, later: Self) -> Self:
        """Return both decisions; ``later`` is about the users left out here."""
        return self.__class__(
            self.has_ids,
            self.results | later.results,
            self.repeats | later.repeats,
            self.new | later.new,
            self.changesets | later.changesets,
        )

    def keep(self, user_id: Any, changeset: UserChangeset) -> None:
        """Keep the results of a user's new records."""
        if self.has_ids:
            self.changesets[user_id] = changeset
            return
        earned = map(earned_by, changeset.outcomes.values())
        self.results.update(zip(self.new[user_id], earned, strict=True))

    def results_of(self, written: Written) -> dict[int, Result]:
        """Return the results by place, those of each user in the order of booking."""
        results = dict(self.results)
        for user_id, changeset in self.changesets.items():
            outcomes = written.outcomes_of(changeset)
            results.update(zip(self.new[user_id], outcomes, strict=True))
        for place, first in self.repeats.items():
            results[place] = _repeated(results[first])
        return results


def earned_by(result: Outcome | Earned) -> Earned:
    """Return what is left of the result if nobody reads it."""
    if isinstance(result, tuple):
        return result
    return result.xp_gained, len(result.unlocks), result.replayed


def _repeated(first: Result) -> Result:
    """Return the result of a record whose key was used ``first`` in the same batch."""
    if isinstance(first, GamificationError):
        return first
    if isinstance(first, Outcome):
        return replace(first, replayed=True)
    return (*first[:2], True)


def decide_batch(
    batch: Batch, snapshot: Snapshot, *, has_ids: bool = True
) -> BatchDecision:
    """Return which records of ``batch`` are refused, replayed, or new.

    ``snapshot`` is the answer to the batch's query.
    """
    decision = BatchDecision(has_ids)
    uses: dict[UserKey, int] = {}
    new = decision.new
    for place, values in batch.records.items():
        record = Record(*values)
        try:
            if not _is_used(place, record, batch, uses, snapshot, decision):
                check_new(record, batch.terms, snapshot)
                new[record.user_id] = (*new.get(record.user_id, ()), place)
                if record.key is not None:
                    uses[record.user_id, record.key] = place
        except GamificationError as error:
            decision.results[place] = error.with_traceback(None)
    for user_id, places in new.items():
        if len(places) > 1:
            new[user_id] = tuple(sorted(places, key=batch.instant_of))
    return decision


def book(
    batch: Batch, decision: BatchDecision, states: Iterable[UserState], rules: Rules
) -> Iterator[UserChangeset]:
    """Yield the changesets of users with their new records; keep their results.

    It leaves out the users who are late or undated.
    """
    for state in states:
        changeset = _booked(state, batch, rules, decision)
        if changeset is None:
            continue
        if changeset.needs_ledger:
            decision.undated[state.user_id] = state
            continue
        decision.keep(state.user_id, changeset)
        yield changeset


def touched_by(batch: Batch, decision: BatchDecision, state: UserState) -> Touched:
    """Return the dates of a user's new records, each of which loses no activity."""
    dates = map(batch.instant_of, decision.new[state.user_id])
    return dict.fromkeys(map(state.calendar.date_of, dates), 0)


def _is_used(
    place: int,
    record: Record,
    batch: Batch,
    uses: Mapping[UserKey, int],
    snapshot: Snapshot,
    decision: BatchDecision,
) -> bool:
    """Say whether this request used the key before; raise if another one did."""
    if record.key is None:
        return False
    user_key = record.user_id, record.key
    entry, first = snapshot.replays.get(user_key), uses.get(user_key)
    used = entry if first is None else Record(*batch.records[first])
    if used and used.fingerprint != record.fingerprint:
        raise key_conflict(record.key)
    if entry:
        decision.results[place] = snapshot.replayed(entry)
    elif first is not None:
        decision.repeats[place] = first
    return used is not None


def check_new(record: Record, terms: Terms, snapshot: Snapshot) -> None:
    """Raise the error that a new record causes, if any."""
    if record.occurred_at < terms.oldest:
        raise too_old(record.occurred_at)
    if record.occurred_at > terms.newest:
        raise in_future(record.occurred_at)
    if record.user_id not in snapshot.states:
        raise unknown_user(record.user_id)
    if record.user_id in snapshot.excluded:
        raise UserExcludedError
    key = record.activity
    activity = snapshot.catalogue.activities.get(key)
    if activity is None:
        hint = did_you_mean_or_known(key, snapshot.catalogue.activities)
        message = f"No activity has the key {shown(key)}.{hint}"
        raise UnknownActivityError(message, activity=key)
    if not activity.is_active:
        message = f"The activity {shown(key)} is switched off."
        raise InactiveActivityError(message, activity=key)
    if record.attributes:
        check_declared(record.attributes, activity)


def _booked(
    state: UserState, batch: Batch, rules: Rules, decision: BatchDecision
) -> UserChangeset | None:
    """Return the changeset of a user's new records, in order of time.

    It refuses the records that would take a total out of its range. None means that the
    user is late, or that no record is left.
    """
    while places := decision.new[state.user_id]:
        waiting = iter(places)
        records = (Record(*batch.records[place]) for place in waiting)
        try:
            return book_records(records, state, rules, batch.terms)
        except MissingDaysError:
            decision.late[state.user_id] = state
            break
        except TotalOutOfRangeError:
            # The record that was taken last.
            refused = places[-1 - len([*waiting])]
            decision.results[refused] = OutOfRangeError()
            left = tuple(place for place in places if place != refused)
            decision.new[state.user_id] = left
    return None


def book_records(
    records: Iterable[Record], state: UserState, rules: Rules, terms: Terms
) -> UserChangeset:
    """Return the changeset of a user's new ``records``, which are in order of time.

    Raises ``MissingDaysError``, ``TotalOutOfRangeError``.
    """
    changeset = UserChangeset(state, rules, terms.now, celebrate=terms.celebrate)
    changeset.is_import = terms.is_import
    activities, date_of = rules.catalogue.activities, state.calendar.date_of
    for record in records:
        day = date_of(record.occurred_at)
        changeset.record(record, activities[record.activity], day)
    return changeset
