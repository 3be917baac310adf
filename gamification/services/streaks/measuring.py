"""The longest runs of streaks besides the daily one, which achievements can measure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from gamification.conf import conf
from gamification.domain.streak_keeper import StreakKeeper
from gamification.models import Achievement, UserGamification, write_alias
from gamification.storage import StateQuery, store_for
from gamification.storage.streaks import load_days

#: Users that are looked at together.
USERS_AT_ONCE: Final = 500


def longest_runs_of(
    user_id: Any, streak_ids: Iterable[int | None]
) -> Mapping[int, int]:
    """Return the user's longest runs by id of the streak.

    It reads nothing unless one of ``streak_ids`` is other than None.
    """
    if not any(pk is not None for pk in streak_ids):
        return {}
    runs: dict[Any, Mapping[int, int]] = dict(_runs([user_id]))
    return runs.get(user_id, {})


def users_with_run(achievement: Achievement) -> list[Any]:
    """Return the users whose longest run of the streak reaches the threshold."""
    # Activities that were chosen for a streak need not extend the daily one.
    rows = UserGamification.objects.exclude(last_occurred_at=None)
    user_ids = [*rows.order_by("pk").values_list("user_id", flat=True)]
    pages = (
        user_ids[first : first + USERS_AT_ONCE]
        for first in range(0, len(user_ids), USERS_AT_ONCE)
    )
    streak_id = achievement.streak_id or 0
    return [
        user_id
        for page in pages
        for user_id, longest in _runs(page)
        if longest.get(streak_id, 0) >= achievement.threshold
    ]


def _runs(user_ids: list[Any]) -> Iterator[tuple[Any, Mapping[int, int]]]:
    """Yield each user with a row, and their longest runs by id of the streak."""
    store = store_for(write_alias())
    snapshot = store.read(StateQuery(user_ids, conf.default_calendar))
    load_days(snapshot.states.values(), snapshot.catalogue, store)
    for user_id, state in snapshot.states.items():
        yield user_id, StreakKeeper(state, snapshot.catalogue).longest()
