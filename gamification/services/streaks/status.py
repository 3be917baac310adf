"""Where a user's streaks stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from gamification import signals
from gamification.conf import conf
from gamification.domain.catalogue import Catalogue
from gamification.domain.state import UserState
from gamification.domain.streak_book import StreakBook, dates_of
from gamification.domain.streak_rules import StreakRule
from gamification.domain.streak_status import find_status
from gamification.domain.streaks import StreakState, StreakStatus
from gamification.exceptions import UnknownUserError
from gamification.models import UserGamification, write_alias
from gamification.services.streaks.settling import Loaded, load
from gamification.services.unit_of_work import naming_errors
from gamification.services.validation import UserRef, unknown_user, user_id_of
from gamification.storage import StateQuery, store_for


@naming_errors
def get_streaks(user: UserRef) -> tuple[StreakStatus, ...]:
    """Return the status of each of the user's streaks, the daily one first.

    Freezes that would cover what was missed are not used up before the user is active
    again. It writes nothing, and sends ``streak_broken`` for each streak that it finds
    broken. Raises ``UnknownUserError``.
    """
    user_id, statuses = user_id_of(user), read_streaks(user)
    for status in statuses:
        if status.state == StreakState.BROKEN and status.broken_at:
            signals.streak_broken.send_robust(
                UserGamification,
                user_id=user_id,
                streak=status.key,
                lost=status.lost,
                broken_at=status.broken_at,
            )
    return statuses


@naming_errors
def read_streaks(user: UserRef) -> tuple[StreakStatus, ...]:
    """Return what ``get_streaks`` does, but send no signal: it is for somebody else."""
    return tuple(statuses_of(load_anyone(user_id_of(user)), timezone.now()))


def load_anyone(user_id: Any) -> Loaded:
    """Read what the streaks of any user follow from, even without a row."""
    store = store_for(write_alias())
    try:
        return load(user_id, store)
    except UnknownUserError:
        users = get_user_model()._base_manager.using(store.alias)
        if not users.filter(pk=user_id).exists():
            raise unknown_user(user_id) from None
    calendar = conf.default_calendar
    snapshot = store.read(StateQuery([user_id], calendar))
    newcomer = UserState(user_id, calendar, days={}, book=StreakBook())
    return Loaded(newcomer, snapshot.catalogue)


def statuses_of(loaded: Loaded, now: datetime) -> Iterator[StreakStatus]:
    """Yield the status of each streak at ``now``, the daily one first."""
    for rule in rules_of(loaded.catalogue):
        yield status_of(loaded, rule, now)


def status_of(loaded: Loaded, rule: StreakRule, now: datetime) -> StreakStatus:
    """Return the status of one streak at ``now``."""
    state = loaded.state
    book = state.book or StreakBook()
    return find_status(
        rule,
        dates_of(rule, state.days or {}, book.chosen, state.calendar),
        state.calendar,
        now,
        book.exceptions_of(rule),
    )


def rules_of(catalogue: Catalogue) -> tuple[StreakRule, ...]:
    """Return the streaks that users have, the daily one first."""
    return catalogue.daily, *catalogue.other_streaks
