"""What waits to be shown to a user."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final

from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Concat
from django.utils import timezone

from gamification.domain.catalogue import AchievementStatus
from gamification.domain.outcomes import CelebrationKind
from gamification.exceptions import (
    CelebrationClaimedError,
    CelebrationOverError,
    UnknownCelebrationError,
)
from gamification.models import Celebration, UserAchievement, write_alias
from gamification.services.unit_of_work import in_transaction
from gamification.services.validation import (
    MAX_ID,
    UserRef,
    check_whole,
    user_id_of,
)
from gamification.storage import Store

#: How long a screen has a celebration to itself.
CLAIM_TIME: Final = timedelta(minutes=1)

#: The most celebrations that one read returns.
MAX_LIMIT: Final = 1_000


def pending_celebrations(
    user: UserRef, *, after: int = 0, limit: int = 50
) -> list[Celebration]:
    """Return what the user was not shown yet, oldest first.

    What a screen claimed is among it, with ``claimed_until``: should that screen be
    closed, it is to be shown by another. Achievements that were taken away since, or
    became drafts, are not. ``after`` is the id of the last one that is known already,
    ``limit`` how many to return at the most, up to 1,000.

    Raises ``InvalidRequestError``, ``UnknownUserError``.
    """
    check_whole("after", after, least=0, most=MAX_ID)
    check_whole("limit", limit, least=1, most=MAX_LIMIT)
    user_id = user_id_of(user)
    celebrations = Celebration.objects.using(write_alias()).pending()
    mine = celebrations.filter(user=user_id, id__gt=after)
    shown = mine.exclude(dedupe_key__in=_taken_back(user_id))
    return list(shown.order_by("id")[:limit])


def claim_celebration(user: UserRef, *, id: int) -> Celebration:  # noqa: A002 - as ids
    """Let one of the user's screens show the celebration, and no other for a minute.

    Acknowledge it when the show begins. If that never happens, it can be claimed
    again when the minute is over.

    Raises ``CelebrationClaimedError``, with ``claimed_until`` in its context, while
    another claim holds; ``CelebrationOverError`` once it was acknowledged or has
    expired; ``UnknownCelebrationError`` for what is not the user's;
    ``UnknownUserError``, ``StorageError``.
    """
    user_id, alias = user_id_of(user), write_alias()
    if type(id) is not int or not 0 < id <= MAX_ID:
        raise UnknownCelebrationError

    def claim(store: Store) -> Celebration:
        rows = Celebration.objects.using(alias).filter(user=user_id, pk=id)
        until = timezone.now() + CLAIM_TIME
        is_mine = rows.pending().unclaimed().update(claimed_until=until)
        celebration = rows.first()
        if celebration is None:
            raise UnknownCelebrationError
        if not is_mine:
            raise _refusal(celebration)
        return celebration

    return in_transaction(alias, [user_id], claim)


def acknowledge_celebrations(user: UserRef, *, ids: Collection[int]) -> int:
    """Mark the user's celebrations with these ids as shown; return how many were new.

    Ids that are not the user's, or were acknowledged before, have no effect.
    Raises ``UnknownUserError``, ``StorageError``.
    """
    user_id = user_id_of(user)
    known = [pk for pk in ids if type(pk) is int and 0 < pk <= MAX_ID]
    if not known:
        return 0
    alias = write_alias()

    def acknowledge(store: Store) -> int:
        rows = Celebration.objects.using(alias).filter(user=user_id, id__in=known)
        return rows.filter(acknowledged_at=None).update(acknowledged_at=timezone.now())

    return in_transaction(alias, [user_id], acknowledge)


def _taken_back(user_id: Any) -> QuerySet[UserAchievement, Any]:
    """Return the dedupe keys of achievements that were revoked, or became drafts."""
    unlocks = UserAchievement.objects.using(write_alias()).filter(user=user_id)
    is_draft = Q(achievement__status=AchievementStatus.DRAFT)
    gone = unlocks.filter(is_draft | Q(revoked_at__isnull=False)).order_by()
    prefix = Value(f"{CelebrationKind.ACHIEVEMENT}:")
    key = Concat(prefix, "achievement__key", output_field=CharField())
    return gone.values_list(key)


def _refusal(
    celebration: Celebration,
) -> CelebrationClaimedError | CelebrationOverError:
    if celebration.acknowledged_at or celebration.expires_at <= timezone.now():
        return CelebrationOverError()
    return CelebrationClaimedError(claimed_until=celebration.claimed_until)
