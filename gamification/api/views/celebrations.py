"""What waits to be shown to the user who asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from gamification.api.fields import Body, Whole
from gamification.api.operations import operation
from gamification.api.pagination import CursorQuery, Stretch, stretch, stretch_of
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet
from gamification.exceptions import (
    CelebrationClaimedError,
    CelebrationOverError,
    UnknownCelebrationError,
)
from gamification.models import (
    Celebration,
    write_alias,
)
from gamification.services import (
    CelebrationKind,
    acknowledge_celebrations,
    claim_celebration,
    pending_celebrations,
)
from gamification.staff import (
    MAX_ID,
)

EXAMPLE: Final = {
    "id": 512,
    "kind": "achievement",
    "data": {"achievement": "kpi_10", "name": "Ten done", "icon": "🥉", "xp": 50},
    "created_at": "2026-03-02T12:00:00Z",
    "expires_at": "2026-03-09T12:00:00Z",
    "claimed_until": None,
}


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """How many celebrations were not shown before."""

    acknowledged: int


class CelebrationSerializer(ResponseSerializer):
    """Something to show the user once."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=CelebrationKind.values)
    data = serializers.DictField(  # type: ignore[assignment]
        help_text="Of an achievement its key as ``achievement``, ``name``, ``icon`` "
        "and ``xp``; of a level ``from``, ``to`` and all ``levels`` after ``from``; of "
        "a streak its ``days``."
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="When it is no news any more.")
    claimed_until = serializers.DateTimeField(
        allow_null=True, help_text="Until when one of the user's screens shows it."
    )


class AcknowledgedSerializer(ResponseSerializer):
    """How many celebrations were not shown before."""

    acknowledged = serializers.IntegerField()


class ShownBody(Body):
    """Celebrations that are shown now."""

    ids = serializers.ListField(
        child=Whole(min_value=1, max_value=MAX_ID), min_length=1, max_length=100
    )


class CelebrationsViewSet(GamificationViewSet):
    """What waits to be shown to the user who asks, the oldest first."""

    lookup_field = "id"
    lookup_value_regex = "[0-9]{1,19}"

    @operation(
        query=CursorQuery,
        answer=stretch_of(CelebrationSerializer),
        is_polled=True,
        example={"next": None, "results": [EXAMPLE]},
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Stretch:
        """Return what was not shown to the user yet, the oldest first."""
        user, after = request.user, query.get("cursor", 0)
        return stretch(
            request,
            query,
            lambda limit: pending_celebrations(user, after=after, limit=limit),
        )

    @action(detail=True, methods=["post"])
    @operation(
        answer=CelebrationSerializer,
        scope="write",
        errors=(UnknownCelebrationError, CelebrationClaimedError, CelebrationOverError),
        example=EXAMPLE | {"claimed_until": "2026-03-02T12:01:05Z"},
    )
    def claim(self, request: Request, id: str) -> Celebration:  # noqa: A002 - as ids
        """Let this screen show a celebration, and no other for a minute.

        While another one shows it, the problem says ``claimed_until`` when.
        """
        return claim_celebration(request.user, id=int(id))

    @action(detail=True, methods=["post"])
    @operation(status=204, scope="write", errors=(UnknownCelebrationError,))
    def acknowledge(self, request: Request, id: str) -> None:  # noqa: A002 - as ids
        """Say that the show of a celebration begins; it is not pending any more.

        Again, it changes nothing.
        """
        if not _has(request.user, int(id)):
            raise UnknownCelebrationError
        acknowledge_celebrations(request.user, ids=[int(id)])

    @action(detail=False, methods=["post"], url_path="acknowledge")
    @operation(
        body=ShownBody,
        answer=AcknowledgedSerializer,
        scope="write",
        example_body={"ids": [512, 513]},
        example={"acknowledged": 2},
    )
    def acknowledge_several(
        self, request: Request, body: Mapping[str, Any]
    ) -> Acknowledged:
        """Say that several are shown, and count those that were not shown before."""
        return Acknowledged(acknowledge_celebrations(request.user, ids=body["ids"]))


def _has(user: Any, pk: int) -> bool:
    mine = Celebration.objects.using(write_alias()).filter(user=user)
    return pk <= MAX_ID and mine.filter(pk=pk).exists()
