"""What waits to be shown to a user."""

from __future__ import annotations

from collections.abc import Collection

from django.utils import timezone

from gamification.models import Celebration
from gamification.services.requests import UserRef, user_id_of, write_alias
from gamification.services.transactions import in_transaction
from gamification.storage import Store

#: The largest id that a database gives.
_LARGEST_ID = 2**63 - 1


def pending_celebrations(
    user: UserRef, *, after: int = 0, limit: int = 50
) -> list[Celebration]:
    """Return what the user was not shown yet, oldest first.

    ``after`` is the id of the last one that is known already, ``limit`` how many to
    return at the most. Raises ``UnknownUserError``.
    """
    celebrations = Celebration.objects.using(write_alias()).pending()
    mine = celebrations.filter(user=user_id_of(user), id__gt=after)
    return list(mine.order_by("id")[:limit])


def acknowledge_celebrations(user: UserRef, *, ids: Collection[int]) -> int:
    """Mark the user's celebrations with these ids as shown; return how many were new.

    Ids that are not the user's, or were acknowledged before, have no effect.
    Raises ``UnknownUserError``, ``StorageError``.
    """
    user_id = user_id_of(user)
    known = [pk for pk in ids if type(pk) is int and 0 < pk <= _LARGEST_ID]
    if not known:
        return 0
    alias = write_alias()

    def acknowledge(store: Store) -> int:
        rows = Celebration.objects.using(alias).filter(user=user_id, id__in=known)
        return rows.filter(acknowledged_at=None).update(acknowledged_at=timezone.now())

    return in_transaction(alias, [user_id], acknowledge)
