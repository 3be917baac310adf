"""Divides work on all users into batches."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from gamification.models import UserGamification, write_alias
from gamification.services.unit_of_work import wrap_database_errors
from gamification.services.validation import UserRef, given_id_of


def check_batch_size(size: int) -> None:
    """Raise ``ValueError`` if a batch would have no users."""
    if size < 1:
        msg = f"A batch has at least 1 user, not {size}."
        raise ValueError(msg)


def next_users(
    profiles: QuerySet[UserGamification], *, after: UserRef | None, limit: int
) -> tuple[list[Any], Any]:
    """Return the keys of the next ``limit`` users, and the last of them.

    Users come in order of their keys, from the one that follows ``after``. The second
    value, the ``after`` of the next call, is None if no more users follow. Raises
    ``UnknownUserError``, ``StorageError``.
    """
    waiting = profiles.order_by("user_id")
    if after is not None:
        waiting = waiting.filter(user__gt=given_id_of(after))
    with wrap_database_errors(write_alias()):
        user_ids = list(waiting.values_list("user_id", flat=True)[: limit + 1])
    is_more = len(user_ids) > limit
    return user_ids[:limit], user_ids[limit - 1] if is_more else None
