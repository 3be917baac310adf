"""The tables: the catalogue, which staff edit, history, and users' progress."""

from __future__ import annotations

from gamification.domain.categories import AchievementCategory
from gamification.domain.days import in_zone
from gamification.domain.outcomes import CelebrationMode
from gamification.models.boards import Board, BoardScore, BoardSegment, PendingScore
from gamification.models.catalogue.achievements import Achievement
from gamification.models.catalogue.activities import Activity
from gamification.models.catalogue.boosts import Boost
from gamification.models.catalogue.levels import Level
from gamification.models.catalogue.stamp import CatalogueStamp
from gamification.models.catalogue.streaks import StreakDefinition
from gamification.models.celebrations import Celebration
from gamification.models.database import write_alias
from gamification.models.filters import CountFilter, FilterTally
from gamification.models.history import LedgerEntry
from gamification.models.jobs import Job, JobKind, JobState, JobUser
from gamification.models.progress import ActiveDay, ActivityTally, UserGamification
from gamification.models.restrictions import Restriction, RestrictionKind
from gamification.models.streaks import RepairedDate, StreakFreeze, StreakPause
from gamification.models.texts.levels import level_text
from gamification.models.unlocks import UserAchievement

__all__ = [
    "Achievement",
    "AchievementCategory",
    "ActiveDay",
    "Activity",
    "ActivityTally",
    "Board",
    "BoardScore",
    "BoardSegment",
    "Boost",
    "CatalogueStamp",
    "Celebration",
    "CelebrationMode",
    "CountFilter",
    "FilterTally",
    "Job",
    "JobKind",
    "JobState",
    "JobUser",
    "LedgerEntry",
    "Level",
    "PendingScore",
    "RepairedDate",
    "Restriction",
    "RestrictionKind",
    "StreakDefinition",
    "StreakFreeze",
    "StreakPause",
    "UserAchievement",
    "UserGamification",
    "in_zone",
    "level_text",
    "write_alias",
]
