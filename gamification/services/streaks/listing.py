"""Lists for staff: the freezes, pauses and repaired dates of a user."""

from __future__ import annotations

from django.db.models import QuerySet

from gamification.models import RepairedDate, StreakFreeze, StreakPause
from gamification.services.validation import UserRef, user_id_of


def freezes_of(user: UserRef) -> QuerySet[StreakFreeze]:
    """Return the user's ledger of freezes, latest first, with streaks and actors."""
    rows = StreakFreeze.objects.filter(user=user_id_of(user))
    return rows.select_related("streak", "actor")


def pauses_of(user: UserRef) -> QuerySet[StreakPause]:
    """Return the user's pauses, latest first, with streaks and actors."""
    rows = StreakPause.objects.filter(user=user_id_of(user))
    return rows.select_related("streak", "actor")


def repairs_of(user: UserRef) -> QuerySet[RepairedDate]:
    """Return the user's repaired dates, latest first, with streaks and actors."""
    rows = RepairedDate.objects.filter(user=user_id_of(user))
    return rows.select_related("streak", "actor")
