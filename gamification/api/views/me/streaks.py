"""The streaks, pauses and repairs of the user who sends the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404
from rest_framework.request import Request

from gamification import exceptions as ours
from gamification.api.operations import operation
from gamification.api.pagination import (
    Page,
    PageQuery,
    page_example,
    page_serializer,
    paginate_rows,
)
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.users.streak_serializers import (
    PAUSE_EXAMPLE,
    STATUS_EXAMPLE,
    STATUSES_EXAMPLE,
    PauseBody,
    PauseQuery,
    PauseSerializer,
    RepairBody,
    StreakStatusesSerializer,
    StreakStatusSerializer,
)
from gamification.models import StreakPause
from gamification.services import (
    end_pause,
    get_streaks,
    pause_streak,
    repair_own_streak,
)
from gamification.staff import pauses_of
from gamification.values import StreakStatus


class MyStreaksViewSet(GamificationViewSet):
    """The streaks of the user who sends the request."""

    @operation(
        response=StreakStatusesSerializer,
        is_polled=True,
        response_example=STATUSES_EXAMPLE,
    )
    def list(self, request: Request) -> Statuses:
        """List the user's streaks, the daily one first, as they stand now.

        Freezes that would cover what was missed are not used up before the user is
        active again.
        """
        return Statuses(get_streaks(request.user))


class Statuses:
    """The streaks of a user."""

    def __init__(self, results: tuple[StreakStatus, ...]) -> None:
        self.results = results


class MyPausesViewSet(GamificationViewSet):
    """The pauses of the user who sends the request."""

    @operation(
        query=PageQuery,
        response=page_serializer(PauseSerializer),
        response_example=page_example(PAUSE_EXAMPLE),
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """List the user's pauses, latest first, with those that are over."""
        rows = pauses_of(request.user)
        return paginate_rows(request, query, rows)

    @operation(
        body=PauseBody,
        response=PauseSerializer,
        status=201,
        scope="write",
        errors=(ours.InvalidPauseError, ours.UnknownStreakError),
        body_example={"start": PAUSE_EXAMPLE["start"], "end": PAUSE_EXAMPLE["end"]},
        response_example=PAUSE_EXAMPLE,
    )
    def create(self, request: Request, body: Mapping[str, Any]) -> StreakPause:
        """Pause one of the user's streaks, or all, from today on.

        The site's settings limit how many days a user may pause. Pauses that overlap or
        touch become one, which is the response.
        """
        return pause_streak(request.user, **body)

    @operation(
        query=PauseQuery, status=204, scope="write", errors=(ours.UnknownStreakError,)
    )
    def end(self, request: Request, query: Mapping[str, Any]) -> None:
        """End the user's pause from today on, and all later ones.

        The status is 404 if there is none.
        """
        if not end_pause(request.user, **query):
            raise Http404


class MyRepairsViewSet(GamificationViewSet):
    """Repairs by the user who sends the request."""

    @operation(
        body=RepairBody,
        response=StreakStatusSerializer,
        status=201,
        scope="write",
        errors=(ours.NotRepairableError, ours.UnknownStreakError),
        body_example={"dates": ["2026-03-01"]},
        response_example={**STATUS_EXAMPLE, "state": "at_risk", "missed": []},
    )
    def create(self, request: Request, body: Mapping[str, Any]) -> StreakStatus:
        """Repair up to 2 missed dates within 48 hours of the break.

        The site has to allow it. The response is the streak afterwards.
        """
        return repair_own_streak(request.user, **body)
