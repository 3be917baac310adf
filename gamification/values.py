"""The values that verbs return, for annotations of types."""

from __future__ import annotations

from gamification.domain.boost_times import BoostState
from gamification.domain.boosted import AppliedBoost, Boosted
from gamification.domain.catalogue import Facts
from gamification.domain.definitions import Differences, ItemDifference
from gamification.domain.estimates import Estimate
from gamification.domain.outcomes import (
    CelebrationNotice,
    Entry,
    Outcome,
    Unlock,
    Withheld,
)
from gamification.domain.streaks import StreakState, StreakStatus
from gamification.services.balance.recalculation.preview import (
    ActivityCorrection,
    RecalculationPreview,
)
from gamification.services.balance.report import BalanceReport, UnlockCounts, XPSource
from gamification.services.balance.simulation import Simulation
from gamification.services.balance.worlds import SimulatedNumber
from gamification.services.boosts.listing import UserBoost
from gamification.services.boosts.preview import BoostDay, BoostPreview
from gamification.services.catalogue.backfill.awarding import BackfillProgress
from gamification.services.catalogue.backfill.preview import BackfillPreview
from gamification.services.catalogue.backfill.reach import Reach
from gamification.services.effects import UnlockEffect
from gamification.services.levels.describing import LevelChange
from gamification.services.levels.editing import SavedLevels
from gamification.services.levels.preview import LevelsPreview
from gamification.services.many.preview import ActPreview
from gamification.services.players.achievements import AchievementProgress
from gamification.services.players.conditions import ConditionProgress
from gamification.services.players.explanations import Explanation
from gamification.services.players.progress import ProfileSummary
from gamification.services.players.rarity import Rarity
from gamification.services.players.settings import TimeZoneChange
from gamification.services.recording.verbs import BatchReport
from gamification.services.streaks.definitions.preview import StreakPreview
from gamification.services.streaks.freezes import FreezeGrant
from gamification.services.streaks.repairs.everybody import RepairReport

__all__ = [
    "AchievementProgress",
    "ActPreview",
    "ActivityCorrection",
    "AppliedBoost",
    "BackfillPreview",
    "BackfillProgress",
    "BalanceReport",
    "BatchReport",
    "BoostDay",
    "BoostPreview",
    "BoostState",
    "Boosted",
    "CelebrationNotice",
    "ConditionProgress",
    "Differences",
    "Entry",
    "Estimate",
    "Explanation",
    "Facts",
    "FreezeGrant",
    "ItemDifference",
    "LevelChange",
    "LevelsPreview",
    "Outcome",
    "ProfileSummary",
    "Rarity",
    "Reach",
    "RecalculationPreview",
    "RepairReport",
    "SavedLevels",
    "SimulatedNumber",
    "Simulation",
    "StreakPreview",
    "StreakState",
    "StreakStatus",
    "TimeZoneChange",
    "Unlock",
    "UnlockCounts",
    "UnlockEffect",
    "UserBoost",
    "Withheld",
    "XPSource",
]
