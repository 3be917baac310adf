"""What the user who asks holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.contracts import operation
from gamification.api.pages import Page, PageQuery, page_of, paginate
from gamification.api.shapes import Shape
from gamification.api.views.achievement_shapes import CATEGORIES, KEY
from gamification.api.views.base import GamificationViewSet
from gamification.models import UserAchievement
from gamification.services.showing import held_achievements

EXAMPLE: Final = {
    "key": "kpi_10",
    "name": "Ten done",
    "description": "Complete 10 KPIs.",
    "category": "milestones",
    "icon": "🥉",
    "xp_awarded": 50,
    "unlocked_at": "2026-03-02T12:00:00Z",
}


class MyAchievementShape(Shape):
    """An achievement that the user who asks holds."""

    key = serializers.CharField(source="achievement.key")
    name = serializers.CharField(source="achievement.name")
    description = serializers.CharField(source="achievement.description")
    category = serializers.ChoiceField(
        source="achievement.category", choices=CATEGORIES
    )
    icon = serializers.CharField(
        source="achievement.icon", help_text="An emoji, or a name; may be empty."
    )
    xp_awarded = serializers.IntegerField(help_text="What it was worth at that time.")
    unlocked_at = serializers.DateTimeField()


class MyAchievementsViewSet(GamificationViewSet):
    """Achievements that the user who asks holds, the latest first."""

    lookup_field = "key"
    lookup_value_regex = KEY

    @operation(
        query=PageQuery,
        answer=page_of(MyAchievementShape),
        example={"count": 1, "next": None, "previous": None, "results": [EXAMPLE]},
    )
    def list(self, request: Request, query: Mapping[str, Any]) -> Page:
        """Return what the user holds, the latest first."""
        held = held_achievements(request.user)
        return paginate(request, query, held.count(), lambda a, b: list(held[a:b]))

    @operation(answer=MyAchievementShape, example=EXAMPLE)
    def retrieve(self, request: Request, key: str) -> UserAchievement:
        """Return one achievement that the user holds."""
        held = held_achievements(request.user).filter(achievement__key=key).first()
        if held is None:
            raise Http404
        return held
