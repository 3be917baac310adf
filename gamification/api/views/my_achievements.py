"""What the user who asks holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework.request import Request

from gamification.api.contracts import operation
from gamification.api.pages import Page, PageQuery, paginate
from gamification.api.views.achievement_shapes import HELD_EXAMPLE, HeldPageShape
from gamification.api.views.base import GamificationViewSet
from gamification.services.showing import held_achievements


class MyAchievementsViewSet(GamificationViewSet):
    """Achievements that the user who asks holds, the latest first."""

    @operation(query=PageQuery, answer=HeldPageShape, example=HELD_EXAMPLE)
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """Return what the user holds, the latest first."""
        held = held_achievements(request.user, viewer=request.user)
        return paginate(request, query, held.count(), lambda a, b: list(held[a:b]))
