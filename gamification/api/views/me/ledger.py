"""The ledger of the user who sends the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.operations import operation
from gamification.api.pagination import (
    CursorPage,
    CursorQuery,
    cursor_page_serializer,
    paginate_by_cursor,
)
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
    "base": 10,
    "factor": "1.00",
    "boosts": [],
    "activity": "kpi_completed",
    "achievement": None,
    "number": None,
    "quantity": 1,
    "rewarded": 1,
    "occurred_at": "2026-03-01T18:20:00Z",
    "local_date": "2026-03-01",
    "recorded_at": "2026-03-01T18:20:01Z",
    "source": "visions.kpi:42",
    "attributes": {"area": "health", "weeks": 6},
    "fingerprint": "6f1c0e9bd2a74385a1d0e5b7c2f94e10",
    "reverses": None,
    "corrects": None,
    "note": "",
}


class LedgerEntrySerializer(EntrySerializer):
    """A change of the user's XP, or a record that earned none."""

    activity = serializers.CharField(
        source="activity.key", allow_null=True, help_text="Key of the activity."
    )
    achievement = serializers.CharField(
        source="achievement.key",
        allow_null=True,
        help_text="Key of the achievement; null while it is a draft.",
    )
    number = serializers.IntegerField(
        allow_null=True,
        help_text="Which time the achievement was earned; null without an achievement.",
    )
    reverses = serializers.IntegerField(
        allow_null=True, help_text="Id of the entry that this one reverses."
    )
    corrects = serializers.IntegerField(
        allow_null=True,
        help_text="Id of the entry whose XP this one changes.",
    )
    note = serializers.CharField(help_text="A note of staff to the user; can be empty.")

    @classmethod
    def serialize(cls, value: LedgerEntry) -> dict[str, Any]:
        shown = super().serialize(value)
        if value.achievement and value.achievement.status == "draft":
            shown["achievement"] = None
        shown["number"] = (value.number or 1) if shown["achievement"] else None
        return shown


class LedgerViewSet(GamificationViewSet):
    """The ledger of the user who sends the request, newest entry first."""

    @operation(
        query=CursorQuery,
        response=cursor_page_serializer(LedgerEntrySerializer),
        response_example={"next": None, "results": [EXAMPLE]},
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> CursorPage:
        """List the entries of the user's ledger, newest first."""
        user, before = request.user, query.get("cursor")
        return paginate_by_cursor(
            request, query, lambda limit: get_ledger(user, before=before, limit=limit)
        )
