"""Backfills achievements: awards them to users who met them in the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.changeset import UserChangeset
from gamification.domain.decisions import decide_backfill
from gamification.domain.outcomes import Outcome, Reason
from gamification.domain.rules import AchievementRule, AchievementStatus
from gamification.models import Achievement, write_alias
from gamification.models.users import in_order
from gamification.services.catalogue.backfill.preview import qualifying_users
from gamification.services.catalogue.lookup import get_definition
from gamification.services.corrections.awards import find_achievement, not_active
from gamification.services.dispatch import announce_on_commit
from gamification.services.unit_of_work import attempts, wrap_database_errors
from gamification.services.user_batches import check_batch_size, next_users
from gamification.services.validation import (
    UserRef,
    actor_id_of,
    check_notes,
)
from gamification.storage import Snapshot, StateQuery, Store, store_for
from gamification.storage.streaks import load_days, load_ledgers

#: Users whom one transaction locks, with their ledgers in memory.
USERS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """The progress of a backfill."""

    #: Users who got the achievement.
    awarded: int = 0
    #: XP credited, including that of further unlocks.
    xp: int = 0
    #: Further achievements that it unlocked.
    followed: int = 0
    #: Qualifying users who are still to come.
    remaining: int = 0
    #: The last user of this batch; None when all is done.
    after: Any = None

    def __add__(self, later: BackfillProgress) -> BackfillProgress:
        return BackfillProgress(
            self.awarded + later.awarded,
            self.xp + later.xp,
            self.followed + later.followed,
            later.remaining,
            later.after,
        )


def backfill_achievement(
    achievement: str,
    *,
    actor: UserRef | None = None,
    note: str = "",
    internal_note: str = "",
    celebrate: bool = False,
    after: UserRef | None = None,
    limit: int = 1_000,
    job_id: int | None = None,
) -> BackfillProgress:
    """Award the achievement to the next ``limit`` users who qualify.

    Users come in the order of their keys; ``after`` is the last user of the batch
    before. The award is dated to when the ledger first satisfied it, or to now if that
    cannot be determined, and everything that follows from it is unlocked too. Users who
    have received it or stopped qualifying in the meantime are skipped, so the call can
    be repeated. Without ``celebrate``, it creates no celebrations and sends no signals.
    ``actor`` is the staff member who acts, and ``job_id`` the job that does. Users read
    the ``note``, only staff read the ``internal_note``.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError`` for a draft or
    retired achievement, ``UnknownUserError``, ``InvalidTextError``, ``StorageError``,
    and ``ValueError`` for a ``limit`` below 1.
    """
    check_batch_size(limit)
    check_notes(note, internal_note)
    reason = Reason(actor_id_of(actor), note, internal_note)
    alias = write_alias()
    with wrap_database_errors(alias):
        waiting = qualifying_users(active_achievement(achievement))
    user_ids, last = next_users(waiting, after=after, limit=limit)
    outcomes = list[Outcome]()
    for first in range(0, len(user_ids), USERS_AT_ONCE):
        page = user_ids[first : first + USERS_AT_ONCE]
        outcomes += _backfill_users(
            achievement, page, reason, celebrate=celebrate, job_id=job_id
        )
    with wrap_database_errors(alias):
        remaining = 0 if last is None else waiting.filter(user__gt=last).count()
    return BackfillProgress(
        awarded=len(outcomes),
        xp=sum(outcome.xp_gained for outcome in outcomes),
        followed=sum(len(outcome.unlocks) - 1 for outcome in outcomes),
        remaining=remaining,
        after=last,
    )


def backfill_everyone(
    achievement: str,
    *,
    actor: UserRef | None = None,
    note: str = "",
    internal_note: str = "",
    celebrate: bool = False,
    batch_size: int = 10_000,
    progress: Callable[[BackfillProgress], None] | None = None,
) -> BackfillProgress:
    """Award the achievement to all users who qualify, batch by batch.

    It calls ``progress`` with the result of each batch. After an interruption, call it
    again. Everything else is as in ``backfill_achievement``.
    """
    total, is_done = BackfillProgress(), False
    while not is_done:
        batch = backfill_achievement(
            achievement,
            actor=actor,
            note=note,
            internal_note=internal_note,
            celebrate=celebrate,
            after=total.after,
            limit=batch_size,
        )
        total, is_done = total + batch, batch.after is None
        if progress:
            progress(batch)
    return total


def _backfill_users(
    achievement: str,
    user_ids: Sequence[Any],
    reason: Reason,
    *,
    celebrate: bool,
    job_id: int | None,
) -> list[Outcome]:
    """Award to those of the users who still qualify, in one transaction."""
    store = store_for(write_alias())
    # Staff may edit the criterion until the users are locked, so read all tallies.
    query = StateQuery(user_ids, conf.default_calendar, activities=None)
    for attempt in attempts(store, user_ids):
        with attempt:
            snapshot = attempt.read(query)
            rule = find_achievement(snapshot.catalogue, achievement)
            changesets = _decide(snapshot, rule, store, reason, celebrate=celebrate)
            if job_id is not None:
                for changeset in changesets:
                    changeset.mark(job_id)
            written = attempt.write(changesets)
    outcomes = [
        each for changeset in changesets for each in written.outcomes_of(changeset)
    ]
    if celebrate:
        announce_on_commit(store.alias, outcomes)
    return outcomes


def _decide(
    snapshot: Snapshot,
    rule: AchievementRule,
    store: Store,
    reason: Reason,
    *,
    celebrate: bool,
) -> list[UserChangeset]:
    """Return the award to each user who qualifies, dated by the user's ledger."""
    if rule.status != AchievementStatus.ACTIVE:
        return []
    states, catalogue = snapshot.states, snapshot.catalogue
    if rule.streak_id is not None:
        load_days(states.values(), catalogue, store)
    rules, now = conf.rules(catalogue), timezone.now()
    qualified = [
        states[pk]
        for pk in in_order(states)
        if UserChangeset(states[pk], rules, now).qualifies(rule) is not False
    ]
    load_ledgers(qualified, catalogue, store)
    return [*decide_backfill(qualified, rule, rules, now, reason, celebrate=celebrate)]


def active_achievement(key: str) -> Achievement:
    """Return the achievement with this key, which must be active.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError``.
    """
    row = get_definition(Achievement, key)
    if row.status != AchievementStatus.ACTIVE:
        raise not_active(key, row.status)
    return row
