"""Whose turn it is, where work over all users is done some at a time."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from gamification.models import UserGamification, write_alias
from gamification.services.unit_of_work import wrap_database_errors
from gamification.services.validation import UserRef, user_id_of


def check_batch_size(size: int) -> None:
    """Raise ``ValueError`` for a batch without anybody in it."""
    if size < 1:
        msg = f"A batch has at least 1 user, not {size}."
        raise ValueError(msg)


def next_users(
    profiles: QuerySet[UserGamification], *, after: UserRef | None, limit: int
) -> tuple[list[Any], Any]:
    """Return the keys of the next ``limit`` users, and after whom to go on.

    Users come in order of their keys, behind ``after``; the second is None where
    nobody is left. Raises ``UnknownUserError``, ``StorageError``.
    """
    waiting = profiles.order_by("user_id")
    if after is not None:
        waiting = waiting.filter(user__gt=user_id_of(after))
    with wrap_database_errors(write_alias()):
        user_ids = list(waiting.values_list("user_id", flat=True)[: limit + 1])
    is_more = len(user_ids) > limit
    return user_ids[:limit], user_ids[limit - 1] if is_more else None
