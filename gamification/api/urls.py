"""Addresses of the API."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from gamification.api.views import (
    AchievementViewSet,
    MyAchievementViewSet,
    MyGamificationViewSet,
)

app_name = "gamification"

router = SimpleRouter()
router.register("achievements", AchievementViewSet, basename="achievement")
router.register("me/achievements", MyAchievementViewSet, basename="my-achievement")
router.register("me", MyGamificationViewSet, basename="my-gamification")

urlpatterns = router.urls
