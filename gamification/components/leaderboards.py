"""A part of a leaderboard, with the viewer's own place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from gamification.conf import conf
from gamification.leaderboards import (
    LeaderboardEntry,
    LeaderboardPage,
    Period,
    get_leaderboard,
)
from gamification.services import get_progress
from gamification.staff import user_id_of
from gamification.user_lookup import public_name


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, with what others call the user."""

    entry: LeaderboardEntry
    name: str
    is_own: bool


def leaderboard_of(
    window: str,
    *,
    around: Any,
    viewer: Any,
    page: int | None = None,
    page_size: int = 10,
    period: str | None = None,
) -> dict[str, Any]:
    """Return what a leaderboard shows."""
    board = get_leaderboard(
        window,
        period=period,
        around=around,
        viewer=viewer,
        page=page or 1,
        page_size=page_size,
    )
    own = None if viewer is None else user_id_of(viewer)
    return {
        "board": board,
        "rows": [
            Row(entry, public_name(entry.user), is_own=entry.user_id == own)
            for entry in board.entries
        ],
        "begins": _first_day(board.period),
        "own_is_elsewhere": _is_elsewhere(board),
        "previous_page": page and not around and page > 1 and page - 1,
        "next_page": page and not around and _has_more(board) and page + 1,
        "reason": _why_not_ranked(board, viewer),
    }


def _first_day(period: Period) -> date | None:
    zone = ZoneInfo(period.zone)
    return period.starts_at and period.starts_at.astimezone(zone).date()


def _has_more(board: LeaderboardPage) -> bool:
    return board.offset + board.page_size < board.count


def _is_elsewhere(board: LeaderboardPage) -> bool:
    return board.me is not None and board.me not in board.entries


def _why_not_ranked(board: LeaderboardPage, viewer: Any) -> str:
    """Return why the viewer has no place: ``hidden``, ``staff``, ``idle``, or not."""
    if viewer is None or board.me:
        return ""
    if not get_progress(viewer).is_public:
        return "hidden"
    is_staff = getattr(viewer, "is_staff", False) and not conf.RANKS_STAFF
    return "staff" if is_staff else "idle"
