"""Celebrations that the user has not seen yet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from django.utils import timezone

from gamification.exceptions import (
    CelebrationClaimedError,
    CelebrationOverError,
    UnknownCelebrationError,
)
from gamification.models import Celebration, write_alias
from gamification.services.unit_of_work import attempts, naming_errors
from gamification.services.validation import (
    MAX_ID,
    UserRef,
    check_whole,
    user_id_of,
)
from gamification.storage import store_for
from gamification.suggestions import shown

#: How long one screen reserves a celebration.
CLAIM_TIME: Final = timedelta(minutes=1)

#: The most celebrations that one read returns.
MAX_LIMIT: Final = 1_000


@naming_errors
def pending_celebrations(
    user: UserRef, *, after: int = 0, limit: int = 50
) -> list[Celebration]:
    """Return the celebrations that the user has not seen yet, oldest first.

    They include celebrations that a screen has claimed, with ``claimed_until``: if that
    screen is closed, another one shows them. They exclude those that no longer hold,
    because an achievement was revoked or became a draft, or a level or streak was lost.
    ``after`` is the id of the last celebration that the caller already knows, ``limit``
    the most to return, up to 1,000.

    Raises ``InvalidRequestError``, ``UnknownUserError``.
    """
    check_whole("after", after, least=0, most=MAX_ID)
    check_whole("limit", limit, least=1, most=MAX_LIMIT)
    celebrations = Celebration.objects.pending()
    mine = celebrations.filter(user=user_id_of(user), id__gt=after)
    return list(mine.order_by("id")[:limit])


def claim_celebration(user: UserRef, *, id: int) -> Celebration:  # noqa: A002 - as ids
    """Let one of the user's screens show the celebration, and no other for a minute.

    The caller acknowledges it when the show begins. If that never happens, a screen
    can claim it again when the minute is over.

    Raises ``CelebrationClaimedError``, with ``claimed_until`` in its context, while
    another claim holds; ``CelebrationOverError`` once it was acknowledged, has expired,
    or no longer holds; ``UnknownCelebrationError`` if the user has no such celebration;
    ``UnknownUserError``, ``StorageError``.
    """
    user_id, store = user_id_of(user), store_for(write_alias())
    unknown = UnknownCelebrationError(f"The user has no celebration {shown(id)}.")
    if type(id) is not int or not 0 < id <= MAX_ID:
        raise unknown
    rows = Celebration.objects.using(store.alias).filter(user=user_id, pk=id)
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            # An update cannot join the user's progress; the lock keeps both together.
            is_pending, until = rows.pending().exists(), timezone.now() + CLAIM_TIME
            is_mine = is_pending and rows.unclaimed().update(claimed_until=until)
            found = rows.first()
            if found is None:
                raise unknown
            if not is_pending:
                raise CelebrationOverError
            if not is_mine:
                raise CelebrationClaimedError(claimed_until=found.claimed_until)
            celebration = found
    return celebration


def acknowledge_celebrations(user: UserRef, *, ids: Collection[int]) -> int:
    """Mark the user's celebrations with these ids as shown; return how many were new.

    Ids of other users, and ids that were acknowledged before, have no effect.
    Raises ``UnknownUserError``, ``StorageError``.
    """
    user_id = user_id_of(user)
    known = [pk for pk in ids if type(pk) is int and 0 < pk <= MAX_ID]
    if not known:
        return 0
    store, now = store_for(write_alias()), timezone.now()
    rows = Celebration.objects.using(store.alias).filter(user=user_id, id__in=known)
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            new = rows.filter(acknowledged_at=None).update(acknowledged_at=now)
    return new
