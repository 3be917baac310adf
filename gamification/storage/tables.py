"""The names of the tables, taken from the models."""

from __future__ import annotations

from gamification.models import (
    Achievement,
    ActiveDay,
    Activity,
    ActivityTally,
    Boost,
    CatalogueStamp,
    Celebration,
    CountFilter,
    FilterTally,
    LedgerEntry,
    Level,
    PendingScore,
    RepairedDate,
    StreakDefinition,
    StreakFreeze,
    StreakPause,
    UserAchievement,
    UserGamification,
)

PROFILES = UserGamification._meta.db_table
LEDGER = LedgerEntry._meta.db_table
TALLIES = ActivityTally._meta.db_table
DAYS = ActiveDay._meta.db_table
UNLOCKS = UserAchievement._meta.db_table
CELEBRATIONS = Celebration._meta.db_table
CATALOGUE_STAMPS = CatalogueStamp._meta.db_table
ACTIVITIES = Activity._meta.db_table
ACHIEVEMENTS = Achievement._meta.db_table
LEVELS = Level._meta.db_table
PENDING_SCORES = PendingScore._meta.db_table
FILTERS = CountFilter._meta.db_table
FILTER_TALLIES = FilterTally._meta.db_table
STREAKS = StreakDefinition._meta.db_table
FREEZES = StreakFreeze._meta.db_table
PAUSES = StreakPause._meta.db_table
BOOSTS = Boost._meta.db_table
REPAIRS = RepairedDate._meta.db_table
