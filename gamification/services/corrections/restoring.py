"""Restores from the ledger the rows that say which achievements a user holds."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from gamification.domain.derive import Reward
from gamification.models import LedgerEntry, UserAchievement


def restore_unlock(
    user_id: Any, achievement_id: int, number: int, reward: Reward
) -> None:
    """Give the row of an achievement that differs the values that the ledger has."""
    row = {"user_id": user_id, "achievement_id": achievement_id, "number": number}
    values = {
        "unlocked_at": reward.entry.occurred_at,
        "xp_awarded": reward.entry.amount,
        "period": reward.entry.period,
        "revoked_at": None,
        "revoked_by_id": None,
        "revoke_reason": "",
        "internal_note": "",
        "can_be_earned_again": False,
    }
    if reward.reversal:
        values |= _loss(reward.reversal.id)
        values["can_be_earned_again"] = reward.is_lapsed
    UserAchievement.objects.update_or_create(**row, defaults=values)


def forget_others(user_id: Any, known: Collection[tuple[int, int]]) -> None:
    """Delete the rows of a user besides those of achievements and numbers in ``known``.

    Nothing in the ledger says that the user ever had them.
    """
    rows = UserAchievement.objects.filter(user=user_id)
    places = rows.values_list("pk", "achievement_id", "number")
    unknown = [pk for pk, *place in places if tuple(place) not in known]
    rows.filter(pk__in=unknown).delete()


def _loss(reversal_id: int) -> dict[str, Any]:
    """Return the values of a lost achievement from the reversal of its reward."""
    reversal = LedgerEntry.objects.get(pk=reversal_id)
    return {
        "revoked_at": reversal.recorded_at,
        "revoked_by_id": reversal.actor_id,
        "revoke_reason": reversal.note,
        "internal_note": reversal.internal_note,
    }
