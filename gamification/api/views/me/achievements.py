"""Unlocked achievements of the user who sends the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request

from gamification.api.operations import operation
from gamification.api.pagination import Page, PageQuery, paginate
from gamification.api.views.achievements.serializers import (
    HELD_PAGE_EXAMPLE,
    HeldAchievementPageSerializer,
)
from gamification.api.views.base import GamificationViewSet
from gamification.staff import held_achievements


class MyAchievementsViewSet(GamificationViewSet):
    """Unlocked achievements of the user who sends the request, latest first."""

    @operation(
        query=PageQuery,
        response=HeldAchievementPageSerializer,
        response_example=HELD_PAGE_EXAMPLE,
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """List the achievements that the user has unlocked, latest first."""
        held = held_achievements(request.user, viewer=request.user)
        return paginate(request, query, held.count(), lambda a, b: list(held[a:b]))
