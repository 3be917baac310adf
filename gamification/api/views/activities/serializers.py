"""Definitions of activities, as requests and responses have them."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from gamification.api.fields import (
    BodySerializer,
    KeyField,
    NonBlankTextField,
    StrictBooleanField,
    StrictIntegerField,
    TextField,
    TypesField,
)
from gamification.api.pagination import page_serializer
from gamification.api.serializers import ResponseSerializer
from gamification.models import Activity

#: Limits of the model's fields.
_NAME: Final = 100
_DESCRIPTION: Final = 1_000
_REWARD: Final = 1_000_000
_LIMIT: Final = 1_000_000
_COOLDOWN: Final = 31_536_000

NEW_EXAMPLE: Final = {
    "key": "review",
    "name": "Review",
    "xp_reward": 10,
    "attributes": {"genre": "string", "pages": "integer"},
}
EDIT_EXAMPLE: Final = {"xp_reward": 15}
EXAMPLE: Final = {
    **NEW_EXAMPLE,
    "description": "",
    "daily_limit": None,
    "cooldown": None,
    "extends_streak": True,
    "is_active": True,
}


def _number(most: int, least: int = 0, **options: Any) -> StrictIntegerField:
    return StrictIntegerField(
        min_value=least, max_value=most, required=False, **options
    )


class EditActivityBody(BodySerializer):
    """Changes to an activity. Fields that are left out stay as they are."""

    name = NonBlankTextField(max_length=_NAME, required=False)
    description = TextField(max_length=_DESCRIPTION, allow_blank=True, required=False)
    xp_reward = _number(_REWARD, help_text="XP for each unit.")
    daily_limit = _number(
        _LIMIT, 1, allow_null=True, help_text="Units a day that earn XP; null for all."
    )
    cooldown = _number(
        _COOLDOWN,
        1,
        allow_null=True,
        help_text="Seconds between rewarded records; null for none.",
    )
    extends_streak = StrictBooleanField(required=False)
    attributes = TypesField(
        required=False,
        help_text="The attributes that a record can have, with their types. A type "
        "stays while entries of the ledger have the attribute.",
    )
    is_active = StrictBooleanField(required=False)


class NewActivityBody(EditActivityBody):
    """A new activity."""

    defaults_of = Activity

    key = KeyField(help_text="Cannot be changed later.")
    name = NonBlankTextField(max_length=_NAME)


class ActivitySerializer(ResponseSerializer):
    """An activity, which users do and other services record."""

    key = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    xp_reward = serializers.IntegerField(help_text="XP for each unit.")
    daily_limit = serializers.IntegerField(
        allow_null=True, help_text="Units a day that earn XP; null for all."
    )
    cooldown = serializers.IntegerField(
        allow_null=True, help_text="Seconds between rewarded records; null for none."
    )
    extends_streak = serializers.BooleanField()
    attributes = serializers.DictField(
        child=serializers.CharField(),
        help_text="The attributes that a record can have, with their types.",
    )
    is_active = serializers.BooleanField(help_text="Whether it can be recorded.")


ActivityPageSerializer = page_serializer(ActivitySerializer)
