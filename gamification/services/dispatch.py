"""Sends signals about committed outcomes to a site's own code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import groupby
from typing import Any, Final

from django.dispatch import Signal

from gamification import signals
from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Outcome
from gamification.domain.streak_events import StreakEvent, streak_events
from gamification.models import UserGamification
from gamification.services.commits import on_commit

#: The signals that the changes of streaks send.
STREAK_SIGNALS: Final = (
    "streak_extended",
    "streak_broken",
    "freeze_used",
    "freeze_earned",
)


def announce_on_commit(
    alias: str,
    outcomes: Iterable[Outcome],
    *,
    signal: Signal | None = None,
    **arguments: object,
) -> None:
    """Announce outcomes, except replays, as soon as they are committed.

    For each outcome, send ``signal`` with ``arguments``, then the signal for its
    unlocks. Then send the signal for the level once for each user, whose outcomes come
    together.
    """
    fresh = [outcome for outcome in outcomes if not outcome.replayed]
    if fresh:
        send = partial(_announce_all, fresh, signal, arguments)
        on_commit(send, alias)


def _announce_all(
    outcomes: Iterable[Outcome], signal: Signal | None, arguments: dict[str, object]
) -> None:
    for user_id, group in groupby(outcomes, _user_of):
        own = [*group]
        for outcome in own:
            if signal:
                signal.send_robust(
                    UserGamification, user_id=user_id, outcome=outcome, **arguments
                )
            _announce_unlocks(user_id, outcome)
        _announce_level(user_id, own[0].level_before, own[-1])


def _user_of(outcome: Outcome) -> Any:
    return outcome.entry and outcome.entry.user_id


def _announce_unlocks(user_id: Any, outcome: Outcome) -> None:
    for unlock in outcome.unlocks:
        signals.achievement_unlocked.send_robust(
            UserGamification, user_id=user_id, unlock=unlock, outcome=outcome
        )


def _announce_level(user_id: Any, before: int, outcome: Outcome) -> None:
    if outcome.level != before:
        signals.level_changed.send_robust(
            UserGamification,
            user_id=user_id,
            level_before=before,
            level=outcome.level,
            outcome=outcome,
        )


def announce_streaks(changesets: Iterable[UserChangeset], alias: str) -> None:
    """Send the signals about streaks once the changes are committed.

    Silent work sends none.
    """
    if are_streaks_heard():
        loud = (changeset for changeset in changesets if changeset.celebrate)
        events = [event for changeset in loud for event in streak_events(changeset)]
        send_streak_events(events, alias)


def are_streaks_heard() -> bool:
    """Say whether the signals about streaks have any receivers."""
    return bool(
        signals.streak_extended.receivers
        or signals.streak_broken.receivers
        or signals.freeze_used.receivers
        or signals.freeze_earned.receivers
    )


def send_streak_events(events: Iterable[StreakEvent], alias: str) -> None:
    """Send the signal of each event on commit."""
    for event in events:
        send = partial(
            getattr(signals, event.signal).send_robust,
            UserGamification,
            user_id=event.user_id,
            streak=event.streak,
            **event.arguments,
        )
        on_commit(send, alias)


def is_heard() -> bool:
    """Say whether the signals for records have any receivers."""
    return bool(
        signals.activity_recorded.receivers
        or signals.achievement_unlocked.receivers
        or signals.level_changed.receivers
    )


def announce_records(outcomes: Iterable[Outcome]) -> None:
    """Send the signals for all recorded outcomes, except replays."""
    for outcome in outcomes:
        if outcome.entry and not outcome.replayed:
            _announce_all([outcome], signals.activity_recorded, {})
