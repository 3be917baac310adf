"""A part of a leaderboard, with the viewer's own place, and winners of the past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from gamification.conf import conf
from gamification.leaderboards import (
    MAX_DEPTH,
    LeaderboardEntry,
    LeaderboardPage,
    get_leaderboard,
    get_winners,
)
from gamification.models import UserGamification
from gamification.staff import user_id_of
from gamification.user_lookup import public_name


@dataclass(frozen=True, slots=True)
class Row:
    """An entry, with the name by which others know the user."""

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
    scope: str | None = None,
) -> dict[str, Any]:
    """Return what a leaderboard shows, in at most three queries.

    A viewer without a place takes one more query. A ``page`` beyond the last one shows
    the last one, which takes up to three more.
    """
    ask = partial(
        get_leaderboard,
        window,
        period=period,
        scope=scope,
        around=around,
        viewer=viewer,
        page_size=page_size,
    )
    board = ask(page=page or 1)
    if page and page > 1 and not around and not board.entries:
        page = max(1, -(-min(board.listed, MAX_DEPTH) // page_size))
        board = ask(page=page)
    return {
        "board": board,
        "rows": rows_of(board.entries, viewer),
        "begins": board.period.first_day,
        "is_past": board.state != "open",
        "own_is_elsewhere": _is_elsewhere(board),
        "previous_page": page and not around and page > 1 and page - 1,
        "next_page": page and not around and _has_more(board) and page + 1,
        "reason": _why_not_ranked(board, viewer),
    }


def winners_of(
    window: str, *, viewer: Any, period: str | None = None
) -> dict[str, Any]:
    """Return who won a past period, in at most three queries."""
    winners = get_winners(window, period=period)
    return {
        "rows": rows_of(winners.entries, viewer),
        "begins": winners.period.first_day,
        "period": winners.period,
    }


def rows_of(entries: Iterable[LeaderboardEntry], viewer: Any = None) -> list[Row]:
    """Return entries with the names of their users; the viewer's own is marked."""
    own = None if viewer is None else user_id_of(viewer)
    return [
        Row(entry, public_name(entry.user), is_own=entry.user_id == own)
        for entry in entries
    ]


def _has_more(board: LeaderboardPage) -> bool:
    """Say whether there is a next page that can be asked for by its number."""
    return board.offset + board.page_size < min(board.listed, MAX_DEPTH)


def _is_elsewhere(board: LeaderboardPage) -> bool:
    return board.me is not None and board.me not in board.entries


def _why_not_ranked(board: LeaderboardPage, viewer: Any) -> str:
    """Return why the viewer has no place, or "".

    The reason is ``hidden``, ``staff``, ``idle``, or ``unlisted``. The last one does
    not tell why staff keep the viewer off leaderboards.
    """
    if viewer is None or board.me:
        return ""
    if board.is_hidden:
        return "hidden"
    is_staff = getattr(viewer, "is_staff", False) and not conf.RANKS_STAFF
    if is_staff:
        return "staff"
    return "unlisted" if _is_unlisted(user_id_of(viewer)) else "idle"


def _is_unlisted(user_id: Any) -> bool:
    """Say whether staff keep a user from leaderboards."""
    ranked = UserGamification.objects.ranked()
    return UserGamification.objects.filter(user=user_id).exclude(pk__in=ranked).exists()
