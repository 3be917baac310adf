"""Celebrations of the user who sends the request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from gamification.api.fields import (
    BodySerializer,
    BoundedListField,
    StrictIntegerField,
)
from gamification.api.operations import operation
from gamification.api.pagination import (
    CursorPage,
    CursorQuery,
    cursor_page_serializer,
    paginate_by_cursor,
)
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet
from gamification.exceptions import (
    CelebrationClaimedError,
    CelebrationOverError,
    UnknownCelebrationError,
)
from gamification.models import Celebration
from gamification.services import (
    CelebrationKind,
    acknowledge_celebrations,
    claim_celebration,
    pending_celebrations,
)
from gamification.staff import MAX_ID, user_id_of

EXAMPLE: Final = {
    "id": 512,
    "kind": "achievement",
    "title": "Ten done",
    "text": "You unlocked “Ten done” and earned 50 XP.",
    "data": {
        "achievement": "kpi_10",
        "name": "Ten done",
        "icon": "medal-bronze",
        "xp": 50,
    },
    "created_at": "2026-03-02T12:00:00Z",
    "expires_at": "2026-03-09T12:00:00Z",
    "claimed_until": None,
}


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The number of celebrations that had not been acknowledged before."""

    acknowledged: int


class CelebrationSerializer(ResponseSerializer):
    """Something to show the user once."""

    id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=CelebrationKind.values)
    title = serializers.CharField(help_text="The occasion, in a few words.")
    text = serializers.CharField(help_text="The same in a sentence.")
    data = serializers.DictField(  # type: ignore[assignment]
        help_text="For an achievement: its key as ``achievement``, ``name``, ``icon`` "
        "and ``xp``, and ``number`` from the second time on. For a level: ``from``, "
        "``to`` and all ``levels`` reached, and, if it has them, the level's ``name``, "
        "``icon`` and ``translations`` of the name, by language. For a streak: "
        "``days``."
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(
        help_text="After this time it is no longer shown."
    )
    claimed_until = serializers.DateTimeField(
        allow_null=True,
        help_text="Until then, one of the user's screens is showing it.",
    )


class AcknowledgementSerializer(ResponseSerializer):
    """The number of celebrations that had not been acknowledged before."""

    acknowledged = serializers.IntegerField()


class AcknowledgeBody(BodySerializer):
    """Celebrations that are being shown."""

    ids = BoundedListField(
        child=StrictIntegerField(min_value=1, max_value=MAX_ID),
        min_length=1,
        max_length=100,
    )


class CelebrationsViewSet(GamificationViewSet):
    """Celebrations of the user who sends the request, oldest first."""

    lookup_field = "id"
    lookup_value_regex = "[0-9]{1,19}"

    @operation(
        query=CursorQuery,
        response=cursor_page_serializer(CelebrationSerializer),
        is_polled=True,
        response_example={"next": None, "results": [EXAMPLE]},
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> CursorPage:
        """List the celebrations that the user has not seen yet, oldest first."""
        user, after = request.user, query.get("cursor", 0)
        return paginate_by_cursor(
            request,
            query,
            lambda limit: pending_celebrations(user, after=after, limit=limit),
        )

    @action(detail=True, methods=["post"])
    @operation(
        response=CelebrationSerializer,
        scope="write",
        errors=(UnknownCelebrationError, CelebrationClaimedError, CelebrationOverError),
        response_example=EXAMPLE | {"claimed_until": "2026-03-02T12:01:05Z"},
    )
    def claim(self, request: Request, id: str) -> Celebration:  # noqa: A002 - as ids
        """Reserve a celebration for this screen for one minute.

        If another screen has reserved it, the problem says until when in
        ``claimed_until``.
        """
        _check_own(request.user, int(id))
        return claim_celebration(request.user, id=int(id))

    @action(detail=True, methods=["post"])
    @operation(status=204, scope="write", errors=(UnknownCelebrationError,))
    def acknowledge(self, request: Request, id: str) -> None:  # noqa: A002 - as ids
        """Acknowledge a celebration when its animation starts.

        It is then no longer listed. Acknowledging it again changes nothing.
        """
        _check_own(request.user, int(id))
        acknowledge_celebrations(request.user, ids=[int(id)])

    @action(detail=False, methods=["post"], url_path="acknowledge")
    @operation(
        body=AcknowledgeBody,
        response=AcknowledgementSerializer,
        scope="write",
        body_example={"ids": [512, 513]},
        response_example={"acknowledged": 2},
    )
    def acknowledge_several(
        self, request: Request, body: Mapping[str, Any]
    ) -> Acknowledgement:
        """Acknowledge several celebrations and count the new ones."""
        return Acknowledgement(acknowledge_celebrations(request.user, ids=body["ids"]))


def _check_own(user: Any, pk: int) -> None:
    """Raise ``UnknownCelebrationError`` unless the user has this celebration."""
    own = Celebration.objects.filter(user=user_id_of(user))
    if pk > MAX_ID or not own.filter(pk=pk).exists():
        raise UnknownCelebrationError
