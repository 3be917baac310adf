"""Levels, as requests and responses have them."""

from __future__ import annotations

from typing import Final

from rest_framework import serializers

from gamification.api.fields import (
    BodySerializer,
    BoundedListField,
    RequestSerializer,
    StrictIntegerField,
    TextField,
)
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.jobs.serializers import JobSerializer
from gamification.staff import MAX_LEVELS

_THRESHOLD: Final = 2**53
_NAME: Final = 100
_ICON: Final = 50

_NEWCOMER: Final = {"threshold": 0, "name": "Newcomer", "icon": "🌱"}
_EXPLORER: Final = {
    "threshold": 100,
    "name": "Explorer",
    "icon": "🧭",
    "translations": {"de": "Entdecker"},
}

BODY_EXAMPLE: Final = {"levels": [_NEWCOMER, _EXPLORER]}
EXAMPLE: Final = {
    "is_pinned": False,
    "results": [
        {**_NEWCOMER, "number": 1, "title": "Level 1 · Newcomer", "translations": {}},
        {**_EXPLORER, "number": 2, "title": "Level 2 · Explorer"},
    ],
}
PREVIEW_EXAMPLE: Final = {
    "played": 4_185,
    "is_exact": True,
    "users": 4_185,
    "xp": 6_800,
    "raised": 4_100,
    "lowered": 85,
    "unlocks": {"level_5": 68},
    "moves": [
        {"before": 4, "after": 5, "users": 4_100},
        {"before": 4, "after": 3, "users": 85},
    ],
}


class LevelPart(RequestSerializer):
    """A level of a table; its place in the list is its number."""

    threshold = StrictIntegerField(
        min_value=0,
        max_value=_THRESHOLD,
        help_text="Total XP at which the level starts: 0 first, then rising.",
    )
    name = TextField(max_length=_NAME, allow_blank=True, default="")
    icon = TextField(
        max_length=_ICON,
        allow_blank=True,
        default="",
        help_text="An emoji or the name of an icon.",
    )
    translations = serializers.DictField(
        child=TextField(max_length=_NAME, allow_blank=True),
        default=dict,
        help_text="The name in other languages, by code, such as ``de`` or ``pt-br``.",
    )


class LevelsBody(BodySerializer):
    """All levels, in order."""

    levels = BoundedListField(child=LevelPart(), min_length=1, max_length=MAX_LEVELS)


class LevelSerializer(ResponseSerializer):
    """A level of the table."""

    number = serializers.IntegerField()
    title = serializers.CharField(
        help_text="The text to show for it, in the language of the request."
    )
    threshold = serializers.IntegerField(
        help_text="Total XP at which the level starts."
    )
    name = serializers.CharField(help_text="The name of the level; can be empty.")
    icon = serializers.CharField(
        help_text="An emoji or the name of an icon; can be empty."
    )
    translations = serializers.DictField(
        child=serializers.CharField(),
        help_text="The name in other languages, by code.",
    )


class LevelsSerializer(ResponseSerializer):
    """The table of levels."""

    is_pinned = serializers.BooleanField(
        help_text="Whether the site's settings define the levels, instead of its staff."
    )
    results = LevelSerializer(many=True)


class SavedLevelsSerializer(LevelsSerializer):
    """The table of levels after it was saved."""

    changed = serializers.IntegerField(help_text="Number of levels that changed.")
    job = JobSerializer(
        allow_null=True,
        help_text="The job that gives users their new levels; null if no threshold "
        "changed. Send its ``step`` until it is finished.",
    )


class LevelMoveSerializer(ResponseSerializer):
    """Users who move from one level to another."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()
    users = serializers.IntegerField()


class LevelsPreviewSerializer(ResponseSerializer):
    """The effects that a table of levels would have now."""

    played = serializers.IntegerField(help_text="Users on whom the numbers are based.")
    is_exact = serializers.BooleanField(
        help_text="Whether these are all users; otherwise, the numbers are estimates."
    )
    users = serializers.IntegerField(help_text="Users whose level would change.")
    xp = serializers.IntegerField(
        help_text="XP of the achievements that users would unlock."
    )
    raised = serializers.IntegerField(help_text="Users who would reach a higher level.")
    lowered = serializers.IntegerField(
        help_text="Users who would fall to a lower level."
    )
    unlocks = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Users who would unlock each achievement, by key.",
    )
    moves = LevelMoveSerializer(many=True)
