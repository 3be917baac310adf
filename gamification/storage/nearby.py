"""Gives states the active dates around those that a request touches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gamification.domain.catalogue import Catalogue
from gamification.domain.nearby import Touched, days_in, longest_without, splits_longest
from gamification.domain.state import UserState
from gamification.storage.base import Store
from gamification.storage.streaks import load_days, needs_book

#: Dates of a user around which spans are read; for more, all dates are.
MOST: Final = 20


def load_nearby(
    touched: Sequence[tuple[UserState, Touched]], catalogue: Catalogue, store: Store
) -> None:
    """Give the states what their daily streaks need to change on these dates.

    States that need more than the daily streak get all active dates and the book, and
    those with very many of these dates get all active dates.
    """
    wanted = {
        state.user_id: {**dict.fromkeys(state.calendar.neutral_dates, 0), **days}
        for state, days in touched
        if not needs_book(state, catalogue)
    }
    wanted = {pk: days for pk, days in wanted.items() if len(days) <= MOST}
    load_days([s for s, _ in touched if s.user_id not in wanted], catalogue, store)
    if not wanted:
        return
    near = [each for each in touched if each[0].user_id in wanted]
    longest = max(state.streak.longest for state, _ in near)
    found = store.nearby(wanted, longest)
    for state, days in near:
        state.nearby = found[state.user_id]
        _complete(state, days, store)


def _complete(state: UserState, days: Touched, store: Store) -> None:
    """Read the longest other run if a date goes that is part of the longest."""
    nearby = state.nearby
    assert nearby  # noqa: S101 - the caller has just read it
    known, calendar, longest = nearby.activities, state.calendar, state.streak.longest
    lost = [day for day, count in days.items() if 0 < known[day] <= count]
    if not splits_longest(nearby, lost, longest, calendar):
        return
    elsewhere = state.active_days - days_in(nearby.spans)
    if elsewhere > longest_without(nearby, lost, calendar):
        neutral = calendar.neutral_dates
        elsewhere = store.longest_elsewhere(state.user_id, nearby.spans, neutral)
    state.nearby = nearby._replace(elsewhere=elsewhere)
