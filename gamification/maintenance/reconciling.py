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
from gamification.maintenance.suspects import find_suspects
from gamification.models import write_alias
from gamification.services.unit_of_work import wrap_database_errors
from gamification.services.user_batches import check_batch_size
from gamification.services.validation import (
    UserRef,
    given_id_of,
    unknown_user,
    user_id_of,
)

#: Users who are compared at a time. Smaller batches read the ledger more often.
BATCH_SIZE: Final = 1_000_000


def reconcile(
    user: UserRef | None = None,
    *,
    fix: bool = False,
    batch_size: int = BATCH_SIZE,
    after: UserRef | None = None,
    progress: Callable[[int, Any], None] | None = None,
) -> Iterator[Drift]:
    """Yield every derived number that differs from the ledger, for all users or one.

    This compares ``batch_size`` users at a time without locks. A user who differs is
    compared again, and reported only if nobody wrote meanwhile. With ``fix``, such a
    user is rebuilt. After each batch, ``progress`` is called with the number of users
    and the key of the last one. Users come in the order of their keys, so another call
    can go on ``after`` that user, who need not exist any more.

    Raises ``UnknownUserError``, ``StorageError``, and ``ValueError`` for a
    ``batch_size`` below 1.
    """
    check_batch_size(batch_size)
    if user is not None:
        yield from _differences([_known(user)], fix=fix)
        return
    for first, last, count in _pages(after, batch_size):
        # PostgreSQL itself rules out most users; only suspects remain.
        for part in find_suspects(first, last):
            yield from _differences(part, fix=fix)
        if progress:
            progress(count, last)


def _known(user: UserRef) -> Any:
    user_id = user_id_of(user)
    with wrap_database_errors(write_alias()):
        if not _users().filter(pk=user_id).exists():
            raise unknown_user(user_id)
    return user_id


def _users() -> QuerySet[Any, Any]:
    users = get_user_model()._base_manager.using(write_alias())
    return users.order_by("pk").values_list("pk", flat=True)


def _pages(after: UserRef | None, size: int) -> Iterator[tuple[Any, Any, int]]:
    """Yield the first and the last key of each batch, and the number of its users."""
    rest = _users() if after is None else _users().filter(pk__gt=given_id_of(after))
    while page := _page(rest, size):
        yield page
        rest = _users().filter(pk__gt=page[1])


def _page(users: QuerySet[Any, Any], size: int) -> tuple[Any, Any, int] | None:
    with wrap_database_errors(write_alias()):
        first, last = users.first(), users[size - 1 : size].first()
        last = users.last() if last is None else last
        if last is None:
            return None
        return first, last, users.filter(pk__lte=last).count()


def _differences(user_ids: Sequence[Any], *, fix: bool) -> Iterator[Drift]:
    for user_id, drift in comparing.compare(user_ids).items():
        if drift:
            yield from _confirm(user_id, fix=fix)


def _confirm(user_id: Any, *, fix: bool) -> list[Drift]:
    """Return the user's differences as of one moment; with ``fix``, rebuild them."""

    def compare() -> tuple[list[Drift], Rebuilding | None]:
        drift = comparing.compare([user_id])[user_id]
        return drift, plan_rebuilding(user_id) if drift and fix else None

    def steps(found: tuple[list[Drift], Rebuilding | None]) -> Sequence[Step]:
        return found[1].steps() if found[1] else [lambda: None]

    found = as_of_one_moment(user_id, compare, steps)
    # If somebody wrote during a repair, only earlier findings have what it repaired.
    by_name = {each.what: each for drift, _ in reversed(found) for each in drift}
    return [by_name[what] for what in sorted(by_name)]
