"""Awarding an achievement to those who earned it before: preview, then batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from gamification import exceptions as ours
from gamification.api.fields import Body, Flag, Text, Whole
from gamification.api.operations import operation
from gamification.api.serializers import ResponseSerializer
from gamification.api.user_lookup import name_of
from gamification.api.views.base import GamificationViewSet, answering_404
from gamification.staff import (
    BackfillProgress,
    backfill_achievement,
    preview_backfill,
)

_PREVIEW: Final = {
    "users": 230,
    "sample": ["ada", "grace"],
    "xp": 11_500,
    "level_changes": 41,
}
_PROGRESS: Final = {
    "awarded": 100,
    "xp": 5_000,
    "followed": 3,
    "remaining": 130,
    "after": "412",
}


class Preview(NamedTuple):
    """What a backfill would do, with users by name."""

    users: int
    sample: list[str]
    xp: int
    level_changes: int


class PreviewSerializer(ResponseSerializer):
    """What a backfill would do now."""

    users = serializers.IntegerField(help_text="Users who would get it.")
    sample = serializers.ListField(
        child=serializers.CharField(), help_text="Names of the first of them."
    )
    xp = serializers.IntegerField(help_text="XP that they would get, all together.")
    level_changes = serializers.IntegerField(
        help_text="Those of them whom that XP would lift to another level."
    )


class BatchBody(Body):
    """Which of those who earned it come next, and how they get it."""

    after = Text(
        max_length=255,
        allow_null=True,
        default=None,
        help_text="``after`` of the last answer; null begins with the first.",
    )
    limit = Whole(min_value=1, max_value=1_000, default=1_000)
    celebrate = Flag(default=False, help_text="Whether users are shown that.")
    note = Text(max_length=2_000, allow_blank=True, default="")


class BatchSerializer(ResponseSerializer):
    """How far a backfill has come."""

    awarded = serializers.IntegerField(help_text="Users who got it by this request.")
    xp = serializers.IntegerField(help_text="XP that they got, with what followed.")
    followed = serializers.IntegerField(
        help_text="Other achievements that followed from it."
    )
    remaining = serializers.IntegerField(help_text="Users who come later.")
    after = serializers.CharField(
        allow_null=True, help_text="Where the next batch begins; null when all is done."
    )


class BackfillActions(GamificationViewSet):
    """Operations on what is below an achievement."""

    @action(detail=True)
    @operation(
        answer=PreviewSerializer,
        permission="gamification.change_achievement",
        example=_PREVIEW,
    )
    def backfill(self, request: Request, key: str) -> Preview:
        """Say what backfilling the achievement would do; change nothing."""
        with answering_404(ours.UnknownAchievementError):
            preview = preview_backfill(key)
        names = [name_of(user) for user in preview.sample]
        return Preview(preview.users, names, preview.xp, preview.level_changes)

    @backfill.mapping.post
    @operation(
        body=BatchBody,
        answer=BatchSerializer,
        permission="gamification.award_achievement",
        scope="write",
        errors=(ours.AchievementNotActiveError, ours.UnknownUserError),
        example_body={"after": None, "limit": 100, "note": "Earned before it existed."},
        example=_PROGRESS,
    )
    def award(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> BackfillProgress:
        """Give the achievement to the next batch of those who earned it before.

        Repeat with the ``after`` of the answer until that is null. A batch that is
        sent again changes nothing.
        """
        with answering_404(ours.UnknownAchievementError):
            done = backfill_achievement(key, actor=request.user, **body)
        return replace(done, after=None if done.after is None else str(done.after))
