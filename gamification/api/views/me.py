"""Where the user who asks stands, and what they decide about themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.fields import Body, Flag, ZoneName
from gamification.api.operations import operation
from gamification.api.serializers import ResponseSerializer
from gamification.api.user_lookup import name_of
from gamification.api.views.base import GamificationViewSet
from gamification.api.views.user_serializers import PublicStreakSerializer
from gamification.exceptions import InvalidTimeZoneError
from gamification.services import (
    ProfileSummary,
    get_progress,
)
from gamification.staff import (
    set_choices,
)

EXAMPLE: Final = {
    "user": "ada",
    "level": 5,
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
    },
    "active_days": 41,
    "achievements": 4,
    "time_zone": "Europe/Paris",
    "pending_time_zone": None,
    "effective_at": None,
    "is_public": True,
    "version": 87,
}


class Me(NamedTuple):
    """A user's name among others, and their standing."""

    user: str
    progress: ProfileSummary


class ChoicesBody(Body):
    """What users decide about themselves; what is left out stays as it is."""

    time_zone = ZoneName(
        required=False,
        help_text="IANA zone of the user's days from now on. One change takes effect "
        "per 24 hours; a later one waits.",
    )
    is_public = Flag(
        required=False, help_text="Whether others see the user, also on leaderboards."
    )


class StreakSerializer(PublicStreakSerializer):
    """A streak as it stands now."""

    last_active_on = serializers.DateField(allow_null=True)
    lost_at = serializers.DateTimeField(
        allow_null=True, help_text="When it breaks unless the user does something."
    )


class MeSerializer(ResponseSerializer):
    """Where the user who asks stands."""

    user = serializers.CharField(help_text="What others call the user.")
    level = serializers.IntegerField(source="progress.level.level")
    total_xp = serializers.IntegerField(source="progress.level.total_xp")
    previous_threshold = serializers.IntegerField(
        source="progress.level.previous_threshold",
        help_text="XP at which the level began.",
    )
    next_threshold = serializers.IntegerField(
        source="progress.level.next_threshold",
        allow_null=True,
        help_text="XP at which the next level begins; null at the top.",
    )
    progress = serializers.FloatField(
        source="progress.level.progress", help_text="Share of the way to it, 0 to 1."
    )
    highest_level = serializers.IntegerField(source="progress.highest_level")
    streak = StreakSerializer(source="progress.streak")
    active_days = serializers.IntegerField(source="progress.active_days")
    achievements = serializers.IntegerField(
        source="progress.achievements", help_text="How many the user holds."
    )
    time_zone = serializers.CharField(
        source="progress.time_zone", help_text="IANA zone of the user's days."
    )
    pending_time_zone = serializers.CharField(
        source="progress.pending_time_zone",
        allow_null=True,
        help_text="The zone that they will follow, if a change waits.",
    )
    effective_at = serializers.DateTimeField(
        source="progress.effective_at",
        allow_null=True,
        help_text="From when on, if a change waits.",
    )
    is_public = serializers.BooleanField(
        source="progress.is_public",
        help_text="Whether others see the user, also on leaderboards.",
    )
    version = serializers.IntegerField(
        source="progress.version", help_text="Grows with every change."
    )


class MeViewSet(GamificationViewSet):
    """Where the user who asks stands: one object."""

    is_singleton = True

    @operation(answer=MeSerializer, is_polled=True, example=EXAMPLE)
    def retrieve(self, request: Request) -> Me:
        """Return the user's XP, level, streak, counts and choices."""
        return Me(name_of(request.user), get_progress(request.user))

    @operation(
        body=ChoicesBody,
        answer=MeSerializer,
        scope="write",
        errors=(InvalidTimeZoneError,),
        example_body={"time_zone": "Europe/Paris", "is_public": True},
        example=EXAMPLE,
    )
    def partial_update(self, request: Request, body: Mapping[str, Any]) -> Me:
        """Change the user's time zone, or whether others see them."""
        if body:
            set_choices(request.user, **body)
        return Me(name_of(request.user), get_progress(request.user))
