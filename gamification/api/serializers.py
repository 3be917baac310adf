"""What the API answers, field by field."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from gamification.models import UserAchievement
from gamification.services.standing import AchievementProgress, ProfileSummary


class AchievementSerializer(serializers.Serializer[AchievementProgress]):
    """An achievement, with the progress of the user who asks."""

    key = serializers.CharField(source="achievement.key")
    name = serializers.CharField(source="achievement.name")
    description = serializers.CharField(source="achievement.description")
    category = serializers.CharField(source="achievement.category")
    icon = serializers.CharField(source="achievement.icon")
    xp_reward = serializers.IntegerField(source="achievement.xp_reward")
    is_secret = serializers.BooleanField(source="achievement.is_secret")
    current = serializers.IntegerField()
    target = serializers.IntegerField()
    progress = serializers.FloatField(source="fraction")
    unlocked_at = serializers.DateTimeField()


class MyAchievementSerializer(serializers.Serializer[UserAchievement]):
    """An achievement that the user who asks holds."""

    key = serializers.CharField(source="achievement.key")
    name = serializers.CharField(source="achievement.name")
    description = serializers.CharField(source="achievement.description")
    category = serializers.CharField(source="achievement.category")
    icon = serializers.CharField(source="achievement.icon")
    xp_awarded = serializers.IntegerField()
    unlocked_at = serializers.DateTimeField()


class StreakSerializer(serializers.Serializer[Any]):
    """A streak as it stands now."""

    state = serializers.CharField()
    current = serializers.IntegerField()
    longest = serializers.IntegerField()
    last_active_on = serializers.DateField()
    lost_at = serializers.DateTimeField()


class MyGamificationSerializer(serializers.Serializer[ProfileSummary]):
    """Where the user who asks stands."""

    level = serializers.IntegerField(source="level.level")
    total_xp = serializers.IntegerField(source="level.total_xp")
    previous_threshold = serializers.IntegerField(source="level.previous_threshold")
    next_threshold = serializers.IntegerField(source="level.next_threshold")
    progress = serializers.FloatField(source="level.progress")
    highest_level = serializers.IntegerField()
    streak = StreakSerializer()
    active_days = serializers.IntegerField()
    achievements = serializers.IntegerField()
    time_zone = serializers.CharField()
