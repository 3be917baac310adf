"""Responses with achievements, for users and for staff."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from gamification.api.pagination import page_example, page_serializer
from gamification.api.rule_fields import (
    ConditionField,
    ConditionProgressField,
    RuleField,
)
from gamification.api.serializers import ResponseSerializer
from gamification.conf import conf
from gamification.models import Achievement
from gamification.staff import SeasonState

EXAMPLE: Final = {
    "key": "kpi_10",
    "name": "Ten done",
    "description": "Complete 10 KPIs.",
    "icon": "medal-bronze",
    "category": "milestones",
    "xp_reward": 50,
    "series": "kpis",
    "step": 1,
    "is_secret": False,
    "progress": {"current": 4, "target": 10, "fraction": 0.4, "conditions": None},
    "times": 0,
    "max_times": 1,
    "season": None,
    "unlocked_at": None,
    "rarity": {
        "fraction": 0.25,
        "holders": 50,
        "of": 200,
        "worked_out_at": "2026-03-02T12:00:00Z",
    },
}
PAGE_EXAMPLE: Final = {**page_example(EXAMPLE), "secrets": None}
_HELD_EXAMPLE: Final = {
    "key": "kpi_10",
    "name": "Ten done",
    "description": "Complete 10 KPIs.",
    "icon": "medal-bronze",
    "category": "milestones",
    "series": "kpis",
    "step": 1,
    "xp_awarded": 50,
    "number": 1,
    "period": None,
    "unlocked_at": "2026-03-02T12:00:00Z",
}
HELD_PAGE_EXAMPLE: Final = page_example(_HELD_EXAMPLE)
EDITED_EXAMPLE: Final = EXAMPLE | {
    "criterion": "activity_count",
    "activity": "kpi_completed",
    "streak": None,
    "threshold": 10,
    "repeat_every": None,
    "repeat_period": "",
    "starts_at": None,
    "ends_at": None,
    "season_zone": "",
    "shown_outside_season": False,
    "counting": {},
    "conditions": {"holds": "first_kpi"},
    "requirement": "Users earn it when they have done “KPI completed” 10 times, and "
    "hold “First KPI”.",
    "revocable": False,
    "status": "active",
    "position": 20,
    "created_at": "2026-01-05T08:00:00Z",
    "updated_at": "2026-01-05T08:00:00Z",
    "met_already": 79,
    "problem": "",
}


_FIELDS: Final[Any] = Achievement._meta.get_field
#: The schema names the site's own categories, too.
CATEGORIES: Final = [category.key for category in conf.categories]
CRITERIA: Final = [value for value, _ in _FIELDS("criterion").choices]
SEASON_STATES: Final = [*SeasonState.values]
PERIODS: Final = ["", *(value for value, _ in _FIELDS("repeat_period").choices)]
STATUSES: Final = [value for value, _ in _FIELDS("status").choices]


class AchievementProgressSerializer(ResponseSerializer):
    """A user's progress towards an achievement."""

    current = serializers.IntegerField()
    target = serializers.IntegerField()
    fraction = serializers.FloatField(
        help_text="current / target, from 0 to 1; 1 once unlocked, unless it can be "
        "earned again."
    )
    conditions = ConditionProgressField(
        allow_null=True,
        help_text="How far the user is with what must also be met; null for nothing.",
    )


class AchievementRaritySerializer(ResponseSerializer):
    """How many of the active users hold an achievement."""

    fraction = serializers.FloatField(
        allow_null=True,
        help_text="holders / of, from 0 to 1; null without active users.",
    )
    holders = serializers.IntegerField()
    of = serializers.IntegerField(help_text="Users with at least one activity.")
    worked_out_at = serializers.DateTimeField(
        help_text="When the numbers were counted; they are cached."
    )


class AchievementSummarySerializer(ResponseSerializer):
    """The name and description of an achievement."""

    key = serializers.CharField(source="achievement.key")
    name = serializers.CharField(source="achievement.name")
    description = serializers.CharField(source="achievement.description")
    icon = serializers.CharField(
        source="achievement.icon",
        help_text="An emoji or the name of an icon; can be empty.",
    )
    category = serializers.ChoiceField(
        source="achievement.category", choices=CATEGORIES
    )
    series = serializers.CharField(
        source="achievement.series",
        help_text="The series that it belongs to; empty for none.",
    )
    step = serializers.IntegerField(
        source="achievement.step",
        allow_null=True,
        help_text="Its place in the series, from 1; null without a series.",
    )


