"""Explanations of why an achievement is or is not unlocked."""

from __future__ import annotations

from typing import Final

from rest_framework import serializers

from gamification.api.fields import QuerySerializer, TextField
from gamification.api.rule_fields import ConditionProgressField
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.achievements.serializers import CRITERIA

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
    "text": "“Ten done” requires 10 × KPI completed. The user is at 4 × KPI completed. "
    "6 to go.",
    "conditions": None,
}
BLOCKERS: Final = (
    "excluded",
    "revoked",
    "draft",
    "retired",
    "manual",
    "inactive_activity",
    "upcoming",
    "ended",
)


class ExplanationQuery(QuerySerializer):
    """The user to explain an achievement for."""

    user = TextField(
        max_length=255,
        required=False,
        help_text="For staff: the name of another user. The default is yourself.",
    )


class ExplanationSerializer(ResponseSerializer):
    """Why a user has or has not unlocked an achievement."""

    achievement = serializers.CharField(help_text="Key of the achievement.")
    name = serializers.CharField()
    is_unlocked = serializers.BooleanField()
    criterion = serializers.ChoiceField(choices=CRITERIA)
    measures = serializers.CharField(help_text="The measured value, in words.")
    current = serializers.IntegerField()
    target = serializers.IntegerField()
    missing = serializers.IntegerField()
    fraction = serializers.FloatField(help_text="current / target, from 0 to 1.")
    blocked_by = serializers.ListField(
        child=serializers.ChoiceField(choices=BLOCKERS),
        help_text="Reasons why it cannot unlock automatically.",
    )
    text = serializers.CharField(help_text="The explanation in words.")
    conditions = ConditionProgressField(
        allow_null=True,
        help_text="How far the user is with what must also be met; null for nothing.",
    )
