"""Responses about other users, and the requests of staff about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from rest_framework import serializers

from gamification.api.fields import (
    BodySerializer,
    KeyField,
    NonBlankTextField,
    StrictIntegerField,
    TextField,
)
from gamification.api.idempotency import KeyTextField
from gamification.api.serializers import ResponseSerializer
from gamification.staff import MAX_ID, MAX_NOTE, MAX_TIMES

#: JSON clients represent integers exactly up to this size.
_MAX_AMOUNT: Final = 2**53

STREAK_STATES: Final = ("active", "at_risk", "frozen", "paused", "broken")

PROFILE_EXAMPLE: Final = {
    "user": "ada",
    "level": 5,
    "level_name": "Explorer",
    "level_icon": "🧭",
    "total_xp": 620,
    "streak": {"state": "at_risk", "current": 12, "longest": 30},
    "active_days": 41,
    "achievements": 4,
}


class PublicStreakSerializer(ResponseSerializer):
    """A user's streak as others see it."""

    state = serializers.ChoiceField(choices=STREAK_STATES)
    current = serializers.IntegerField(
        help_text="Days, or weeks or months; 0 when broken."
    )
    longest = serializers.IntegerField(help_text="In the same unit.")


class UserLevelSerializer(ResponseSerializer):
    """A user, and the level that the user has reached."""

    user = serializers.CharField(help_text="The user's public name.")
    level = serializers.IntegerField(source="progress.level.level")
    level_name = serializers.CharField(
        source="progress.level_name",
        help_text="The level's name, in the language of the request; can be empty.",
    )
    level_icon = serializers.CharField(
        source="progress.level_icon",
        help_text="An emoji or the name of an icon; can be empty.",
    )
    total_xp = serializers.IntegerField(source="progress.level.total_xp")


class PublicProfileSerializer(UserLevelSerializer):
    """The progress of a public user."""

    streak = PublicStreakSerializer(source="progress.streak")
    active_days = serializers.IntegerField(source="progress.active_days")
    achievements = serializers.IntegerField(
        help_text="Number of unlocked achievements that you may see."
    )


class XPAmountField(StrictIntegerField):
    """XP to add, or to remove if negative; not 0."""

    #: OpenAPI 3.0 has no "const".
    json_schema: ClassVar[Mapping[str, Any]] = {"not": {"enum": [0]}}

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=-_MAX_AMOUNT, max_value=_MAX_AMOUNT, **options)


class NoteBody(BodySerializer):
    """The reason for an operation of staff, in at least one of two notes."""

    at_least_one = ("note", "internal_note")

    note = NonBlankTextField(
        max_length=MAX_NOTE,
        required=False,
        help_text="The reason, as the user can read it in the ledger.",
    )
    internal_note = NonBlankTextField(
        max_length=MAX_NOTE,
        required=False,
        help_text="The reason, for staff alone. Send this note or the other, or both.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"note": "", "internal_note": "", **super().validate(attrs)}


class TimesField(StrictIntegerField):
    """Which time a user earns an achievement: 1 for the first."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_TIMES, required=False, **options)


class AwardBody(NoteBody):
    """An achievement to award."""

    achievement = KeyField(help_text="Key of the achievement.")
    number = TimesField(help_text="Which award it is: 2 for the second.")


class RevocationBody(NoteBody):
    """A reason for revoking an achievement."""

    number = TimesField(help_text="Which time is taken away; without it, all are.")


class AdjustmentBody(NoteBody):
    """XP to add or remove."""

    amount = XPAmountField(help_text="XP to add; negative to remove XP.")
    key = KeyTextField(
        help_text="Makes the adjustment only once, however often it is sent.",
    )


class ReversalBody(NoteBody):
    """An entry of the ledger to reverse."""

    entry = StrictIntegerField(
        min_value=1, max_value=MAX_ID, help_text="Id of the entry."
    )
    fingerprint = TextField(
        max_length=32,
        required=False,
        help_text="The entry's fingerprint. Another entry with its id is refused, such "
        "as after the database was restored from a backup.",
    )