class HeldAchievementSerializer(AchievementSummarySerializer):
    """An achievement that a user has unlocked."""

    xp_awarded = serializers.IntegerField(
        help_text="Its reward at the time it was unlocked."
    )
    number = serializers.IntegerField(
        help_text="Which time the user earned it: 1 for the first."
    )
    period = serializers.DateField(
        allow_null=True,
        help_text="The first date of the period for which it was earned, if any.",
    )
    unlocked_at = serializers.DateTimeField()


class SeasonSerializer(ResponseSerializer):
    """The time in which an achievement counts what happens."""

    state = serializers.ChoiceField(
        choices=SEASON_STATES, help_text="Its state now, for the user."
    )
    starts_at = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(
        allow_null=True, help_text="The first moment that no longer counts."
    )
    zone = serializers.CharField(
        help_text="The IANA zone of the times; empty means that they are what each "
        "user's clock shows, written as if it were UTC."
    )


class AchievementSerializer(AchievementSummarySerializer):
    """An achievement, and the progress of the user who sent the request."""

    xp_reward = serializers.IntegerField(source="achievement.xp_reward")
    is_secret = serializers.BooleanField(source="achievement.is_secret")
    progress = AchievementProgressSerializer()
    times = serializers.IntegerField(
        source="progress.times", help_text="How often the user holds it."
    )
    max_times = serializers.IntegerField(
        source="achievement.max_times",
        allow_null=True,
        help_text="How often a user can earn it; null means without end.",
    )
    season = SeasonSerializer(
        allow_null=True, help_text="When it can be earned; null means always."
    )
    unlocked_at = serializers.DateTimeField(
        source="progress.unlocked_at",
        allow_null=True,
        help_text="When the user earned it last; null until then.",
    )
    rarity = AchievementRaritySerializer()


class AchievementDefinitionSerializer(AchievementSerializer):
    """An achievement with its definition, for staff."""

    criterion = serializers.ChoiceField(
        source="achievement.criterion", choices=CRITERIA
    )
    activity = serializers.CharField(
        source="achievement.activity.key",
        allow_null=True,
        help_text="Key of the activity that the criterion counts, if it counts one.",
    )
    streak = serializers.CharField(
        source="achievement.streak.key",
        allow_null=True,
        help_text="Key of the streak that the criterion measures; null for the daily "
        "one, and if it measures none.",
    )
    threshold = serializers.IntegerField(source="achievement.threshold")
    counting = RuleField(
        source="achievement.counting",
        help_text="Which records the criterion counts, when and how.",
    )
    conditions = ConditionField(
        source="achievement.conditions",
        allow_null=True,
        help_text="Conditions that users must also meet; null for none.",
    )
    requirement = serializers.CharField(
        source="achievement.requirement",
        help_text="All that users must meet, when, and how often, in words.",
    )
    repeat_every = serializers.IntegerField(
        source="achievement.repeat_every",
        allow_null=True,
        help_text="How much more of the criterion earns it again.",
    )
    repeat_period = serializers.CharField(
        source="achievement.repeat_period",
        help_text="The period for each of which it is earned; empty for none.",
    )
    starts_at = serializers.DateTimeField(
        source="achievement.starts_at", allow_null=True
    )
    ends_at = serializers.DateTimeField(source="achievement.ends_at", allow_null=True)
    season_zone = serializers.CharField(source="achievement.season_zone")
    shown_outside_season = serializers.BooleanField(
        source="achievement.shown_outside_season"
    )
    revocable = serializers.BooleanField(
        source="achievement.revocable",
        help_text="Whether users lose it if what earned it is reversed.",
    )
    status = serializers.ChoiceField(source="achievement.status", choices=STATUSES)
    position = serializers.IntegerField(source="achievement.position")
    created_at = serializers.DateTimeField(source="achievement.created_at")
    updated_at = serializers.DateTimeField(source="achievement.updated_at")


class EditedAchievementSerializer(AchievementDefinitionSerializer):
    """An achievement that was just saved, and whom it reaches at once."""

    met_already = serializers.IntegerField(
        help_text="Users who already meet it. They get it with their next record, or "
        "now by a backfill. 0 unless it is active."
    )
    problem = serializers.CharField(
        help_text="Why nobody can ever reach it; empty if somebody can."
    )


def _secrets() -> serializers.IntegerField:
    meaning = "Secret achievements still to discover; null if the site hides it."
    return serializers.IntegerField(allow_null=True, help_text=meaning)


AchievementPageSerializer: Final = page_serializer(
    AchievementSerializer, secrets=_secrets
)
AchievementDefinitionPageSerializer: Final = page_serializer(
    AchievementDefinitionSerializer, secrets=_secrets
)
HeldAchievementPageSerializer: Final = page_serializer(HeldAchievementSerializer)
