"""Leaderboards: users in order of the XP that they earned in a period."""

from __future__ import annotations

from gamification.domain.periods import Period, Window
from gamification.leaderboards.reading import (
    MAX_DEPTH,
    aget_leaderboard,
    aget_winners,
    get_leaderboard,
    get_winners,
)
from gamification.leaderboards.requests import period_after, period_before, period_of
from gamification.leaderboards.upkeep.building import rebuild_boards, reopen_board
from gamification.leaderboards.upkeep.proof import (
    count_drifts,
    has_boards,
    score_drifts,
)
from gamification.leaderboards.upkeep.tending import count_again, tend_boards
from gamification.leaderboards.values import (
    EVERYBODY,
    Group,
    LeaderboardEntry,
    LeaderboardPage,
    PeriodState,
    Ranking,
    Winners,
)

__all__ = [
    "EVERYBODY",
    "MAX_DEPTH",
    "Group",
    "LeaderboardEntry",
    "LeaderboardPage",
    "Period",
    "PeriodState",
    "Ranking",
    "Window",
    "Winners",
    "aget_leaderboard",
    "aget_winners",
    "count_again",
    "count_drifts",
    "get_leaderboard",
    "get_winners",
    "has_boards",
    "period_after",
    "period_before",
    "period_of",
    "rebuild_boards",
    "reopen_board",
    "score_drifts",
    "tend_boards",
]
