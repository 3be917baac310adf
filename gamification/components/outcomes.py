"""A summary of what one record earned."""

from __future__ import annotations

from typing import Any

from gamification.models import level_text
from gamification.models.texts.boosts import boosted_text
from gamification.models.texts.celebrations import celebration_title
from gamification.services import CelebrationKind, Outcome, WithheldReason


def outcome_of(outcome: Outcome) -> dict[str, Any]:
    """Return the summary of an outcome, without a query."""
    entry, withheld = outcome.entry, outcome.withheld
    return {
        "outcome": outcome,
        "lost": -outcome.credited,
        "boosted": boosted_text(outcome.boosted),
        "streak": outcome.current_streak if entry and entry.extends_streak else 0,
        "reason": withheld and WithheldReason(withheld.reason).label,
        "level": _level_of(outcome),
    }


def _level_of(outcome: Outcome) -> str:
    """Return the text for the new level, whose name only its celebration has."""
    for celebration in outcome.celebrations:
        if celebration.kind == CelebrationKind.LEVEL:
            return celebration_title(celebration.kind, celebration.data)
    return level_text(outcome.level)
