"""A site whose own API has the names that the app's API could have had."""

from __future__ import annotations

from django.urls import include, path
from rest_framework import serializers, viewsets
from rest_framework.routers import SimpleRouter


class AchievementSerializer(serializers.Serializer):
    title = serializers.CharField()
    category = serializers.ChoiceField(["gold", "silver"])
    status = serializers.ChoiceField(["open", "closed"])


class RecordSerializer(serializers.Serializer):
    id = serializers.IntegerField(read_only=True)
    kind = serializers.ChoiceField(["long", "short"])
    password = serializers.CharField(write_only=True)


class ProblemSerializer(serializers.Serializer):
    state = serializers.ChoiceField(["new", "solved"])
    reason = serializers.ChoiceField(["bug", "wish"])
    criterion = serializers.CharField(allow_null=True)


class MeSerializer(serializers.Serializer):
    record = RecordSerializer()
    problems = ProblemSerializer(many=True)


class SiteViewSet(viewsets.ModelViewSet):
    queryset = ()
    lookup_value_regex = "[0-9]+"


class AchievementViewSet(SiteViewSet):
    serializer_class = AchievementSerializer


class RecordViewSet(SiteViewSet):
    serializer_class = RecordSerializer


class UserViewSet(SiteViewSet):
    serializer_class = MeSerializer


router = SimpleRouter()
router.register("achievements", AchievementViewSet, basename="site-achievement")
router.register("records", RecordViewSet, basename="site-record")
router.register("users", UserViewSet, basename="site-user")

own_patterns = [path("v1/", include(router.urls))]
urlpatterns = [
    *own_patterns,
    path("api/gamification/", include("gamification.api.urls")),
]
