"""The admin's pages: the catalogue to be edited, history and progress to be read."""

from __future__ import annotations

from gamification.admin import achievements, activities, history, progress, runs
from gamification.admin.panel import GamificationInline, GamificationUserAdminMixin

__all__ = [
    "GamificationInline",
    "GamificationUserAdminMixin",
    "achievements",
    "activities",
    "history",
    "progress",
    "runs",
]
