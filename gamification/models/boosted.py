"""The boosts that multiplied the XP of a ledger entry, as the entry keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gamification.domain.boosted import Boosted, read_boosted
from gamification.models.boost_text import boosted_text

if TYPE_CHECKING:
    from gamification.models.history import LedgerEntry


def boosted_of(entry: LedgerEntry) -> Boosted:
    """Return the XP of an entry before boosts, and what multiplied it."""
    base = entry.rewarded * entry.xp_reward
    return read_boosted(entry.amount, base, entry.boosts)


def boosted_text_of(entry: LedgerEntry) -> str:
    """Return where boosted XP comes from: “10 × 2, Launch weekend”, if any."""
    return boosted_text(boosted_of(entry))
