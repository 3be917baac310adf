"""What is said of other users, and what staff send about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from rest_framework import serializers

from gamification.api.fields import Body, Slug, Text, Whole, Words
from gamification.api.serializers import ResponseSerializer
from gamification.staff import (
    MAX_ID,
    MAX_NAME,
    MAX_NOTE,
)

#: Whole numbers up to here are kept by JSON.
_MOST: Final = 2**53

PROFILE_EXAMPLE: Final = {
    "user": "ada",
    "level": 5,
    "total_xp": 620,
    "streak": {"state": "at_risk", "current": 12, "longest": 30},
    "active_days": 41,
    "achievements": 4,
}


class PublicStreakSerializer(ResponseSerializer):
    """A streak as others see it."""

    state = serializers.ChoiceField(choices=["active", "at_risk", "broken"])
    current = serializers.IntegerField(help_text="Days; 0 once broken.")
    longest = serializers.IntegerField(help_text="Days.")


class PublicProfileSerializer(ResponseSerializer):
    """Where a public user stands."""

    user = serializers.CharField(help_text="The user's public name.")
    level = serializers.IntegerField(source="progress.level.level")
    total_xp = serializers.IntegerField(source="progress.level.total_xp")
    streak = PublicStreakSerializer(source="progress.streak")
    active_days = serializers.IntegerField(source="progress.active_days")
    achievements = serializers.IntegerField(
        help_text="How many they hold of those that you may see."
    )


class Amount(Whole):
    """A whole number of XP to add, or to take if it is negative; not 0."""

    json_schema: ClassVar[Mapping[str, Any]] = {"not": {"const": 0}}

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=-_MOST, max_value=_MOST, **options)


class NoteBody(Body):
    """Why staff do something."""

    note = Words(max_length=MAX_NOTE, help_text="Why. It stands in the ledger.")


class AwardBody(NoteBody):
    """An achievement that is awarded by hand."""

    achievement = Slug(help_text="Its key.")


class AdjustmentBody(NoteBody):
    """XP that is added or taken by hand."""

    amount = Amount(help_text="XP; negative to take some.")
    key = Text(
        max_length=MAX_NAME,
        required=False,
        help_text="Makes the adjustment once, however often it is sent.",
    )


class ReversalBody(NoteBody):
    """An entry of the ledger that is taken back."""

    entry = Whole(min_value=1, max_value=MAX_ID, help_text="Its id.")
