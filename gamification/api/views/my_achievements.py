"""What the user who asks holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request

from gamification.api.operations import operation
from gamification.api.pagination import Page, PageQuery, paginate
from gamification.api.views.achievement_serializers import (
    HELD_EXAMPLE,
    HeldPageSerializer,
)
from gamification.api.views.base import GamificationViewSet
from gamification.staff import (
    held_achievements,
)


class MyAchievementsViewSet(GamificationViewSet):
    """Achievements that the user who asks holds, the latest first."""

    @operation(query=PageQuery, answer=HeldPageSerializer, example=HELD_EXAMPLE)
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """Return what the user holds, the latest first."""
        held = held_achievements(request.user, viewer=request.user)
        return paginate(request, query, held.count(), lambda a, b: list(held[a:b]))
