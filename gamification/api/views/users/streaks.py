"""Acts of staff on the streaks of one user: freezes, pauses and repairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response

from gamification import exceptions as ours
from gamification.api.idempotency import (
    KEY_HEADER,
    REPLAYED_HEADER,
    idempotency_key,
)
from gamification.api.operations import Alternative, operation
from gamification.api.pagination import (
    Page,
    PageQuery,
    page_example,
    page_serializer,
    paginate_rows,
)
from gamification.api.user_lookup import find_user
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.outcomes import replay_headers
from gamification.api.views.users.streak_serializers import (
    FREEZE_EXAMPLE,
    GRANT_EXAMPLE,
    REPAIR_EXAMPLE,
    STAFF_PAUSE_EXAMPLE,
    STATUS_EXAMPLE,
    FreezeBody,
    FreezeGrantSerializer,
    FreezeSerializer,
    PauseQuery,
    RepairSerializer,
    StaffPauseBody,
    StaffPauseSerializer,
    StaffRepairBody,
    StreakStatusSerializer,
)
from gamification.models import StreakPause
from gamification.services import end_pause
from gamification.staff import (
    freezes_of,
    grant_freezes,
    pause_streak,
    pauses_of,
    repair_streak,
    repairs_of,
)
from gamification.values import StreakStatus

_GRANT: Final = "gamification.grant_freezes"
_PAUSE: Final = "gamification.pause_streak"
_REPAIR: Final = "gamification.repair_streak"


class FreezesViewSet(GamificationViewSet):
    """The freezes of one user."""

    @operation(
        query=PageQuery,
        response=page_serializer(FreezeSerializer),
        permission=_GRANT,
        response_example=page_example(FREEZE_EXAMPLE),
    )
    def list(self, request: Request, user: str, query: Mapping[str, Any]) -> Page:
        """List the changes of a user's stock of freezes, latest first.

        The stock is the sum of the amounts.
        """
        rows = freezes_of(find_user(user))
        return paginate_rows(request, query, rows)

    @operation(
        body=FreezeBody,
        response=FreezeGrantSerializer,
        status=201,
        alternatives={
            200: Alternative(
                "Done before: what the first request added.",
                {**GRANT_EXAMPLE, "replayed": True},
            )
        },
        request_headers=(KEY_HEADER,),
        response_headers=(REPLAYED_HEADER,),
        permission=_GRANT,
        scope="write",
        errors=(
            ours.InvalidKeyError,
            ours.KeysDifferError,
            ours.IdempotencyConflictError,
            ours.SelfAwardError,
            ours.UnknownStreakError,
            ours.UserExcludedError,
        ),
        body_example={"amount": 1, "note": FREEZE_EXAMPLE["note"]},
        response_example=GRANT_EXAMPLE,
    )
    def create(self, request: Request, user: str, body: Mapping[str, Any]) -> Response:
        """Grant a user freezes for a streak; they cover dates that end from now on.

        Those that find no room in stock are lost.
        """
        key = idempotency_key(request, body)
        found, values = find_user(user), {**body, "key": key}
        grant = grant_freezes(found, actor=request.user, **values)
        return Response(
            FreezeGrantSerializer.serialize(grant),
            200 if grant.replayed else 201,
            headers=replay_headers(is_replay=grant.replayed),
        )


class PausesViewSet(GamificationViewSet):
    """The pauses of one user."""

    @operation(
        query=PageQuery,
        response=page_serializer(StaffPauseSerializer),
        permission=_PAUSE,
        response_example=page_example(STAFF_PAUSE_EXAMPLE),
    )
    def list(self, request: Request, user: str, query: Mapping[str, Any]) -> Page:
        """List the pauses of a user, latest first, with those that are over."""
        rows = pauses_of(find_user(user))
        return paginate_rows(request, query, rows)

    @operation(
        body=StaffPauseBody,
        response=StaffPauseSerializer,
        status=201,
        permission=_PAUSE,
        scope="write",
        errors=(
            ours.InvalidPauseError,
            ours.SelfAwardError,
            ours.UnknownStreakError,
        ),
        body_example={
            name: STAFF_PAUSE_EXAMPLE[name] for name in ("start", "end", "note")
        },
        response_example=STAFF_PAUSE_EXAMPLE,
    )
    def create(
        self, request: Request, user: str, body: Mapping[str, Any]
    ) -> StreakPause:
        """Pause one of a user's streaks, or all, on any dates, even past ones."""
        return pause_streak(find_user(user), actor=request.user, **body)

    @operation(
        query=PauseQuery,
        status=204,
        permission=_PAUSE,
        scope="write",
        errors=(ours.UnknownStreakError,),
    )
    def end(self, request: Request, user: str, query: Mapping[str, Any]) -> None:
        """End a user's pause from today on, and all later ones.

        The status is 404 if there is none.
        """
        if not end_pause(find_user(user), **query):
            raise Http404


class RepairsViewSet(GamificationViewSet):
    """The repaired dates of one user."""

    @operation(
        query=PageQuery,
        response=page_serializer(RepairSerializer),
        permission=_REPAIR,
        response_example=page_example(REPAIR_EXAMPLE),
    )
    def list(self, request: Request, user: str, query: Mapping[str, Any]) -> Page:
        """List the repaired dates of a user, latest first."""
        rows = repairs_of(find_user(user))
        return paginate_rows(request, query, rows)

    @operation(
        body=StaffRepairBody,
        response=StreakStatusSerializer,
        status=201,
        permission=_REPAIR,
        scope="write",
        errors=(
            ours.NotRepairableError,
            ours.SelfAwardError,
            ours.UnknownStreakError,
        ),
        body_example={"dates": ["2026-03-01"], "note": REPAIR_EXAMPLE["note"]},
        response_example={
            **STATUS_EXAMPLE,
            "state": "at_risk",
            "missed": [],
            "lacking": [],
        },
    )
    def create(
        self, request: Request, user: str, body: Mapping[str, Any]
    ) -> StreakStatus:
        """Repair missed dates of a user, of the last 90 days.

        Dates on which the user was active are passed over. The response is the streak
        afterwards.
        """
        return repair_streak(find_user(user), actor=request.user, **body)
