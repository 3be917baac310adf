"""Acts of staff on many users at once: the same act for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from django.dispatch import Signal

from gamification import signals
from gamification.conf import conf
from gamification.domain.changeset import UserChangeset
from gamification.domain.history import StandingEntry, standing_entries
from gamification.domain.keys import own_key
from gamification.domain.outcomes import EntryKind, Reason
from gamification.domain.state import UserState
from gamification.exceptions import GamificationError
from gamification.models import Job, JobKind, write_alias
from gamification.services.corrections.adjustments import adjustment_changes
from gamification.services.corrections.awards import award_changes, revocation_changes
from gamification.services.corrections.changes import (
    check_self,
    find_state,
    keeping_in_range,
)
from gamification.services.corrections.reversals import reversal_changes
from gamification.services.dispatch import announce_on_commit
from gamification.services.unit_of_work import attempts
from gamification.services.validation import check_actor
from gamification.storage import Snapshot, StateQuery, Store, store_for

#: Users whom one transaction locks.
USERS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something to do to each of many users; the other fields depend on the kind."""

    kind: str
    #: Key of the achievement to award or to revoke.
    achievement: str = ""
    #: XP to add, or to take if negative.
    amount: int = 0
    #: Key of the activity whose records to take back; empty means all activities.
    activity: str = ""
    #: First and last of the users' own dates to take back.
    since: date | None = None
    until: date | None = None
    #: Read by the users, and by staff alone.
    note: str = ""
    internal_note: str = ""
    #: Whether users see what they got, and signals are sent.
    celebrate: bool = False

    def parameters(self) -> dict[str, Any]:
        """Return the fields that matter, as JSON."""
        given = {name: value for name, value in asdict(self).items() if value != ""}
        dates = {name: given.pop(name) for name in ("since", "until")}
        shown = {name: day.isoformat() for name, day in dates.items() if day}
        if not given["amount"]:
            del given["amount"]
        del given["kind"]
        return given | shown

    def reason_of(self, actor_id: Any) -> Reason:
        """Return the reason why ``actor_id`` does it."""
        return Reason(actor_id, self.note, self.internal_note)


def act_of(job: Job) -> Act:
    """Return the act of ``job``."""
    given = {**job.parameters}
    for name in ("user", "request"):
        given.pop(name, None)
    for name in ("since", "until"):
        if name in given:
            given[name] = date.fromisoformat(given[name])
    return Act(kind=job.kind, **given)


class UserResult(NamedTuple):
    """The effect of an act on one user."""

    user_id: Any
    xp: int = 0
    #: Why nothing changed; empty if something did.
    reason: str = ""


#: The signal of each act, besides those for unlocks and levels.
_SIGNALS: Final[Mapping[str, Signal | None]] = {
    JobKind.AWARD: None,
    JobKind.REVOCATION: signals.achievement_revoked,
    JobKind.ADJUSTMENT: signals.xp_adjusted,
    JobKind.REVERSAL: signals.entry_reversed,
}


def apply_act(job: Job, user_ids: Sequence[Any], actor_id: Any) -> list[UserResult]:
    """Do the job's act to these users in one transaction; return their results."""
    act, store = act_of(job), store_for(write_alias())
    for attempt in attempts(store, user_ids):
        with attempt:
            snapshot = attempt.read(query_for(user_ids, job.pk))
            check_actor(actor_id)
            changes = {
                user_id: changes_of(
                    act, user_id, snapshot, store, actor_id=actor_id, job=job
                )
                for user_id in user_ids
            }
            made = [each for each in changes.values() if not isinstance(each, str)]
            for changeset in made:
                changeset.mark(job.pk)
            written = attempt.write(made)
    outcomes = [each for changeset in made for each in written.outcomes_of(changeset)]
    if act.celebrate or act.kind in {JobKind.REVOCATION, JobKind.REVERSAL}:
        signal = _SIGNALS[act.kind]
        names = {"achievement": act.achievement} if act.achievement and signal else {}
        announce_on_commit(store.alias, outcomes, signal=signal, **names)
    return [_result(user_id, each) for user_id, each in changes.items()]


def query_for(user_ids: Sequence[Any], job_id: int = 0) -> StateQuery:
    """Return the query for all that an act may need."""
    keys = [(user_id, _key(job_id)) for user_id in user_ids]
    return StateQuery(user_ids, conf.default_calendar, keys=keys, activities=None)


def _key(job_id: int) -> str:
    """Return the key of a job's adjustment, which keeps it from being made twice."""
    return own_key("job", job_id)


def changes_of(
    act: Act,
    user_id: Any,
    snapshot: Snapshot,
    store: Store,
    *,
    actor_id: Any = None,
    job: Job | None = None,
) -> UserChangeset | str:
    """Return the changes of ``act`` for the user, or the reason why there are none."""
    try:
        with keeping_in_range():
            state = find_state(snapshot, user_id)
            return _changes(act, snapshot, state, store, actor_id, job)
    except GamificationError as error:
        return str(error)


def _changes(
    act: Act,
    snapshot: Snapshot,
    state: UserState,
    store: Store,
    actor_id: Any,
    job: Job | None,
) -> UserChangeset | str:
    reason = act.reason_of(actor_id)
    if job and act.kind in {JobKind.AWARD, JobKind.ADJUSTMENT}:
        # Somebody else may run what a staff member began for themselves.
        check_self(state, job.actor_id)
    match act.kind:
        case JobKind.AWARD:
            changes = award_changes(
                snapshot,
                state,
                act.achievement,
                store,
                reason=reason,
                celebrate=act.celebrate,
            )
            return changes or "The user holds it already."
        case JobKind.REVOCATION:
            changes = revocation_changes(
                snapshot, state, act.achievement, store, reason=reason
            )
            return changes or "It was revoked before."
        case JobKind.ADJUSTMENT:
            key = _key(job.pk if job else 0)
            if (state.user_id, key) in snapshot.replays:
                return "The job has adjusted it before."
            return adjustment_changes(
                snapshot,
                state,
                act.amount,
                store,
                celebrate=act.celebrate,
                reason=reason,
                key=key,
            )
    targets = targets_of(act, state, store)
    if not targets:
        return "The user has no such records."
    return reversal_changes(snapshot, state, targets, store, reason)


def targets_of(act: Act, state: UserState, store: Store) -> list[StandingEntry]:
    """Return the user's records that ``act`` takes back."""
    lookups: dict[str, Any] = {"local_date__range": (act.since, act.until)}
    if act.activity:
        # By its key, because the activity may have been deleted since the job began.
        lookups["activity__key"] = act.activity
    entries = store.entries([state.user_id], activity__isnull=False, **lookups)
    standing = standing_entries(entries)
    return [each for each in standing if each.entry.kind == EntryKind.ACTIVITY]


def _result(user_id: Any, changes: UserChangeset | str) -> UserResult:
    if isinstance(changes, str):
        return UserResult(user_id, reason=changes)
    return UserResult(user_id, xp_of(changes))


def xp_of(changeset: UserChangeset) -> int:
    """Return the XP that a changeset adds less the XP that it takes."""
    return sum(entry.amount for entry in changeset.entries)


def total_of(results: Iterable[UserResult]) -> tuple[int, int]:
    """Return the XP of the results, and the number of users who were skipped."""
    results = [*results]
    return sum(each.xp for each in results), sum(bool(each.reason) for each in results)
