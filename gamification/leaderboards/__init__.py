"""Leaderboards: users in order of the XP that they earned in a period."""

from __future__ import annotations

from gamification.domain.periods import Period, Window
from gamification.leaderboards.building import rebuild_boards, reopen_board
from gamification.leaderboards.proof import count_drifts, score_drifts
from gamification.leaderboards.reading import (
    aget_leaderboard,
    aget_winners,
    get_leaderboard,
    get_winners,
)
from gamification.leaderboards.upkeep import tend_boards
from gamification.leaderboards.values import (
    LeaderboardEntry,
    LeaderboardPage,
    PeriodState,
    Ranking,
)

__all__ = [
    "LeaderboardEntry",
    "LeaderboardPage",
    "Period",
    "PeriodState",
    "Ranking",
    "Window",
    "aget_leaderboard",
    "aget_winners",
    "count_drifts",
    "get_leaderboard",
    "get_winners",
    "rebuild_boards",
    "reopen_board",
    "score_drifts",
    "tend_boards",
]
