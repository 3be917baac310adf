"""Freezes that staff grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.utils import timezone

from gamification.domain.freezes import FreezeKind
from gamification.domain.streak_rules import DAILY, MAX_FREEZES
from gamification.domain.streaks import StreakStatus
from gamification.exceptions import InvalidRequestError
from gamification.models import StreakDefinition, StreakFreeze, write_alias
from gamification.services.corrections.changes import check_award
from gamification.services.streaks.lookup import find_streak, rule_of
from gamification.services.streaks.settling import (
    Loaded,
    load,
    mark_exceptions,
    settle,
)
from gamification.services.streaks.status import status_of
from gamification.services.unit_of_work import attempts
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_key_of,
    check_actor,
    check_key,
    check_text,
    check_whole,
    key_conflict,
    user_id_of,
)
from gamification.storage import store_for


@dataclass(frozen=True, slots=True)
class FreezeGrant:
    """The result of granting freezes."""

    #: How many of them found room in stock, at the first call with the key.
    added: int
    #: The streak afterwards.
    status: StreakStatus
    replayed: bool = False


def grant_freezes(
    user: UserRef,
    amount: int,
    *,
    streak: str = DAILY,
    key: str | None = None,
    actor: UserRef | None = None,
    note: str = "",
) -> FreezeGrant:
    """Give the user freezes for a streak; those that find no room in stock are lost.

    They cover only dates that end from now on. A ``key`` makes repeated calls safe:
    only the first one changes anything. The user reads the ``note``.

    Raises ``UnknownStreakError``, ``InvalidRequestError`` for an amount below 1 or a
    streak that holds no freezes, ``SelfAwardError`` if the actor is the user,
    ``UserExcludedError``, ``IdempotencyConflictError``, ``InvalidTextError``,
    ``UnknownUserError``, ``StorageError``.
    """
    user_id, actor_id = user_id_of(user), actor_key_of(actor)
    check_whole("amount", amount, least=1, most=MAX_FREEZES)
    check_text("note", note, longest=MAX_NOTE)
    check_key(key)
    store = store_for(write_alias())
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            check_actor(actor_id)
            definition = find_streak(streak)
            loaded = load(user_id, store)
            row = used = _used(user_id, definition, key, amount, note)
            if row is None:
                check_award(loaded.state, actor_id)
                _check_cap(definition)
                row = _grant(loaded, definition, amount, key, actor_id, note)
                settle(user_id, store, row.created_at)
                loaded = load(user_id, store)
            rule = rule_of(definition, loaded.catalogue)
            status = status_of(loaded, rule, timezone.now())
            grant = FreezeGrant(_added(row), status, used is not None)
    return grant


def _used(
    user_id: Any, streak: StreakDefinition, key: str | None, amount: int, note: str
) -> StreakFreeze | None:
    """Return the grant with this key, or None.

    Raises ``IdempotencyConflictError`` if the key was used for another request.
    """
    if key is None:
        return None
    row = StreakFreeze.objects.filter(user=user_id, key=key).first()
    asked = (streak.pk, amount, note)
    if row and (row.streak_id, row.amount, row.note) != asked:
        raise key_conflict(key)
    return row


def _check_cap(streak: StreakDefinition) -> None:
    if not streak.freeze_cap:
        message = f"The streak {streak.key!r} holds no freezes: the most in stock is 0."
        raise InvalidRequestError(message, field="streak")


def _grant(
    loaded: Loaded,
    streak: StreakDefinition,
    amount: int,
    key: str | None,
    actor_id: Any,
    note: str,
) -> StreakFreeze:
    now, state = timezone.now(), loaded.state
    mark_exceptions(state.user_id, store_for(write_alias()))
    return StreakFreeze.objects.create(
        user_id=state.user_id,
        streak=streak,
        kind=FreezeKind.GRANTED,
        amount=amount,
        date=state.calendar.date_of(now),
        key=key or uuid4().hex,
        actor_id=actor_id,
        note=note,
        created_at=now,
    )


def _added(grant: StreakFreeze) -> int:
    """Return how many freezes of a grant were not lost at the same moment."""
    rows = StreakFreeze.objects.filter(
        user=grant.user_id,
        streak=grant.streak_id,
        kind=FreezeKind.LOST,
        date=grant.date,
        created_at=grant.created_at,
    )
    return grant.amount + sum(rows.values_list("amount", flat=True))
