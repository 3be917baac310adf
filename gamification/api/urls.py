"""Addresses of the API."""

from __future__ import annotations

from django.urls import include, path, re_path

from gamification.api.problems import unknown_address
from gamification.api.routing import Router
from gamification.api.views.me import MeViewSet
from gamification.api.views.records import RecordsViewSet

app_name = "gamification"

router = Router()
router.register("me", MeViewSet, basename="me")
router.register("records", RecordsViewSet, basename="records")

urlpatterns = [
    path("v1/", include(router.urls)),
    # Whatever else is asked for is answered as a problem, too.
    re_path(r"", unknown_address),
]
