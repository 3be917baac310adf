"""Recalculates XP: corrects past records to today's rewards and limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.decisions import decide_recalculation
from gamification.domain.outcomes import Reason
from gamification.domain.recalculation import Due, day_worth
from gamification.domain.rules import ActivityRule
from gamification.exceptions import StaleEditError
from gamification.models import UserGamification, write_alias
from gamification.models.users import in_order
from gamification.services.balance.recalculation.scope import (
    RecalculationScope,
    find_dues,
    numbers_tag,
)
from gamification.services.unit_of_work import attempts, wrap_database_errors
from gamification.services.user_batches import check_batch_size, next_users
from gamification.services.validation import (
    UserRef,
    actor_id_of,
    check_notes,
)
from gamification.storage import Snapshot, StateQuery, Store, store_for
from gamification.storage.catalogue import load_catalogue
from gamification.storage.streaks import load_ledgers

#: Users whom one transaction locks.
USERS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class RecalculationProgress:
    """The progress of a recalculation."""

    #: Users whose records were corrected.
    corrected: int = 0
    #: Users who were skipped, because their total would have left its range.
    skipped: int = 0
    #: XP added less XP taken, including the XP of unlocks.
    xp: int = 0
    #: The last user of this batch; None when all is done.
    after: Any = None

    def __add__(self, later: RecalculationProgress) -> RecalculationProgress:
        return RecalculationProgress(
            self.corrected + later.corrected,
            self.skipped + later.skipped,
            self.xp + later.xp,
            later.after,
        )

    @property
    def seen(self) -> int:
        """Users whose records had to be corrected."""
        return self.corrected + self.skipped


def recalculate_xp(
    scope: RecalculationScope,
    *,
    actor: UserRef | None = None,
    note: str = "",
    internal_note: str = "",
    expected: str | None = None,
    after: UserRef | None = None,
    limit: int = 1_000,
    job_id: int | None = None,
) -> RecalculationProgress:
    """Correct past records of the next ``limit`` users to today's rewards and limits.

    For each record that today would be worth more or less, a correction adds or takes
    the difference. Reversals, days, leaderboards and totals take it into account;
    tallies and streaks stay as they are. Users whose total would fall below 0 are
    skipped. Repeating the call changes nothing. It creates no celebrations.

    Users come in order of their keys; ``after`` is the last user of the batch before.
    ``expected`` is the tag of the preview: if staff have edited an activity since, the
    call raises ``StaleEditError``. ``actor`` is the staff member who acts, and
    ``job_id`` the job that does. Users read the ``note``, only staff read the
    ``internal_note``.

    Raises ``UnknownActivityError``, ``StaleEditError``, ``UnknownUserError``,
    ``InvalidTextError``, ``StorageError``, and ``ValueError`` for a ``limit`` below 1.
    """
    check_batch_size(limit)
    check_notes(note, internal_note)
    reason = Reason(actor_id_of(actor), note, internal_note)
    store = store_for(write_alias())
    profiles = UserGamification.objects.using(store.alias)
    user_ids, last = next_users(profiles, after=after, limit=limit)
    with wrap_database_errors(store.alias):
        wrong = _users_to_correct(scope, user_ids, store, expected)
    done = RecalculationProgress()
    for first in range(0, len(wrong), USERS_AT_ONCE):
        page = wrong[first : first + USERS_AT_ONCE]
        done += _correct_users(scope, page, store, reason, expected, job_id=job_id)
    return replace(done, after=last)


def _users_to_correct(
    scope: RecalculationScope,
    user_ids: Sequence[Any],
    store: Store,
    expected: str | None,
) -> list[Any]:
    """Return those of ``user_ids`` who have a record of the wrong worth.

    The users are neighbours: no other user's key lies between theirs.
    """
    rules = _rules(scope, load_catalogue(store.alias), expected)
    if not user_ids:
        return []
    by_id = {rule.id: rule for rule in rules}
    between = {"user__gte": user_ids[0], "user__lte": user_ids[-1]}
    sums = scope.sums(rules).filter(**between)
    suspects = {
        user_id
        for user_id, origin, units, rewarded, xp in sums.values_list(
            "user_id", "origin", "units", "paid", "xp"
        )
        if day_worth(by_id[origin], units=units, rewarded=rewarded) != xp
    }
    for rule in rules:
        # Each boosted record is rounded by itself, which sums do not tell.
        other = ~Q(xp_reward=rule.xp_reward) | Q(boosts__isnull=False)
        records = scope.records([rule]).filter(other)
        suspects |= {*records.filter(**between).values_list("user_id", flat=True)}
    return in_order(find_dues(scope, rules, in_order(suspects), store))


def _correct_users(
    scope: RecalculationScope,
    user_ids: Sequence[Any],
    store: Store,
    reason: Reason,
    expected: str | None,
    job_id: int | None,
) -> RecalculationProgress:
    """Correct the records of these users that are still wrong, in one transaction."""
    query = StateQuery(user_ids, conf.default_calendar, activities=None)
    for attempt in attempts(store, user_ids):
        with attempt:
            snapshot = attempt.read(query)
            rules = _rules(scope, snapshot.catalogue, expected)
            dues = find_dues(scope, rules, [*snapshot.states], store)
            changesets = _decide(snapshot, dues, store, reason)
            if job_id is not None:
                for changeset in changesets:
                    changeset.mark(job_id)
            attempt.write(changesets)
    return RecalculationProgress(
        corrected=len(changesets),
        skipped=len(dues) - len(changesets),
        xp=sum(entry.amount for each in changesets for entry in each.entries),
    )


def _rules(
    scope: RecalculationScope, catalogue: Catalogue, expected: str | None
) -> list[ActivityRule]:
    rules = scope.rules(catalogue)
    if expected not in {None, numbers_tag(rules)}:
        raise StaleEditError
    return rules


def _decide(
    snapshot: Snapshot, dues: Mapping[Any, Sequence[Due]], store: Store, reason: Reason
) -> list[UserChangeset]:
    """Return the corrections of users, in order, except those without room for them."""
    states, catalogue, now = snapshot.states, snapshot.catalogue, timezone.now()
    rules = conf.rules(catalogue)
    changesets = {
        pk: decide_recalculation(states[pk], dues[pk], rules, now, reason)
        for pk in in_order(dues)
    }
    undated = [pk for pk, each in changesets.items() if each and each.needs_ledger]
    load_ledgers([states[pk] for pk in undated], catalogue, store)
    for pk in undated:
        again = decide_recalculation(states[pk], dues[pk], rules, now, reason)
        changesets[pk] = again
    return [each for each in changesets.values() if each]
