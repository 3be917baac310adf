"""Reads the catalogue into the values that decisions are made with."""

from __future__ import annotations

from dataclasses import fields

from gamification.domain.rules import AchievementRule, ActivityRule, Catalogue
from gamification.models import Achievement, Activity

_ACTIVITY_FIELDS = [field.name for field in fields(ActivityRule)]
_ACHIEVEMENT_FIELDS = [field.name for field in fields(AchievementRule)]


def load_catalogue(alias: str) -> Catalogue:
    """Return all activities and achievements as they are now: two queries."""
    activities = Activity.objects.using(alias).values_list(*_ACTIVITY_FIELDS)
    achievements = Achievement.objects.using(alias).values_list(*_ACHIEVEMENT_FIELDS)
    return Catalogue(
        [ActivityRule(*row) for row in activities.order_by("id")],
        [AchievementRule(*row) for row in achievements.order_by("id")],
    )
