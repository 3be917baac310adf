"""Tells a site's own code, through signals, what was committed."""

from __future__ import annotations

from collections.abc import Iterable

from django.dispatch import Signal

from gamification import signals
from gamification.domain.outcomes import Outcome
from gamification.models import UserGamification


def announce(outcome: Outcome) -> None:
    """Send what follows from an outcome: unlocks, and a change of level."""
    user_id = outcome.entry and outcome.entry.user_id
    for unlock in outcome.unlocks:
        signals.achievement_unlocked.send_robust(
            UserGamification, user_id=user_id, unlock=unlock, outcome=outcome
        )
    if outcome.level != outcome.level_before:
        signals.level_changed.send_robust(
            UserGamification,
            user_id=user_id,
            level_before=outcome.level_before,
            level=outcome.level,
            outcome=outcome,
        )


def announce_as(signal: Signal, outcome: Outcome, **arguments: object) -> None:
    """Send ``signal`` about an outcome, then what follows from it."""
    signal.send_robust(
        UserGamification,
        user_id=outcome.entry and outcome.entry.user_id,
        outcome=outcome,
        **arguments,
    )
    announce(outcome)


def is_heard() -> bool:
    """Say whether anybody listens to what follows from records."""
    sent = (
        signals.activity_recorded,
        signals.achievement_unlocked,
        signals.level_changed,
    )
    return any(signal.receivers for signal in sent)


def announce_records(outcomes: Iterable[Outcome]) -> None:
    """Send what follows from those records that were made just now."""
    for outcome in outcomes:
        if outcome.entry and not outcome.replayed:
            announce_as(signals.activity_recorded, outcome)
