"""Boosts, as requests and responses have them."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from gamification.api.fields import (
    BodySerializer,
    BoundedListField,
    ComparisonField,
    FactorField,
    KeyField,
    NonBlankTextField,
    StrictBooleanField,
    StrictDateTimeField,
    TextField,
    TimeZoneField,
)
from gamification.api.pagination import page_serializer
from gamification.api.serializers import ResponseSerializer
from gamification.models import Boost
from gamification.values import BoostState

#: Limits of the model's fields.
_NAME: Final = 100
_DESCRIPTION: Final = 1_000
_ACTIVITIES: Final = 100
_GROUP: Final = 150
_COMPARISONS: Final = 16

STATES: Final = [*BoostState.values]

NEW_EXAMPLE: Final = {
    "key": "launch",
    "name": "Launch weekend",
    "factor": "2.00",
    "starts_at": "2026-03-07T00:00:00Z",
    "ends_at": "2026-03-09T00:00:00Z",
    "zone": "Europe/Berlin",
}
EDIT_EXAMPLE: Final = {"ends_at": "2026-03-10T00:00:00Z"}
PREVIEW_NEW_EXAMPLE: Final = {n: v for n, v in NEW_EXAMPLE.items() if n != "key"}
EXAMPLE: Final[dict[str, Any]] = {
    **NEW_EXAMPLE,
    "description": "",
    "activities": [],
    "group": None,
    "where": [],
    "boosts_achievements": False,
    "boosts_adjustments": False,
    "boosts_imports": False,
    "is_active": True,
    "state": "planned",
}
PREVIEW_EXAMPLE: Final = {
    "sentence": "Multiplies by 2 the XP of all activities, from 03/07/2026 1 a.m. to "
    "03/09/2026 1 a.m. (Europe/Berlin).",
    "users_a_day": 41,
    "xp_a_day": 1230,
    "extra_a_day": 1230,
    "days": [{"day": "2026-03-01", "users": 38, "xp": 1180, "extra": 1180}],
    "every": 1,
    "overlaps": [],
    "together": "2.00",
}
MINE_EXAMPLE: Final = {
    "key": "launch",
    "name": "Launch weekend",
    "description": "",
    "factor": "2.00",
    "starts_at": "2026-03-07T00:00:00Z",
    "ends_at": "2026-03-09T00:00:00Z",
    "is_running": False,
    "activities": [],
    "where": [],
}


def _flag(what: str) -> StrictBooleanField:
    return StrictBooleanField(required=False, help_text=f"Whether it boosts {what}.")


class EditBoostBody(BodySerializer):
    """Changes to a boost. Fields that are left out stay as they are."""

    name = NonBlankTextField(max_length=_NAME, required=False)
    description = TextField(max_length=_DESCRIPTION, allow_blank=True, required=False)
    factor = FactorField(required=False, help_text="From 0.10 to 10.00, but not 1.")
    starts_at = StrictDateTimeField(required=False)
    ends_at = StrictDateTimeField(
        required=False, help_text="The first moment that is no longer boosted."
    )
    zone = TimeZoneField(
        allow_blank=True,
        required=False,
        help_text="The zone in which forms show its times. Empty means that the times, "
        "in UTC, are what each user's own clock shows.",
    )
    activities = BoundedListField(
        child=KeyField(),
        max_length=_ACTIVITIES,
        required=False,
        help_text="Keys of activities; empty for all.",
    )
    group = TextField(
        max_length=_GROUP,
        allow_null=True,
        required=False,
        help_text="Name of the group whose members it is for; null for everybody.",
    )
    where = BoundedListField(
        child=ComparisonField(),
        max_length=_COMPARISONS,
        required=False,
        help_text="Conditions on attributes: attribute, operator and value.",
    )
    boosts_achievements = _flag("rewards of achievements, too")
    boosts_adjustments = _flag("XP that staff give, too")
    boosts_imports = _flag("imported records, too")
    is_active = StrictBooleanField(required=False)


class PreviewBoostBody(EditBoostBody):
    """A boost that need not be saved."""

    defaults_of = Boost

    name = NonBlankTextField(max_length=_NAME)
    factor = FactorField(help_text="From 0.10 to 10.00, but not 1.")
    starts_at = StrictDateTimeField()
    ends_at = StrictDateTimeField(
        help_text="The first moment that is no longer boosted."
    )


class NewBoostBody(PreviewBoostBody):
    """A new boost."""

    key = KeyField(help_text="Cannot be changed later.")


class FactorSerializer(ResponseSerializer):
    """Something with a factor, whose decimal places are those of its text."""

    factor = serializers.CharField(help_text="A decimal number.")

    @classmethod
    def serialize(cls, value: Any) -> dict[str, Any]:
        # As a number, it would become a binary one.
        return {**super().serialize(value), "factor": str(value.factor)}


class BoostSerializer(FactorSerializer):
    """A time at which activities are worth more XP, or less."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(
        help_text="The first moment that is no longer boosted."
    )
    zone = serializers.CharField(
        help_text="Empty if the times, in UTC, are what each user's own clock shows."
    )
    activities = serializers.ListField(
        child=serializers.CharField(), help_text="Keys; empty for all."
    )
    group = serializers.CharField(
        source="group.name",
        allow_null=True,
        help_text="Name of the group whose members it is for; null for everybody.",
    )
    where = serializers.ListField(
        help_text="Conditions on attributes: attribute, operator and value."
    )
    boosts_achievements = serializers.BooleanField()
    boosts_adjustments = serializers.BooleanField()
    boosts_imports = serializers.BooleanField()
    is_active = serializers.BooleanField()
    state = serializers.ChoiceField(
        choices=STATES,
        help_text="Running while it holds anywhere. A boost that is switched off "
        "while it would run is over.",
    )


