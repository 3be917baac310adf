"""Brings what is stored about a user's streaks up to date."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import F

from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.freezes import FreezeRow
from gamification.domain.state import UserState
from gamification.domain.streak_events import freeze_events
from gamification.domain.streak_keeper import StreakKeeper
from gamification.domain.streaks import Streak
from gamification.models import UserGamification
from gamification.services.corrections.changes import find_state
from gamification.services.dispatch import send_streak_events
from gamification.services.streaks.derived import write_missing
from gamification.storage import StateQuery, Store
from gamification.storage.streaks import load_books


class Loaded(NamedTuple):
    """All that the streaks of one user follow from."""

    state: UserState
    catalogue: Catalogue

    @property
    def keeper(self) -> StreakKeeper:
        """The streaks, with all their dates."""
        return StreakKeeper(self.state, self.catalogue)


def load(user_id: Any, store: Store) -> Loaded:
    """Read all that the user's streaks follow from.

    Raises ``UnknownUserError`` for a user without a row.
    """
    query = StateQuery([user_id], conf.default_calendar)
    snapshot = store.read(query)
    state = find_state(snapshot, user_id)
    state.days = store.days([user_id])[user_id]
    load_books([state], snapshot.catalogue, store.alias)
    return Loaded(state, snapshot.catalogue)


def settle(user_id: Any, store: Store, now: datetime) -> tuple[Streak, list[FreezeRow]]:
    """Write what follows from the dates of a locked user, and return it.

    That is the daily streak, and new rows of the ledger of freezes. The user's row gets
    another version.
    """
    loaded = load(user_id, store)
    keeper = loaded.keeper
    streak, rows = keeper.runs(loaded.catalogue.daily).streak, keeper.freeze_rows(now)
    write_missing(rows)
    keys = {rule.id: rule.key for rule in loaded.catalogue.streaks.values()}
    send_streak_events(freeze_events(rows, keys), store.alias)
    profiles = UserGamification.objects.using(store.alias).filter(user=user_id)
    profiles.update(
        current_streak=streak.current,
        longest_streak=streak.longest,
        highest_streak=max(loaded.state.highest_streak, streak.longest),
        version=F("version") + 1,
        updated_at=now,
    )
    return streak, rows


def mark_exceptions(user_id: Any, store: Store) -> None:
    """Note that freezes, pauses or repaired dates exist for a locked user."""
    profiles = UserGamification.objects.using(store.alias).filter(user=user_id)
    profiles.filter(has_exceptions=False).update(has_exceptions=True)
