"""Where the user who asks stands."""

from __future__ import annotations

from rest_framework import serializers
from rest_framework.request import Request

from gamification.api.contracts import operation
from gamification.api.shapes import Shape
from gamification.api.views.base import GamificationViewSet
from gamification.services import ProfileSummary, read_progress

EXAMPLE = {
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
        "lost_at": "2026-03-03T00:00:00Z",
    },
    "active_days": 41,
    "achievements": 4,
    "time_zone": "Europe/Paris",
}


class StreakShape(Shape):
    """A streak as it stands now."""

    state = serializers.ChoiceField(choices=["active", "at_risk", "broken"])
    current = serializers.IntegerField(help_text="Days; 0 once broken.")
    longest = serializers.IntegerField(help_text="Days.")
    last_active_on = serializers.DateField(allow_null=True)
    lost_at = serializers.DateTimeField(
        allow_null=True, help_text="When it breaks unless the user does something."
    )


class MeShape(Shape):
    """Where the user who asks stands."""

    level = serializers.IntegerField(source="level.level")
    total_xp = serializers.IntegerField(source="level.total_xp")
    previous_threshold = serializers.IntegerField(
        source="level.previous_threshold", help_text="XP at which the level began."
    )
    next_threshold = serializers.IntegerField(
        source="level.next_threshold",
        allow_null=True,
        help_text="XP at which the next level begins; null at the top.",
    )
    progress = serializers.FloatField(
        source="level.progress", help_text="Share of the way to it, 0 to 1."
    )
    highest_level = serializers.IntegerField()
    streak = StreakShape()
    active_days = serializers.IntegerField()
    achievements = serializers.IntegerField(help_text="How many the user holds.")
    time_zone = serializers.CharField(help_text="IANA zone of the user's days.")


class MeViewSet(GamificationViewSet):
    """Where the user who asks stands: one object."""

    is_singleton = True

    @operation(answer=MeShape, is_polled=True, example=EXAMPLE)
    def retrieve(self, request: Request) -> ProfileSummary:
        """Return the user's XP, level, streak and counts."""
        return read_progress(request.user)
