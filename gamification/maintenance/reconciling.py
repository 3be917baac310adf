"""Finds the users whose progress differs from their ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from gamification.maintenance import comparing
from gamification.maintenance.comparing import Drift
from gamification.maintenance.rebuilding import (
    Rebuilding,
    Step,
    as_of_one_moment,
    plan_rebuilding,
)
from gamification.maintenance.suspects import find_suspects, in_parts
from gamification.models import write_alias
from gamification.services.unit_of_work import wrap_database_errors
from gamification.services.user_batches import check_batch_size
from gamification.services.validation import UserRef, unknown_user, user_id_of

#: Users that are compared at a time. The fewer, the more often the ledger is read.
BATCH_SIZE: Final = 200_000


def reconcile(
    user: UserRef | None = None,
    *,
    fix: bool = False,
    batch_size: int = BATCH_SIZE,
    after: UserRef | None = None,
    progress: Callable[[int, Any], None] | None = None,
) -> Iterator[Drift]:
    """Yield every derived number that differs from the ledger, for all users or one.

    It compares ``batch_size`` users at a time without locks. If a user differs, it
    compares again, and reports the difference only if nothing was written meanwhile.
    ``fix`` rebuilds such a user. After each batch it calls ``progress`` with the number
    of users and the key of the last one: users come in order of their keys, and another
    call goes on ``after`` that user, who need not exist any more.

    Raises ``UnknownUserError``, ``StorageError``, and ``ValueError`` for a
    ``batch_size`` below 1.
    """
    for user_ids in _pages(user, after, batch_size):
        # On PostgreSQL, the database itself finds most users to be right.
        suspects = find_suspects(user_ids) if user is None else user_ids
        for part in in_parts(suspects):
            for user_id, drift in comparing.compare(part).items():
                if drift:
                    yield from _confirm(user_id, fix=fix)
        if progress:
            progress(len(user_ids), user_ids[-1])


def _pages(
    user: UserRef | None, after: UserRef | None, size: int
) -> Iterator[list[Any]]:
    check_batch_size(size)
    users = get_user_model()._base_manager.using(write_alias()).order_by("pk")
    if user is not None:
        user_id = user_id_of(user)
        if not _first(users.filter(pk=user_id), 1):
            raise unknown_user(user_id)
        yield [user_id]
        return
    rest = users if after is None else users.filter(pk__gt=user_id_of(after))
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

    def steps(found: tuple[list[Drift], Rebuilding | None]) -> Sequence[Step]:
        return found[1].steps() if found[1] else [lambda: None]

    found = as_of_one_moment(user_id, compare, steps)
    # What was mended before somebody else wrote is only among the first ones.
    by_name = {each.what: each for drift, _ in reversed(found) for each in drift}
    return [by_name[what] for what in sorted(by_name)]
