"""Admin pages on which staff edit the catalogue and read history and progress."""

from __future__ import annotations

from gamification.admin import boards, history, jobs
from gamification.admin.boosts import pages as boosts
from gamification.admin.catalogue import activities
from gamification.admin.catalogue.achievements import pages as achievements
from gamification.admin.levels import pages as levels
from gamification.admin.players import progress
from gamification.admin.players.inlines import (
    GamificationInline,
    GamificationUserAdminMixin,
)
from gamification.admin.streaks import history as streak_history
from gamification.admin.streaks import pages as streaks

__all__ = [
    "GamificationInline",
    "GamificationUserAdminMixin",
    "achievements",
    "activities",
    "boards",
    "boosts",
    "history",
    "jobs",
    "levels",
    "progress",
    "streak_history",
    "streaks",
]
