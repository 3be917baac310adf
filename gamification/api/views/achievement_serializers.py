"""How achievements are shown: to users, and to staff."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from rest_framework import serializers

from gamification.api.pagination import Page, page_of
from gamification.api.serializers import ResponseSerializer
from gamification.models import Achievement, AchievementCategory
from gamification.services import (
    AchievementProgress,
    get_rarity,
)

EXAMPLE: Final = {
    "key": "kpi_10",
    "name": "Ten done",
    "description": "Complete 10 KPIs.",
    "icon": "🥉",
    "category": "milestones",
    "xp_reward": 50,
    "is_secret": False,
    "progress": {"current": 4, "target": 10, "fraction": 0.4},
    "unlocked_at": None,
    "rarity": {
        "fraction": 0.25,
        "holders": 50,
        "of": 200,
        "worked_out_at": "2026-03-02T12:00:00Z",
    },
}
_PAGE: Final = {"count": 1, "next": None, "previous": None}
PAGE_EXAMPLE: Final = {**_PAGE, "results": [EXAMPLE], "secrets": None}
_HELD: Final = {
    "key": "kpi_10",
    "name": "Ten done",
    "description": "Complete 10 KPIs.",
    "icon": "🥉",
    "category": "milestones",
    "xp_awarded": 50,
    "unlocked_at": "2026-03-02T12:00:00Z",
}
HELD_EXAMPLE: Final = {**_PAGE, "results": [_HELD]}
DEFINITION: Final = EXAMPLE | {
    "criterion": "activity_count",
    "activity": "kpi_completed",
    "threshold": 10,
    "status": "active",
    "position": 20,
    "created_at": "2026-01-05T08:00:00Z",
    "updated_at": "2026-01-05T08:00:00Z",
}


_FIELDS: Final[Any] = Achievement._meta.get_field
CATEGORIES: Final = AchievementCategory.values
CRITERIA: Final = [value for value, _ in _FIELDS("criterion").choices]
STATUSES: Final = [value for value, _ in _FIELDS("status").choices]


class SeenRarity(NamedTuple):
    """How rare one achievement is."""

    #: None as long as nobody did anything.
    fraction: float | None
    holders: int
    of: int
    worked_out_at: datetime


class Seen(NamedTuple):
    """An achievement as somebody sees it."""

    achievement: Achievement
    progress: AchievementProgress
    rarity: SeenRarity


@dataclass(frozen=True, slots=True)
class AchievementPage(Page):
    """A page of achievements that are seen."""

    #: None where the site does not tell.
    secrets: int | None

    @classmethod
    def of(cls, page: Page, secrets: int | None) -> AchievementPage:
        """Return ``page`` with the number of secrets."""
        return cls(page.count, page.next, page.previous, page.results, secrets)


def with_rarity(rows: Iterable[AchievementProgress]) -> list[Seen]:
    """Return achievements as they are seen."""
    rarity = get_rarity()
    return [
        Seen(
            row.achievement,
            row,
            SeenRarity(
                rarity.share_of(row.achievement.pk),
                rarity.holders.get(row.achievement.pk, 0),
                rarity.denominator,
                rarity.worked_out_at,
            ),
        )
        for row in rows
    ]


class ProgressSerializer(ResponseSerializer):
    """How far the user is on the way to an achievement."""

    current = serializers.IntegerField()
    target = serializers.IntegerField()
    fraction = serializers.FloatField(
        help_text="Share of the way, 0 to 1; 1 once it is unlocked."
    )


class RaritySerializer(ResponseSerializer):
    """How many hold an achievement, among those who did anything at all."""

    fraction = serializers.FloatField(
        allow_null=True, help_text="Share, 0 to 1; null where there is nobody."
    )
    holders = serializers.IntegerField()
    of = serializers.IntegerField(  # type: ignore[assignment]
        help_text="Users who did anything at all."
    )
    worked_out_at = serializers.DateTimeField()


class DescribedSerializer(ResponseSerializer):
    """What an achievement is called, and what it is about."""

    key = serializers.CharField(source="achievement.key")
    name = serializers.CharField(source="achievement.name")
    description = serializers.CharField(source="achievement.description")
    icon = serializers.CharField(
        source="achievement.icon", help_text="An emoji, or a name; may be empty."
    )
    category = serializers.ChoiceField(
        source="achievement.category", choices=CATEGORIES
    )


class HeldSerializer(DescribedSerializer):
    """An achievement that a user holds."""

    xp_awarded = serializers.IntegerField(help_text="What it was worth at that time.")
    unlocked_at = serializers.DateTimeField()


class AchievementSerializer(DescribedSerializer):
    """An achievement, and how far the user who asks is on the way to it."""

    xp_reward = serializers.IntegerField(source="achievement.xp_reward")
    is_secret = serializers.BooleanField(source="achievement.is_secret")
    progress = ProgressSerializer()
    unlocked_at = serializers.DateTimeField(
        source="progress.unlocked_at",
        allow_null=True,
        help_text="Null until the user holds it.",
    )
    rarity = RaritySerializer()


class DefinitionSerializer(AchievementSerializer):
    """An achievement as staff see it: also what unlocks it, and for whom."""

    criterion = serializers.ChoiceField(
        source="achievement.criterion", choices=CRITERIA
    )
    activity = serializers.CharField(
        source="achievement.activity.key",
        allow_null=True,
        help_text="Key of what is counted, where the criterion counts an activity.",
    )
    threshold = serializers.IntegerField(source="achievement.threshold")
    status = serializers.ChoiceField(source="achievement.status", choices=STATUSES)
    position = serializers.IntegerField(source="achievement.position")
    created_at = serializers.DateTimeField(source="achievement.created_at")
    updated_at = serializers.DateTimeField(source="achievement.updated_at")


def _secrets() -> serializers.IntegerField:
    told = "How many secret ones the user could find out; null if the site keeps it."
    return serializers.IntegerField(allow_null=True, help_text=told)


AchievementPageSerializer: Final = page_of(AchievementSerializer, secrets=_secrets)
DefinitionPageSerializer: Final = page_of(DefinitionSerializer, secrets=_secrets)
HeldPageSerializer: Final = page_of(HeldSerializer)
