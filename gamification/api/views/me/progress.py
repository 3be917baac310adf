"""The progress and settings of the user who sends the request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.fields import (
    BodySerializer,
    StrictBooleanField,
    StrictChoiceField,
    TimeZoneField,
)
from gamification.api.operations import operation
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.users.serializers import UserLevelSerializer
from gamification.api.views.users.streak_serializers import StreakSerializer
from gamification.exceptions import InvalidTimeZoneError
from gamification.models import CelebrationMode
from gamification.services import (
    ProfileSummary,
    get_progress,
)
from gamification.staff import set_choices
from gamification.user_lookup import public_name

EXAMPLE: Final = {
    "user": "ada",
    "level": 5,
    "level_name": "Explorer",
    "level_icon": "🧭",
    "total_xp": 620,
    "previous_threshold": 500,
    "next_threshold": 750,
    "progress": 0.48,
    "highest_level": 5,
    "streak": {
        "state": "at_risk",
        "current": 12,
        "longest": 30,
        "last_active_on": "2026-03-01",
        "lost_at": "2026-03-02T23:00:00Z",
        "freezes": 2,
        "freezes_needed": 0,
        "paused_until": None,
    },
    "active_days": 41,
    "achievements": 4,
    "time_zone": "Europe/Paris",
    "pending_time_zone": None,
    "effective_at": None,
    "is_public": True,
    "celebration_mode": "all",
    "version": 87,
}


class Me(NamedTuple):
    """A user's public name and progress."""

    user: str
    progress: ProfileSummary


class SettingsBody(BodySerializer):
    """A user's settings. Fields that are left out stay as they are."""

    time_zone = TimeZoneField(
        required=False,
        help_text="IANA time zone of the user's days from now on. At most one change "
        "takes effect in 24 hours; a later one waits.",
    )
    is_public = StrictBooleanField(
        required=False,
        help_text="Whether others see the user, for example on leaderboards.",
    )
    celebration_mode = StrictChoiceField(
        choices=CelebrationMode.values,
        required=False,
        help_text="How celebrations are shown: with effects, quietly, or not at all.",
    )


class MeSerializer(UserLevelSerializer):
    """The progress of the user who sends the request."""

    previous_threshold = serializers.IntegerField(
        source="progress.level.previous_threshold",
        help_text="Total XP at which this level starts.",
    )
    next_threshold = serializers.IntegerField(
        source="progress.level.next_threshold",
        allow_null=True,
        help_text="Total XP at which the next level starts; null at the top level.",
    )
    progress = serializers.FloatField(
        source="progress.level.progress",
        help_text="Progress to the next level, from 0 to 1.",
    )
    highest_level = serializers.IntegerField(source="progress.highest_level")
    streak = StreakSerializer(source="progress.streak")
    active_days = serializers.IntegerField(source="progress.active_days")
    achievements = serializers.IntegerField(
        source="progress.achievements", help_text="Number of unlocked achievements."
    )
    time_zone = serializers.CharField(
        source="progress.time_zone", help_text="IANA time zone of the user's days."
    )
    pending_time_zone = serializers.CharField(
        source="progress.pending_time_zone",
        allow_null=True,
        help_text="The next time zone, if a change is waiting.",
    )
    effective_at = serializers.DateTimeField(
        source="progress.effective_at",
        allow_null=True,
        help_text="When that change takes effect.",
    )
    is_public = serializers.BooleanField(
        source="progress.is_public",
        help_text="Whether others see the user, for example on leaderboards.",
    )
    celebration_mode = serializers.ChoiceField(
        source="progress.celebration_mode",
        choices=CelebrationMode.values,
        help_text="How celebrations are shown to the user.",
    )
    version = serializers.IntegerField(
        source="progress.version", help_text="Increases with every change."
    )


class MeViewSet(GamificationViewSet):
    """The progress of the user who sends the request: a single object."""

    is_singleton = True

    @operation(response=MeSerializer, is_polled=True, response_example=EXAMPLE)
    def retrieve(self, request: Request) -> Me:
        """Return the user's XP, level, streak, counts and settings."""
        return Me(public_name(request.user), get_progress(request.user))

    @operation(
        body=SettingsBody,
        response=MeSerializer,
        scope="write",
        errors=(InvalidTimeZoneError,),
        body_example={"time_zone": "Europe/Paris", "is_public": True},
        response_example=EXAMPLE,
    )
    def partial_update(self, request: Request, body: Mapping[str, Any]) -> Me:
        """Change the user's time zone, visibility or celebrations."""
        if body:
            set_choices(request.user, **body)
        return Me(public_name(request.user), get_progress(request.user))
