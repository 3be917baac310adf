"""Finds the users whose progress differs from their ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from gamification.maintenance import comparing
from gamification.maintenance.comparing import Drift
from gamification.maintenance.rebuilding import (
    Rebuilding,
    as_of_one_moment,
    plan_rebuilding,
)
from gamification.maintenance.suspects import find_suspects
from gamification.models import write_alias
from gamification.services.unit_of_work import wrap_database_errors
from gamification.services.user_batches import check_batch_size
from gamification.services.validation import UserRef, unknown_user, user_id_of

#: Users that are compared at a time.
BATCH_SIZE = 1_000


def reconcile(
    user: UserRef | None = None,
    *,
    fix: bool = False,
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Drift]:
    """Yield every derived number that differs from the ledger, for all users or one.

    It compares ``batch_size`` users at a time without locks. If a user differs, it
    compares again, and reports the difference only if nothing was written meanwhile.
    ``fix`` rebuilds such a user. It calls ``progress`` with the number of users after
    each batch. Raises ``UnknownUserError``, ``StorageError``, and ``ValueError`` for a
    ``batch_size`` below 1.
    """
    for user_ids in _pages(user, batch_size):
        # On PostgreSQL, the database itself finds most users to be right.
        suspects = find_suspects(user_ids) if user is None else user_ids
        for user_id, drift in comparing.compare(suspects).items() if suspects else ():
            if drift:
                yield from _confirm(user_id, fix=fix)
        if progress:
            progress(len(user_ids))


def _pages(user: UserRef | None, size: int) -> Iterator[list[Any]]:
    check_batch_size(size)
    users = get_user_model()._base_manager.using(write_alias()).order_by("pk")
    if user is not None:
        user_id = user_id_of(user)
        if not _first(users.filter(pk=user_id), 1):
            raise unknown_user(user_id)
        yield [user_id]
        return
    rest = users
    while page := _first(rest, size):
        yield page
        rest = users.filter(pk__gt=page[-1])


def _first(users: QuerySet[Any], size: int) -> list[Any]:
    with wrap_database_errors(write_alias()):
        return list(users.values_list("pk", flat=True)[:size])


def _confirm(user_id: Any, *, fix: bool) -> list[Drift]:
    """Return the user's differences as of one moment; with ``fix``, rebuild them."""

    def compare() -> tuple[list[Drift], Rebuilding | None]:
        drift = comparing.compare([user_id])[user_id]
        return drift, plan_rebuilding(user_id) if drift and fix else None

    def write(found: tuple[list[Drift], Rebuilding | None]) -> None:
        if found[1]:
            found[1].write()

    return as_of_one_moment(user_id, compare, write)[0]
