"""The daily streaks of many users as of today, for lists."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils import timezone

from gamification.domain.state import UserState
from gamification.domain.streaks import streak_status
from gamification.models import UserGamification, write_alias
from gamification.services.streaks.settling import Loaded
from gamification.services.streaks.status import status_of
from gamification.services.unit_of_work import naming_errors
from gamification.storage import store_for
from gamification.storage.catalogue import load_catalogue
from gamification.storage.streaks import load_books


@naming_errors
def streaks_today(profiles: Iterable[UserGamification]) -> dict[Any, int]:
    """Return the daily streak of each user as of today, by the user's key.

    Streaks that freezes or a pause keep are alive; others are 0 once a date is missed.
    The number of statements does not depend on the number of users.
    """
    now, lapsed, streaks = timezone.now(), list[UserGamification](), dict[Any, int]()
    for row in profiles:
        status = streak_status(row.streak, row.calendar, now)
        streaks[row.user_id] = status.current
        if row.current_streak and not status.current:
            lapsed.append(row)
    return streaks | (_forgiven(lapsed, now) if lapsed else {})


def _forgiven(profiles: Iterable[UserGamification], now: datetime) -> dict[Any, int]:
    """Return the streaks of those of the users for whom something may be forgiven."""
    alias = write_alias()
    catalogue, store = load_catalogue(alias), store_for(alias)
    states = [
        UserState(row.user_id, row.calendar)
        for row in profiles
        if row.has_exceptions or not catalogue.is_strict
    ]
    days = store.days([state.user_id for state in states]) if states else {}
    load_books(states, catalogue, alias)
    for state in states:
        state.days = days[state.user_id]
    loaded = (Loaded(state, catalogue) for state in states)
    return {
        each.state.user_id: status_of(each, catalogue.daily, now).current
        for each in loaded
    }
