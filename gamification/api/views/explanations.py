"""Why an achievement is not unlocked."""

from __future__ import annotations

from typing import Final

from rest_framework import serializers

from gamification.api.fields import Query, Text
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.achievement_serializers import CRITERIA

EXAMPLE: Final = {
    "achievement": "kpi_10",
    "name": "Ten done",
    "is_unlocked": False,
    "criterion": "activity_count",
    "measures": "KPI completed",
    "current": 4,
    "target": 10,
    "missing": 6,
    "fraction": 0.4,
    "blocked_by": [],
    "text": "“Ten done” needs 10 (KPI completed); it stands at 4. 6 to go.",
}
BLOCKERS: Final = ("revoked", "draft", "retired", "manual", "inactive_activity")


class ExplanationQuery(Query):
    """For whom it is explained."""

    user = Text(
        max_length=255,
        required=False,
        help_text="Somebody else, as the API names users; for staff only.",
    )


class ExplanationSerializer(ResponseSerializer):
    """Why a user holds an achievement, or does not."""

    achievement = serializers.CharField(help_text="Its key.")
    name = serializers.CharField()
    is_unlocked = serializers.BooleanField()
    criterion = serializers.ChoiceField(choices=CRITERIA)
    measures = serializers.CharField(help_text="What is measured, in words.")
    current = serializers.IntegerField()
    target = serializers.IntegerField()
    missing = serializers.IntegerField()
    fraction = serializers.FloatField(help_text="Share of the way, 0 to 1.")
    blocked_by = serializers.ListField(
        child=serializers.ChoiceField(choices=BLOCKERS),
        help_text="What keeps it from being unlocked by itself.",
    )
    text = serializers.CharField(help_text="All of it in words.")
