"""Reads the catalogue into the values on which decisions are based."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from gamification.domain.catalogue import AchievementRule, ActivityRule, Catalogue
from gamification.models import Achievement, Activity

ACTIVITY_FIELDS = [field.name for field in fields(ActivityRule)]
ACHIEVEMENT_FIELDS = [field.name for field in fields(AchievementRule)]


def load_catalogue(alias: str) -> Catalogue:
    """Return all activities and achievements as they are now, in two queries."""
    activities = Activity.objects.using(alias).values_list(*ACTIVITY_FIELDS)
    achievements = Achievement.objects.using(alias).values_list(*ACHIEVEMENT_FIELDS)
    return make_catalogue(activities.order_by("id"), achievements.order_by("id"))


def make_catalogue(
    activities: Iterable[Sequence[Any]], achievements: Iterable[Sequence[Any]]
) -> Catalogue:
    """Return the catalogue made from rows with the fields above."""
    return Catalogue(
        [ActivityRule(*row) for row in activities],
        [AchievementRule(*row) for row in achievements],
    )
