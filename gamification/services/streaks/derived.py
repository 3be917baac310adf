"""Works out again from the ledger how a user's streaks should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from gamification.domain.catalogue import Catalogue
from gamification.domain.freezes import FreezeRow
from gamification.domain.state import UserState
from gamification.domain.streak_keeper import StreakKeeper
from gamification.domain.streaks import Streak
from gamification.models import StreakFreeze, UserGamification
from gamification.storage.catalogue import load_catalogue
from gamification.storage.streaks import load_books, needs_book


class DerivedStreaks(NamedTuple):
    """The daily streak of a user, and what the ledger of freezes lacks."""

    daily: Streak
    missing: list[FreezeRow]


def derive_streaks(
    profiles: Iterable[UserGamification],
    days: Mapping[Any, Iterable[date]],
    alias: str,
    now: datetime,
) -> dict[Any, DerivedStreaks]:
    """Return the streaks of the users whose streaks may forgive something.

    ``days`` has the active dates of each user.
    """
    catalogue = load_catalogue(alias)
    states = [
        UserState(
            profile.user_id,
            profile.calendar,
            days=dict.fromkeys(days[profile.user_id], 1),
            has_exceptions=profile.has_exceptions,
        )
        for profile in profiles
    ]
    needy = [state for state in states if needs_book(state, catalogue)]
    load_books(needy, catalogue, alias)
    return {state.user_id: _derive(state, catalogue, now) for state in needy}


def _derive(state: UserState, catalogue: Catalogue, now: datetime) -> DerivedStreaks:
    keeper = StreakKeeper(state, catalogue)
    return DerivedStreaks(keeper.runs(catalogue.daily).streak, keeper.freeze_rows(now))


def write_missing(rows: Iterable[FreezeRow]) -> None:
    """Add ``rows`` to the ledger of freezes."""
    StreakFreeze.objects.bulk_create(StreakFreeze(**row._asdict()) for row in rows)
