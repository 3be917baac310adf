"""Backfills: awarding an achievement to users who met it before it existed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from gamification.api.views.achievements.definitions import (
    EXAMPLE_EDIT,
    EXAMPLE_PREVIEW,
    EditAchievementBody,
    PreviewAchievementBody,
)
from gamification.api.views.base import GamificationViewSet, not_found_on
from gamification.api.views.editing import previewing
from gamification.models import Achievement
from gamification.staff import (
    backfill_achievement,
    draft_achievement,
    preview_backfill,
    reach_problem,
    visible_users,
)
from gamification.user_lookup import public_name
from gamification.values import (
    BackfillPreview,
    BackfillProgress,
    Estimate,
    UnlockEffect,
)

_PREVIEW: Final = {
    "users": 230,
    "sample": ["ada", "grace"],
    "xp": 13_500,
    "level_changes": 41,
    "unlocks": [
        {
            "achievement": "level_5",
            "name": "Seasoned",
            "users": {"value": 20, "low": 20, "high": 20},
        }
    ],
    "ranges": {
        "users": {"value": 230, "low": 230, "high": 230},
        "xp": {"value": 13_500, "low": 13_500, "high": 13_500},
        "level_changes": {"value": 41, "low": 41, "high": 41},
    },
    "played": 230,
    "is_exact": True,
}
_DRAFT: Final = {
    "requirement": "Users earn it when they have done “KPI completed” 10 times.",
    "problem": "",
    "effect": _PREVIEW,
}
_PROGRESS: Final = {
    "awarded": 100,
    "xp": 5_000,
    "followed": 3,
    "remaining": 130,
    "after": "412",
}


class PreviewRanges(NamedTuple):
    """The numbers of a preview, with their ranges."""

    users: Estimate
    xp: Estimate
    level_changes: Estimate


class NamedPreview(NamedTuple):
    """The effects of a backfill, with the names of users."""

    users: int
    sample: list[str]
    xp: int
    level_changes: int
    unlocks: Sequence[UnlockEffect]
    ranges: PreviewRanges
    played: int
    is_exact: bool

    @classmethod
    def of(cls, preview: BackfillPreview, names: list[str]) -> NamedPreview:
        effects = preview.effects
        ranges = PreviewRanges(effects.users, effects.xp, effects.raised)
        users, xp, level_changes = (each.value for each in ranges)
        return cls(
            users,
            names,
            xp,
            level_changes,
            preview.also,
            ranges,
            effects.played,
            effects.is_exact,
        )


class EstimateSerializer(ResponseSerializer):
    """A number, and its range with a confidence of 95 %."""

    value = serializers.IntegerField()
    low = serializers.IntegerField(help_text="Equal to ``value`` if it is exact.")
    high = serializers.IntegerField(help_text="Equal to ``value`` if it is exact.")


class UnlockEffectSerializer(ResponseSerializer):
    """An achievement that users would unlock, too."""

    achievement = serializers.CharField(source="key", help_text="Its key.")
    name = serializers.CharField()
    users = EstimateSerializer(help_text="Users who would unlock it.")


class PreviewRangesSerializer(ResponseSerializer):
    """The numbers of a preview, with their ranges."""

    users = EstimateSerializer()
    xp = EstimateSerializer()
    level_changes = EstimateSerializer()


class BackfillPreviewSerializer(ResponseSerializer):
    """The effects that a backfill would have now, with all that follows from it."""

    users = serializers.IntegerField(
        help_text="Users who would receive the achievement."
    )
    sample = serializers.ListField(
        child=serializers.CharField(),
        help_text="Names of some of these users, limited to those whom you may see.",
    )
    xp = serializers.IntegerField(
        help_text="XP that they would receive in total, including ``unlocks``."
    )
    level_changes = serializers.IntegerField(
        help_text="Users who would reach a higher level."
    )
    unlocks = UnlockEffectSerializer(
        many=True,
        help_text="Other achievements that these users would unlock: those that "
        "follow, and those that they have met already.",
    )
    ranges = PreviewRangesSerializer(
        help_text="The same numbers with their ranges, which are exact unless there "
        "are too many users to simulate."
    )
    played = serializers.IntegerField(
        help_text="Users for whom the backfill was simulated: all, or a random sample."
    )
    is_exact = serializers.BooleanField(help_text="Whether all users were simulated.")


class DraftPreview(NamedTuple):
    """A definition that is not saved: its text and its effect."""

    requirement: str
    problem: str
    effect: NamedPreview


class DraftPreviewSerializer(ResponseSerializer):
    """The requirement of an achievement in words, and the users it would reach."""

    requirement = serializers.CharField(help_text="All that users must meet, in words.")
    problem = serializers.CharField(
        help_text="Why nobody can ever reach it; empty if somebody can."
    )
    effect = BackfillPreviewSerializer(
        help_text="The effect of a backfill once it is saved and active."
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

    @action(detail=False, methods=["post"], url_path="preview", url_name="preview-new")
    @previewing(
        body=PreviewAchievementBody,
        response=DraftPreviewSerializer,
        permission="gamification.add_achievement",
        body_example=EXAMPLE_PREVIEW,
        response_example=_DRAFT,
    )
    def preview_new(self, request: Request, body: Mapping[str, Any]) -> DraftPreview:
        """Preview a new achievement, in words and with its effect.

        The preview saves nothing.
        """
        return _drafted(request.user, draft_achievement(None, **body))

    @action(detail=True, methods=["post"])
    @previewing(
        body=EditAchievementBody,
        response=DraftPreviewSerializer,
        permission="gamification.change_achievement",
        body_example=EXAMPLE_EDIT,
        response_example=_DRAFT,
    )
    def preview(
        self, request: Request, key: str, body: Mapping[str, Any]
    ) -> DraftPreview:
        """Preview an achievement with other fields, in words and with its effect.

        The preview saves nothing.
        """
        with not_found_on(ours.UnknownAchievementError):
            return _drafted(request.user, draft_achievement(key, **body))

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
        return _named(request.user, preview)

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


def _drafted(user: Any, draft: Achievement) -> DraftPreview:
    effect = _named(user, preview_backfill(draft))
    return DraftPreview(draft.requirement, reach_problem(draft), effect)


def _named(user: Any, preview: BackfillPreview) -> NamedPreview:
    shown = visible_users(preview.sample, user)
    return NamedPreview.of(preview, [public_name(each) for each in shown])