BoostPageSerializer: Final[Any] = page_serializer(BoostSerializer)


class AppliedBoostSerializer(FactorSerializer):
    """A boost and its factor."""

    key = serializers.CharField()
    name = serializers.CharField()


class BoostDaySerializer(ResponseSerializer):
    """A date, as if the boost had held on it."""

    day = serializers.DateField()
    users = serializers.IntegerField(help_text="Users who did what it boosts.")
    xp = serializers.IntegerField(help_text="XP of what it boosts, without boosts.")
    extra = serializers.IntegerField(help_text="XP that it would have added.")


class BoostPreviewSerializer(ResponseSerializer):
    """The effect that a boost would have had in the last 28 days."""

    sentence = serializers.CharField(help_text="The effect of the boost, in words.")
    users_a_day = serializers.IntegerField()
    xp_a_day = serializers.IntegerField(help_text="XP without boosts.")
    extra_a_day = serializers.IntegerField(help_text="XP that it would add.")
    days = BoostDaySerializer(
        many=True, help_text="Dates on which anything that it boosts happened."
    )
    every = serializers.IntegerField(
        help_text="The numbers are estimated from one in this many users."
    )
    overlaps = AppliedBoostSerializer(
        many=True, help_text="Other boosts that run at the same time."
    )
    together = serializers.CharField(
        help_text="The factor of this boost and the others together."
    )

    @classmethod
    def serialize(cls, value: Any) -> dict[str, Any]:
        return {**super().serialize(value), "together": str(value.together)}


class UserBoostSerializer(FactorSerializer):
    """A boost, as it holds for the user."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    starts_at = serializers.DateTimeField(help_text="When it begins for the user.")
    ends_at = serializers.DateTimeField(help_text="When it ends for the user.")
    is_running = serializers.BooleanField(help_text="Whether it holds now.")
    activities = serializers.ListField(
        child=serializers.CharField(), help_text="Keys; empty for all."
    )
    where = serializers.ListField(
        help_text="Conditions on attributes: attribute, operator and value."
    )


class UserBoostsSerializer(ResponseSerializer):
    """The boosts that hold now or are coming."""

    results = UserBoostSerializer(many=True)
