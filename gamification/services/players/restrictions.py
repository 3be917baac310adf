"""Restrictions: staff hold users, exclude them from the game, and lift either."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from gamification.exceptions import InvalidInstantError
from gamification.models import (
    Restriction,
    RestrictionKind,
    UserGamification,
    write_alias,
)
from gamification.services.unit_of_work import attempts
from gamification.services.user_changes import count_again
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_key_of,
    check_actor,
    check_instant,
    check_text,
    unknown_user,
    user_id_of,
)
from gamification.storage import store_for

logger = logging.getLogger(__name__)


def hold_user(
    user: UserRef, *, until: datetime, reason: str, actor: UserRef | None
) -> Restriction:
    """Keep leaderboards from listing the user until an instant; return the hold.

    The user keeps all XP, and earns more. Another hold replaces it.

    Raises ``InvalidInstantError`` unless ``until`` is in the future,
    ``InvalidTextError`` for an empty reason, ``UnknownUserError``, ``StorageError``.
    """
    until = check_instant(until, "until")
    if until <= timezone.now():
        raise InvalidInstantError("A hold must end in the future.")
    return _restrict(user, RestrictionKind.HOLD, until, reason, actor)


def exclude_user(user: UserRef, *, reason: str, actor: UserRef | None) -> Restriction:
    """Exclude the user from the game until staff lift it; return the exclusion.

    Records earn nothing, leaderboards do not list the user, and rarity does not count
    them. The user keeps everything earned so far.

    Raises ``InvalidTextError`` for an empty reason, ``UnknownUserError``,
    ``StorageError``.
    """
    return _restrict(user, RestrictionKind.EXCLUSION, None, reason, actor)


def lift_restriction(
    user: UserRef, kind: str, *, reason: str = "", actor: UserRef | None
) -> Restriction | None:
    """Lift the user's hold or exclusion and return it; None if there is none.

    Raises ``InvalidTextError``, ``UnknownUserError``, ``StorageError``.
    """
    check_text("reason", reason, longest=MAX_NOTE)
    user_id, actor_id = user_id_of(user), actor_key_of(actor)
    for attempt in attempts(store_for(write_alias()), [user_id]):
        with attempt:
            attempt.lock()
            check_actor(actor_id)
            lifted = open_restrictions(user_id).filter(kind=kind).first()
            if lifted:
                _mark(user_id, kind, until=None, is_on=False)
                _lift(user_id, kind, actor_id, reason)
    if lifted is None:
        return None
    logger.info("User %s: %s lifted by user %s.", user_id, kind, actor_id)
    return all_restrictions(user_id).get(pk=lifted.pk)


def all_restrictions(user: UserRef) -> QuerySet[Restriction]:
    """Return the user's restrictions, latest first, with who decided and who lifted."""
    rows = Restriction.objects.filter(user=user_id_of(user))
    return rows.select_related("actor", "lifted_by")


def open_restrictions(user: UserRef) -> QuerySet[Restriction]:
    """Return the user's restrictions that nobody has lifted, latest first."""
    return all_restrictions(user).filter(lifted_at=None)


def _restrict(
    user: UserRef,
    kind: RestrictionKind,
    until: datetime | None,
    reason: str,
    actor: UserRef | None,
) -> Restriction:
    check_text("reason", reason, longest=MAX_NOTE, required=True)
    user_id, actor_id = user_id_of(user), actor_key_of(actor)
    for attempt in attempts(store_for(write_alias()), [user_id]):
        with attempt:
            attempt.lock()
            check_actor(actor_id)
            _mark(user_id, kind, until=until, is_on=True)
            _lift(user_id, kind, actor_id, "")
            made = Restriction.objects.create(
                user_id=user_id,
                kind=kind,
                until=until,
                reason=reason,
                actor_id=actor_id,
            )
    logger.info("User %s: %s by user %s.", user_id, kind.value, actor_id)
    return made


def _mark(user_id: Any, kind: str, *, until: datetime | None, is_on: bool) -> None:
    """Set the mark of the user's own row, which other decisions read."""
    marks: dict[str, Any] = {"held_until": until}
    if kind == RestrictionKind.EXCLUSION:
        marks = {"is_excluded": is_on}
    rows = UserGamification.objects.filter(user=user_id)
    if not rows.update(version=F("version") + 1, updated_at=timezone.now(), **marks):
        raise unknown_user(user_id)
    count_again(user_id, write_alias())
    if until is not None:
        count_again(user_id, write_alias(), due_at=until)


def _lift(user_id: Any, kind: str, actor_id: Any, reason: str) -> None:
    rows = Restriction.objects.filter(user=user_id, kind=kind)
    rows.filter(lifted_at=None).update(
        lifted_at=timezone.now(), lifted_by=actor_id, lift_reason=reason
    )
