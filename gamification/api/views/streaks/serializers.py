"""Definitions of streaks, as requests and responses have them."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from gamification.api.fields import (
    BodySerializer,
    BoundedListField,
    KeyField,
    NonBlankTextField,
    StrictBooleanField,
    StrictChoiceField,
    StrictIntegerField,
    TextField,
)
from gamification.api.pagination import page_serializer
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.achievements.backfill import EstimateSerializer
from gamification.api.views.users.streak_serializers import UNITS
from gamification.models import StreakDefinition

#: Limits of the model's fields.
_NAME: Final = 100
_DESCRIPTION: Final = 1_000
_GOAL: Final = 28
_FREEZES: Final = 100
_EVERY: Final = 1_000
_ACTIVITIES: Final = 100
_POSITION: Final = 2**31

NEW_EXAMPLE: Final = {
    "key": "weekly",
    "name": "Three days a week",
    "unit": "week",
    "goal": 3,
}
EDIT_EXAMPLE: Final = {"goal": 4}
PREVIEW_NEW_EXAMPLE: Final = {"name": "Three days a week", "unit": "week", "goal": 3}
EXAMPLE: Final = {
    **NEW_EXAMPLE,
    "description": "",
    "activities": [],
    "weekdays": [],
    "first_weekday": 1,
    "initial_freezes": 0,
    "freeze_every": None,
    "freeze_cap": 2,
    "is_active": True,
    "position": 0,
    "since": None,
}
PREVIEW_EXAMPLE: Final = {
    "since": "2026-03-09",
    "played": 230,
    "is_exact": True,
    "longer": {"value": 0, "low": 0, "high": 0},
    "shorter": {"value": 41, "low": 41, "high": 41},
    "broken": {"value": 12, "low": 12, "high": 12},
}


def _whole(most: int, least: int = 0, **options: Any) -> StrictIntegerField:
    return StrictIntegerField(
        min_value=least, max_value=most, required=False, **options
    )


class EditStreakBody(BodySerializer):
    """Changes to a streak. Fields that are left out stay as they are."""

    name = NonBlankTextField(max_length=_NAME, required=False)
    description = TextField(max_length=_DESCRIPTION, allow_blank=True, required=False)
    unit = StrictChoiceField(choices=UNITS, required=False)
    goal = _whole(
        _GOAL, 1, help_text="Active dates that a week or month needs; 1 for a day."
    )
    activities = BoundedListField(
        child=KeyField(),
        max_length=_ACTIVITIES,
        required=False,
        help_text="Keys of activities; empty for all that extend streaks.",
    )
    weekdays = BoundedListField(
        child=StrictIntegerField(min_value=1, max_value=7),
        max_length=7,
        required=False,
        help_text="Days that count, Monday as 1; empty for every day.",
    )
    first_weekday = _whole(7, 1, help_text="The day on which weeks begin, Monday as 1.")
    initial_freezes = _whole(
        _FREEZES, help_text="Freezes that a user gets with the first active date."
    )
    freeze_every = _whole(
        _EVERY,
        1,
        allow_null=True,
        help_text="Active dates in a run that earn a freeze; null if none do.",
    )
    freeze_cap = _whole(_FREEZES, help_text="The most freezes in stock.")
    is_active = StrictBooleanField(required=False)
    position = _whole(_POSITION - 1, -_POSITION)


class NewStreakBody(EditStreakBody):
    """A new streak."""

    defaults_of = StreakDefinition

    key = KeyField(help_text="Cannot be changed later.")
    name = NonBlankTextField(max_length=_NAME)


class PreviewStreakBody(EditStreakBody):
    """The rules of a streak that need not be saved."""

    defaults_of = StreakDefinition

    name = NonBlankTextField(max_length=_NAME)


class StreakDefinitionSerializer(ResponseSerializer):
    """A streak that users can have, with its rules."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    unit = serializers.ChoiceField(choices=UNITS)
    goal = serializers.IntegerField(help_text="Active dates that each unit needs.")
    activities = serializers.ListField(
        child=serializers.CharField(),
        help_text="Keys of activities; empty for all that extend streaks.",
    )
    weekdays = serializers.ListField(
        child=serializers.IntegerField(),
        help_text="Days that count, Monday as 1; empty for every day.",
    )
    first_weekday = serializers.IntegerField(
        help_text="The day on which weeks begin, Monday as 1."
    )
    initial_freezes = serializers.IntegerField(
        help_text="Freezes that a user gets with the first active date."
    )
    freeze_every = serializers.IntegerField(
        allow_null=True,
        help_text="Active dates in a run that earn a freeze; null if none do.",
    )
    freeze_cap = serializers.IntegerField(help_text="The most freezes in stock.")
    is_active = serializers.BooleanField()
    position = serializers.IntegerField()
    since = serializers.DateField(
        allow_null=True,
        help_text="The date from which these rules hold; null for always.",
    )


StreakDefinitionPageSerializer: Final = page_serializer(StreakDefinitionSerializer)


class StreakPreviewSerializer(ResponseSerializer):
    """How users would stand if other rules had always held."""

    since = serializers.DateField(
        allow_null=True, help_text="The date from which they will hold."
    )
    played = serializers.IntegerField(help_text="Users who were compared.")
    is_exact = serializers.BooleanField(
        help_text="Whether these are all users; otherwise, the numbers are estimates."
    )
    longer = EstimateSerializer(help_text="Users whose streak would be longer.")
    shorter = EstimateSerializer(help_text="Users whose streak would be shorter.")
    broken = EstimateSerializer(help_text="Those whose streak would be broken.")
