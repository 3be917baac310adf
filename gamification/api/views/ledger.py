"""What the user who asks earned and lost, entry by entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.operations import operation
from gamification.api.pagination import CursorQuery, Stretch, stretch, stretch_of
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.outcomes import EntrySerializer
from gamification.models import LedgerEntry
from gamification.services import (
    get_ledger,
)

EXAMPLE: Final = {
    "id": 4211,
    "kind": "activity",
    "amount": 10,
    "activity": "kpi_completed",
    "achievement": None,
    "quantity": 1,
    "rewarded": 1,
    "occurred_at": "2026-03-01T18:20:00Z",
    "local_date": "2026-03-01",
    "recorded_at": "2026-03-01T18:20:01Z",
    "source": "visions.kpi:42",
    "reverses": None,
    "note": "",
}


class LedgerEntrySerializer(EntrySerializer):
    """One change of the user's XP, or a record that changed none."""

    activity = serializers.CharField(
        source="activity.key", allow_null=True, help_text="Key of what was recorded."
    )
    achievement = serializers.CharField(
        source="achievement.key",
        allow_null=True,
        help_text="Key of what was awarded; null while staff work on it.",
    )
    reverses = serializers.IntegerField(
        allow_null=True, help_text="Id of the entry that this one takes back."
    )
    note = serializers.CharField(help_text="What staff wrote; may be empty.")

    @classmethod
    def of(cls, value: LedgerEntry) -> dict[str, Any]:
        shown = super().of(value)
        if value.achievement and value.achievement.status == "draft":
            shown["achievement"] = None
        return shown


class LedgerViewSet(GamificationViewSet):
    """The ledger of the user who asks, the latest entry first."""

    @operation(
        query=CursorQuery,
        answer=stretch_of(LedgerEntrySerializer),
        example={"next": None, "results": [EXAMPLE]},
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Stretch:
        """Return the user's ledger, the latest entry first."""
        user, before = request.user, query.get("cursor")
        return stretch(
            request, query, lambda limit: get_ledger(user, before=before, limit=limit)
        )
