"""Gives users the levels of the table in effect, silently and batch by batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import F
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.history import peak_of
from gamification.domain.outcomes import Entry
from gamification.domain.releveling import LevelChangeset, decide_level
from gamification.domain.state import Rules, UserState
from gamification.models import LedgerEntry, UserGamification, write_alias
from gamification.models.users import in_order
from gamification.services.jobs import undone_jobs
from gamification.services.levels.table import (
    current_thresholds,
    misplaced_users,
)
from gamification.services.unit_of_work import attempts, wrap_database_errors
from gamification.services.user_batches import check_batch_size, next_users
from gamification.services.validation import UserRef
from gamification.storage import Snapshot, StateQuery, Store, store_for
from gamification.storage.streaks import load_ledgers

#: Users whom one transaction locks.
USERS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class RelevelProgress:
    """The progress of a change of levels."""

    #: Users whose level has changed, and the XP of what they unlocked.
    moved: int = 0
    xp: int = 0
    #: The last user of this batch; None when all is done.
    after: Any = None

    def __add__(self, later: RelevelProgress) -> RelevelProgress:
        moved, xp = self.moved + later.moved, self.xp + later.xp
        return RelevelProgress(moved, xp, later.after)


def relevel_users(
    *,
    after: UserRef | None = None,
    limit: int = 1_000,
    job_id: int | None = None,
    undone: Sequence[int] | None = None,
) -> RelevelProgress:
    """Give the next ``limit`` users the level that their XP reaches now.

    It is needed after the table of levels has changed. Nothing is celebrated, and no
    signal is sent. Users who rise unlock what they then meet, dated by their ledgers;
    users who fall keep what they hold, and their highest level. Repeating the call
    changes nothing.

    Users come in order of their keys; ``after`` is the last user of the batch before,
    and ``job_id`` the job that does it. ``undone`` has the thresholds of a table that
    is taken back: users then unlock nothing, and their highest level is as it was.
    Raises ``UnknownUserError``, ``StorageError``, and ``ValueError`` for a ``limit``
    below 1.
    """
    check_batch_size(limit)
    store = store_for(write_alias())
    profiles = UserGamification.objects.using(store.alias)
    user_ids, last = next_users(profiles, after=after, limit=limit)
    with wrap_database_errors(store.alias):
        suspects = _suspects(user_ids, is_undone=undone is not None)
    done = RelevelProgress()
    for first in range(0, len(suspects), USERS_AT_ONCE):
        page = suspects[first : first + USERS_AT_ONCE]
        done += _relevel(page, store, job_id, undone)
    return RelevelProgress(done.moved, done.xp, last)


def _suspects(user_ids: Sequence[Any], *, is_undone: bool) -> list[Any]:
    """Return those of ``user_ids`` whose level or highest level may have to change.

    The users are neighbours: no other user's key lies between theirs.
    """
    if not user_ids:
        return []
    between = {"user__gte": user_ids[0], "user__lte": user_ids[-1]}
    suspects = misplaced_users(current_thresholds()).filter(**between)
    if is_undone:
        # Those whose unlocks were taken back have their former level already.
        risen = UserGamification.objects.filter(highest_level__gt=F("level"), **between)
        suspects |= risen
    # The highest total of the others is the present one.
    ledger = LedgerEntry.objects.filter(**between)
    fallen = ledger.filter(amount__lt=0).values_list("user_id", flat=True)
    return in_order({*suspects.values_list("user_id", flat=True), *fallen.distinct()})


def _relevel(
    user_ids: Sequence[Any],
    store: Store,
    job_id: int | None,
    undone: Sequence[int] | None,
) -> RelevelProgress:
    """Give these users their levels, in one transaction."""
    query = StateQuery(user_ids, conf.default_calendar)
    for attempt in attempts(store, user_ids):
        with attempt:
            snapshot = attempt.read(query)
            changesets = _decide(snapshot, store, undone)
            if job_id is not None:
                for changeset in changesets:
                    changeset.mark(job_id)
            attempt.write([each for each in changesets if each.entries])
            _set_levels([each for each in changesets if not each.entries])
    return RelevelProgress(
        sum(each.level != each.state.level for each in changesets),
        sum(entry.amount for each in changesets for entry in each.entries),
    )


def _decide(
    snapshot: Snapshot, store: Store, undone: Sequence[int] | None
) -> list[LevelChangeset]:
    """Return the changesets of the users for whom something changes."""
    states, now = snapshot.states, timezone.now()
    rules, peaks = conf.rules(snapshot.catalogue), _peaks([*states], store)
    if undone is None:
        changesets = _with_unlocks(states, rules, store)
    else:
        changesets = [
            LevelChangeset(states[pk], rules, now, celebrate=False)
            for pk in in_order(states)
        ]
    for each in changesets:
        usual = (each.total_xp, each.total_xp)
        peak, reached = peaks.get(each.state.user_id, usual)
        if undone is None:
            each.raise_peak(peak)
        else:
            each.lower_peak(peak, reached, undone)
    return [each for each in changesets if each.is_needed]


def _with_unlocks(
    states: Mapping[Any, UserState], rules: Rules, store: Store
) -> list[LevelChangeset]:
    """Return the changesets of all users, with what those who rise unlock."""
    now = timezone.now()
    changesets = {pk: decide_level(states[pk], rules, now) for pk in in_order(states)}
    dated = [pk for pk, each in changesets.items() if each.needs_ledger]
    load_ledgers([states[user_id] for user_id in dated], rules.catalogue, store)
    for user_id in dated:
        changesets[user_id] = decide_level(states[user_id], rules, now)
    return [*changesets.values()]


def _peaks(user_ids: Sequence[Any], store: Store) -> Mapping[Any, tuple[int, int]]:
    """Return the highest total of those users who ever lost XP.

    The second number includes what was given by jobs that were taken back later.
    """
    rows = LedgerEntry.objects.using(store.alias).filter(user__in=user_ids)
    fallen = rows.filter(amount__lt=0).values_list("user_id", flat=True).distinct()
    ledgers: dict[Any, list[Entry]] = {user_id: [] for user_id in fallen}
    if not ledgers:
        return {}
    for entry in store.entries([*ledgers]):
        ledgers[entry.user_id].append(entry)
    undone = undone_jobs()
    return {
        user_id: (peak_of(ledger, undone), peak_of(ledger, {}))
        for user_id, ledger in ledgers.items()
    }


def _set_levels(changesets: Sequence[LevelChangeset]) -> None:
    """Store the levels of locked users for whom there is nothing else to write."""
    users = defaultdict[tuple[int, int], list[Any]](list)
    for each in changesets:
        users[each.level, each.highest_level].append(each.state.user_id)
    rows, now = UserGamification.objects.all(), timezone.now()
    for (level, highest_level), user_ids in users.items():
        rows.filter(user__in=user_ids).update(
            level=level,
            highest_level=highest_level,
            version=F("version") + 1,
            updated_at=now,
        )
