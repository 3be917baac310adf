"""What browsers may read: the catalogue as the user sees it, and their own standing."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet, ViewSet

from gamification.api.pagination import Pages
from gamification.api.serializers import (
    AchievementSerializer,
    MyAchievementSerializer,
    MyGamificationSerializer,
)
from gamification.models import Achievement, UserAchievement
from gamification.services import read_progress
from gamification.services.standing import measure_achievements, visible_achievements


class AchievementViewSet(GenericViewSet[Any]):
    """Achievements that the user may see, with their progress."""

    permission_classes = (IsAuthenticated,)
    serializer_class = AchievementSerializer
    pagination_class = Pages
    lookup_field = "key"
    lookup_value_regex = r"[-\w]+"

    def get_queryset(self) -> QuerySet[Achievement]:
        return visible_achievements(self.request.user)

    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        rows = measure_achievements(request.user, page or ())
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)

    def retrieve(self, request: Request, key: str) -> Response:
        [row] = measure_achievements(request.user, [self.get_object()])
        return Response(self.get_serializer(row).data)


class MyAchievementViewSet(
    ListModelMixin, RetrieveModelMixin, GenericViewSet[UserAchievement]
):
    """Achievements that the user holds, the latest first."""

    permission_classes = (IsAuthenticated,)
    serializer_class = MyAchievementSerializer
    pagination_class = Pages
    lookup_field = "achievement__key"
    lookup_url_kwarg = "key"
    lookup_value_regex = r"[-\w]+"

    def get_queryset(self) -> QuerySet[UserAchievement]:
        visible = visible_achievements(self.request.user)
        return UserAchievement.objects.filter(
            user=self.request.user.pk, revoked_at=None, achievement__in=visible
        ).select_related("achievement")


class MyGamificationViewSet(ViewSet):
    """Where the user stands: one object."""

    permission_classes = (IsAuthenticated,)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(MyGamificationSerializer(read_progress(request.user)).data)
