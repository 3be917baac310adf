"""The effect of a new table of levels on a user, and how it is undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gamification.domain.changeset import UserChangeset
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.outcomes import Entry, EntryKind
from gamification.domain.state import Rules, UserState
from gamification.domain.totals import TotalOutOfRangeError


class LevelChangeset(UserChangeset):
    """The changes that a table of levels brings to one user, without an entry."""

    @property
    def is_needed(self) -> bool:
        """Whether anything differs from what is stored."""
        before = self.state.level, self.state.highest_level
        return bool(self.entries) or (self.level, self.highest_level) != before

    def settle(self) -> None:
        """Unlock what the user now meets, which the ledger dates."""
        day, kind = self.state.calendar.date_of(self.now), EntryKind.CORRECTION.value
        cause = Entry(None, self.state.user_id, kind, 0, self.now, day, self.now)
        self._settle(cause, self.start())

    def raise_peak(self, peak_xp: int) -> None:
        """Let the highest level be at least that of the user's highest total."""
        level = calculate_level_from_xp(peak_xp, self.rules.thresholds)
        self.highest_level = max(self.highest_level, level)

    def lower_peak(self, peak_xp: int, reached_xp: int, undone: Sequence[int]) -> None:
        """Let the highest level be what it was before the table ``undone``.

        ``reached_xp`` is the highest total, including XP that was taken back later. If
        the highest level is above what the table gave for it, it is older than the
        table, and stays.
        """
        if self.state.highest_level <= calculate_level_from_xp(reached_xp, undone):
            self.highest_level = self.level
        self.raise_peak(peak_xp)


def decide_level(state: UserState, rules: Rules, now: datetime) -> LevelChangeset:
    """Return the user's level by ``rules``; a higher one unlocks what is then met.

    A lower level takes nothing away. Without its ledger, a state gets the same unlocks
    with other dates: the changeset then says ``needs_ledger``.
    """
    changeset = LevelChangeset(state, rules, now, celebrate=False)
    if changeset.level <= state.level:
        return changeset
    try:
        changeset.settle()
    except TotalOutOfRangeError:
        return LevelChangeset(state, rules, now, celebrate=False)
    return changeset
