"""The values that verbs return, for annotations of types."""

from __future__ import annotations

from gamification.domain.boost_times import BoostState
from gamification.domain.boosted import AppliedBoost, Boosted
from gamification.domain.outcomes import (
    CelebrationNotice,
    Entry,
    Outcome,
    Unlock,
    Withheld,
)
from gamification.domain.streaks import StreakState, StreakStatus
from gamification.services.boosts.listing import UserBoost
from gamification.services.boosts.preview import BoostDay, BoostPreview
from gamification.services.players.achievements import AchievementProgress
from gamification.services.players.conditions import ConditionProgress
from gamification.services.players.explanations import Explanation
from gamification.services.players.progress import ProfileSummary
from gamification.services.players.rarity import Rarity
from gamification.services.players.settings import TimeZoneChange
from gamification.services.recording.verbs import BatchReport
from gamification.services.streaks.freezes import FreezeGrant
from gamification.services.streaks.mass_repairs import RepairReport
from gamification.services.streaks.preview import StreakPreview

__all__ = [
    "AchievementProgress",
    "AppliedBoost",
    "BatchReport",
    "BoostDay",
    "BoostPreview",
    "BoostState",
    "Boosted",
    "CelebrationNotice",
    "ConditionProgress",
    "Entry",
    "Explanation",
    "FreezeGrant",
    "Outcome",
    "ProfileSummary",
    "Rarity",
    "RepairReport",
    "StreakPreview",
    "StreakState",
    "StreakStatus",
    "TimeZoneChange",
    "Unlock",
    "UserBoost",
    "Withheld",
]
