"""What a new table of levels does to a user."""

from __future__ import annotations

from datetime import datetime

from gamification.domain.changeset import UserChangeset
from gamification.domain.outcomes import Entry, EntryKind
from gamification.domain.state import Rules, UserState
from gamification.domain.totals import TotalOutOfRangeError


class LevelChangeset(UserChangeset):
    """The changes that a table of levels brings to one user, without an entry."""

    def settle(self) -> None:
        """Unlock what the user now meets, which the ledger dates."""
        day, kind = self.state.calendar.date_of(self.now), EntryKind.CORRECTION.value
        cause = Entry(None, self.state.user_id, kind, 0, self.now, day, self.now)
        self._settle(cause, self._start())


def decide_level(state: UserState, rules: Rules, now: datetime) -> LevelChangeset:
    """Return the user's level by ``rules``; a higher one unlocks what is then met.

    A lower level takes nothing away. Without its ledger, a state gets the same unlocks
    with other dates: the changeset then says ``needs_ledger``.
    """
    changeset = LevelChangeset(state, rules, now, celebrate=False)
    if changeset.level <= state.level or state.is_excluded:
        return changeset
    try:
        changeset.settle()
    except TotalOutOfRangeError:
        return LevelChangeset(state, rules, now, celebrate=False)
    return changeset
