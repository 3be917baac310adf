"""Multiplies the XP of what a changeset books by the boosts that apply to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gamification.domain.boosted import worth_of
from gamification.domain.boosts import BoostKind, Occasion, boosts_data
from gamification.domain.outcomes import Entry, Withheld

if TYPE_CHECKING:
    from gamification.domain.changeset import UserChangeset
    from gamification.domain.totals import RunningTotals


def boosted_record(
    changeset: UserChangeset, entry: Entry, withheld: Withheld | None
) -> tuple[Entry, Withheld | None]:
    """Return a record with its boosts, and the XP that a limit withheld from it."""
    kind = BoostKind.IMPORT if changeset.is_import else BoostKind.RECORD
    entry = _boosted(changeset, entry, kind)
    if withheld and entry.boosts:
        whole = worth_of(entry.quantity * entry.xp_reward, entry.boosts)
        withheld = replace(withheld, xp=whole - entry.amount)
    return entry, withheld


def boosted_reward(totals: RunningTotals, entry: Entry) -> Entry:
    """Return the reward of an achievement with its boosts."""
    return _boosted(totals, entry, BoostKind.ACHIEVEMENT, base=entry.amount)


def boosted_adjustment(totals: RunningTotals, entry: Entry) -> Entry:
    """Return an adjustment with its boosts; staff take exactly what they say."""
    if entry.amount < 0:
        return entry
    return _boosted(totals, entry, BoostKind.ADJUSTMENT, base=entry.amount)


def _boosted(
    totals: RunningTotals, entry: Entry, kind: BoostKind, **kept: int
) -> Entry:
    """Return ``entry`` times the boosts that apply, of which it keeps also ``kept``."""
    rules, state = totals.rules, totals.state
    about = Occasion(kind, entry.occurred_at, entry.activity_id, entry.attributes or {})
    found = rules.catalogue.boosts.find(about, state.calendar, state.groups)
    if not found:
        return entry
    boosts = boosts_data(found, rules.boost_strategy) | kept
    return entry._replace(amount=worth_of(entry.amount, boosts), boosts=boosts)
