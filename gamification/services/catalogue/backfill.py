"""Awarding achievements to those who earned them before they could be earned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.backfill import BackfillChangeset, PastEntry, earns
from gamification.domain.catalogue import AchievementRule, AchievementStatus, Catalogue
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Outcome
from gamification.domain.totals import TotalOutOfRangeError
from gamification.exceptions import AchievementNotActiveError
from gamification.models import Achievement, LedgerEntry, write_alias
from gamification.services.catalogue.backfill_preview import qualifying_users
from gamification.services.corrections.awards import find_achievement
from gamification.services.dispatch import announce
from gamification.services.players.explanations import stored_achievement
from gamification.services.unit_of_work import (
    Change,
    Decision,
    decide_once,
    numbered,
    perform,
    wrap_database_errors,
)
from gamification.services.user_batches import check_batch_size, next_users
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_id_of,
    check_text,
)
from gamification.storage import Snapshot, StateQuery, Store

#: Users that one transaction locks, and whose ledgers are in memory at a time.
USERS_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class BackfillProgress:
    """How far a backfill has come."""

    #: Users who got the achievement.
    awarded: int = 0
    #: XP that was credited, with that of what followed.
    xp: int = 0
    #: Other achievements that followed from it.
    followed: int = 0
    #: Users who would earn it and come later.
    remaining: int = 0
    #: The user after whom to go on; None when all is done.
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
    celebrate: bool = False,
    after: UserRef | None = None,
    limit: int = 1_000,
) -> BackfillProgress:
    """Give the achievement to the next ``limit`` users who earned it before.

    Users come in order of their keys; ``after`` is that of the last one who had a
    turn. Each is given it as of when the ledger first met it (now, if the ledger does
    not tell) with all that follows, but if they got it, or ceased to earn it,
    meanwhile. So it can be repeated from anywhere, and changes nothing more. Nothing
    is celebrated or announced unless ``celebrate``. ``actor`` is who of the staff
    does it.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError`` for a draft or a
    retired one, ``UnknownUserError``, ``InvalidTextError``, ``StorageError``, and
    ``ValueError`` for a ``limit`` below 1.
    """
    check_batch_size(limit)
    check_text("note", note, longest=MAX_NOTE)
    actor_id, alias = actor_id_of(actor), write_alias()
    with wrap_database_errors(alias):
        waiting = qualifying_users(active_achievement(achievement))
    user_ids, last = next_users(waiting, after=after, limit=limit)
    outcomes = list[Outcome]()
    for first in range(0, len(user_ids), USERS_AT_ONCE):
        page = user_ids[first : first + USERS_AT_ONCE]
        outcomes += _Award(achievement, page, actor_id, note, celebrate).perform()
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
    celebrate: bool = False,
    batch_size: int = 10_000,
    progress: Callable[[BackfillProgress], None] | None = None,
) -> BackfillProgress:
    """Give the achievement to everybody who earned it before, batch by batch.

    ``progress`` is called with what became of each batch. If it is interrupted, it
    can be called again. Otherwise as ``backfill_achievement``.
    """
    total, is_done = BackfillProgress(), False
    while not is_done:
        batch = backfill_achievement(
            achievement,
            actor=actor,
            note=note,
            celebrate=celebrate,
            after=total.after,
            limit=batch_size,
        )
        total, is_done = total + batch, batch.after is None
        if progress:
            progress(batch)
    return total


@dataclass(frozen=True, slots=True)
class _Award:
    """An award to some users who seem to have earned it, in one transaction."""

    achievement: str
    user_ids: Sequence[Any]
    actor_id: Any
    note: str
    celebrate: bool

    def perform(self) -> list[Outcome]:
        """Return the outcome of each user who got it."""
        return perform(Change(write_alias(), self.user_ids, self._plan, self._decide))

    def _plan(self, catalogue: Catalogue) -> StateQuery:
        # It may be outdated here, and is asked for again if it is.
        rule = catalogue.achievements.get(self.achievement)
        tallies = [rule.activity_id] if rule and rule.activity_id else []
        return StateQuery(self.user_ids, conf.default_calendar, tallies=tallies)

    def _decide(self, snapshot: Snapshot, store: Store) -> Decision[list[Outcome]]:
        rule = find_achievement(snapshot.catalogue, self.achievement)
        seen = [pk for pk in self.user_ids if pk in snapshot.states]
        states = [snapshot.states[pk] for pk in seen]
        if rule.status != AchievementStatus.ACTIVE:
            states = []
        earned = [state for state in states if earns(state, rule)]
        ledgers = ledgers_of([state.user_id for state in earned])
        rules, now = conf.rules(snapshot.catalogue), timezone.now()

        def decide_all() -> list[UserChangeset]:
            changesets = [
                BackfillChangeset(
                    s, rules, now, ledgers[s.user_id], celebrate=self.celebrate
                )
                for s in earned
            ]
            return [
                changeset for changeset in changesets if self._award(changeset, rule)
            ]

        changesets = decide_once(decide_all, snapshot, store)
        announce_all = _announce if self.celebrate else None
        return Decision(changesets, partial(numbered, changesets), announce_all)

    def _award(self, changeset: BackfillChangeset, rule: AchievementRule) -> bool:
        """Award ``rule``; say whether the user's total can be kept."""
        try:
            changeset.award_earned(rule, actor_id=self.actor_id, note=self.note)
        except TotalOutOfRangeError:
            return False
        return True


def active_achievement(key: str) -> Achievement:
    """Return the achievement with this key, which can be earned.

    Raises ``UnknownAchievementError``, ``AchievementNotActiveError``.
    """
    row = stored_achievement(key)
    if row.status != AchievementStatus.ACTIVE:
        raise AchievementNotActiveError(achievement=key)
    return row


def ledgers_of(user_ids: Sequence[Any]) -> dict[Any, list[PastEntry]]:
    """Return all entries of each user, in the order in which they were recorded."""
    ledgers: dict[Any, list[PastEntry]] = {user_id: [] for user_id in user_ids}
    entries = LedgerEntry.objects.using(write_alias()).filter(user__in=user_ids)
    rows = entries.order_by("id").values_list("user_id", *PastEntry._fields)
    for user_id, *values in rows:
        ledgers[user_id].append(PastEntry(*values))
    return ledgers


def _announce(outcomes: Iterable[Outcome]) -> None:
    for outcome in outcomes:
        announce(outcome)
