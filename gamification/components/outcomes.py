"""What one record brought, in a few words."""

from __future__ import annotations

from typing import Any

from gamification.services import Outcome, WithheldReason


def outcome_of(outcome: Outcome) -> dict[str, Any]:
    """Return what is said of an outcome, without a query."""
    entry, withheld = outcome.entry, outcome.withheld
    return {
        "outcome": outcome,
        "lost": -outcome.credited,
        "streak": outcome.current_streak if entry and entry.extends_streak else 0,
        "reason": withheld and WithheldReason(withheld.reason).label,
    }
