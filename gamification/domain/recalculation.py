"""Past days by the numbers of today: what is due for them, and the correction."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from operator import attrgetter
from typing import Any, NamedTuple

from gamification.domain.backfill import BackfillChangeset
from gamification.domain.catalogue import ActivityRule
from gamification.domain.outcomes import Entry, EntryKind


class DaySum(NamedTuple):
    """What a user did of an activity on a date, and got for it."""

    user_id: Any
    activity_id: int
    day: date
    units: int
    #: Units that were rewarded.
    paid: int
    xp: int
    #: When the last entry of the date occurred.
    last: datetime


def correct(done: DaySum, rule: ActivityRule) -> Entry | None:
    """Return the entry that makes a date give what ``rule`` gives; None if it does.

    That is the reward of as many units as the limit admits, of those that no cooldown
    withheld. The entry has yet to be told who makes it, when, and why.
    """
    counted = done.paid if rule.cooldown else done.units
    limit = rule.daily_limit
    units = counted if limit is None else min(limit, counted)
    amount = units * rule.xp_reward - done.xp
    if not amount:
        return None
    return Entry(
        id=None,
        user_id=done.user_id,
        kind=EntryKind.ADJUSTMENT.value,
        amount=amount,
        occurred_at=done.last,
        local_date=done.day,
        recorded_at=done.last,
        activity_id=rule.id,
        # So that late records of the date find the room that is left. What a cooldown
        # withheld must be told from what a limit did, so there it stays as it was.
        rewarded=0 if rule.cooldown else units - done.paid,
    )


class RecalculationChangeset(BackfillChangeset):
    """A changeset that corrects past days."""

    def correct(self, entries: Collection[Entry]) -> None:
        """Book ``entries`` together, and unlock what the total then earns."""
        before = self.total_xp
        # Losses come first, so that no level is reached on the way only.
        for entry in sorted(entries, key=attrgetter("amount")):
            self.book(entry)
        if self.total_xp > before:
            self._settle(self.entries[-1])
