"""Backfills: awarding an achievement to users who met it before it existed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request

from gamification import exceptions as ours
from gamification.api.fields import (
    BodySerializer,
    StrictBooleanField,
    StrictIntegerField,
    TextField,
)
from gamification.api.operations import operation
from gamification.api.serializers import ResponseSerializer
from gamification.api.views.base import GamificationViewSet, not_found_on
from gamification.staff import (
    BackfillProgress,
    backfill_achievement,
    preview_backfill,
    visible_users,
)
from gamification.user_lookup import public_name

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


class NamedPreview(NamedTuple):
    """The effects of a backfill, with the names of users."""

    users: int
    sample: list[str]
    xp: int
    level_changes: int


class BackfillPreviewSerializer(ResponseSerializer):
    """The effects that a backfill would have now."""

    users = serializers.IntegerField(
        help_text="Users who would receive the achievement."
    )
    sample = serializers.ListField(
        child=serializers.CharField(),
        help_text="Names of some of these users, limited to those whom you may see.",
    )
    xp = serializers.IntegerField(help_text="XP that they would receive in total.")
    level_changes = serializers.IntegerField(
        help_text="Users who would reach another level with that XP."
    )


class BackfillBody(BodySerializer):
    """The next batch of a backfill, and how to award it."""

    after = TextField(
        max_length=255,
        allow_null=True,
        default=None,
        help_text="``after`` of the last response; null to start.",
    )
    limit = StrictIntegerField(
        min_value=1, max_value=1_000, default=1_000, help_text="Users in the batch."
    )
    celebrate = StrictBooleanField(
        default=False, help_text="Whether to create celebrations for the users."
    )
    note = TextField(
        max_length=2_000,
        allow_blank=True,
        default="",
        help_text="The reason, as the users can read it in their ledgers.",
    )
    internal_note = TextField(
        max_length=2_000,
        allow_blank=True,
        default="",
        help_text="The reason, for staff alone.",
    )


class BackfillProgressSerializer(ResponseSerializer):
    """The progress of a backfill."""

    awarded = serializers.IntegerField(help_text="Users who received it in this batch.")
    xp = serializers.IntegerField(
        help_text="XP that they received, including other achievements."
    )
    followed = serializers.IntegerField(
        help_text="Other achievements that these users unlocked as a result."
    )
    remaining = serializers.IntegerField(help_text="Users in later batches.")
    after = serializers.CharField(
        allow_null=True,
        help_text="Where the next batch starts; null after the last one.",
    )


class BackfillActions(GamificationViewSet):
    """The operations of a backfill."""

    @action(detail=True)
    @operation(
        response=BackfillPreviewSerializer,
        permission="gamification.change_achievement",
        response_example=_PREVIEW,
    )
    def backfill(self, request: Request, key: str) -> NamedPreview:
        """Preview the effects of a backfill of the achievement.

        The preview changes nothing. It names only users whom you may see.
        """
        with not_found_on(ours.UnknownAchievementError):
            preview = preview_backfill(key)
        shown = visible_users(preview.sample, request.user)
        names = [public_name(user) for user in shown]
        return NamedPreview(preview.users, names, preview.xp, preview.level_changes)

    @backfill.mapping.post
    @operation(
        body=BackfillBody,
        response=BackfillProgressSerializer,
        permission="gamification.award_achievement",
        scope="write",
        errors=(ours.AchievementNotActiveError, ours.UnknownUserError),
        body_example={"after": None, "limit": 100, "note": "Earned before it existed."},
        response_example=_PROGRESS,
    )
    def award(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> BackfillProgress:
        """Award the achievement to the next batch of users who have met it.

        Repeat the request with ``after`` from the response until it is null. Sending a
        batch again changes nothing.
        """
        with not_found_on(ours.UnknownAchievementError):
            done = backfill_achievement(key, actor=request.user, **body)
        return replace(done, after=None if done.after is None else str(done.after))
