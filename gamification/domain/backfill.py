"""Achievements that were earned before anybody asked, dated by the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import accumulate, repeat
from operator import attrgetter
from typing import Any, NamedTuple

from gamification.domain.catalogue import AchievementRule, Criterion, Facts
from gamification.domain.changeset import UserChangeset
from gamification.domain.days import Calendar
from gamification.domain.outcomes import Entry, EntryKind, Outcome
from gamification.domain.state import Rules, UserState
from gamification.domain.streaks import Streak, extend_streak


class PastEntry(NamedTuple):
    """What of a ledger entry tells when something was reached."""

    id: int
    kind: str
    amount: int
    activity_id: int | None
    quantity: int
    extends_streak: bool
    occurred_at: datetime
    local_date: date
    reverses: int | None


#: Entries of one user in the order in which they were recorded.
Ledger = Sequence[PastEntry | Entry]


class Moment(NamedTuple):
    """An instant and the user's own date of it."""

    instant: datetime
    day: date


class BackfillChangeset(UserChangeset):
    """A changeset that dates what it unlocks by the user's whole ledger."""

    def __init__(
        self,
        state: UserState,
        rules: Rules,
        now: datetime,
        ledger: Ledger,
        *,
        celebrate: bool,
    ) -> None:
        super().__init__(state, rules, now, celebrate=celebrate)
        self._ledger = ledger

    def award_earned(
        self, rule: AchievementRule, *, actor_id: Any, note: str
    ) -> Outcome:
        """Unlock ``rule``, which the state earns, as of when it was met."""
        moment = self._met_at(rule)
        entry = self._reward(rule, *moment, actor_id=actor_id, note=note)
        return self._apply(entry, unlocked=rule, settle=True)

    def _moment_of(self, rule: AchievementRule, cause: Entry) -> Moment:
        return self._met_at(rule)

    def _met_at(self, rule: AchievementRule) -> Moment:
        """Return when the ledger, with what was booked, met ``rule``; else now."""
        ledger, calendar = [*self._ledger, *self.entries], self.state.calendar
        now = Moment(self.now, calendar.date_of(self.now))
        return met_at(rule, ledger, calendar, self.rules) or now


def earns(state: UserState, rule: AchievementRule) -> bool:
    """Say whether ``state`` meets ``rule``, and neither holds nor lost it.

    It must have the tally of the activity that is counted.
    """
    facts = Facts(
        state.active_days,
        state.streak.longest,
        state.level,
        state.total_xp,
        len(state.held),
        state.tallies,
    )
    is_met = facts.measure(rule.criterion, rule.activity_id) >= rule.threshold
    return is_met and rule.id not in state.held | state.revoked


def met_at(
    rule: AchievementRule, ledger: Ledger, calendar: Calendar, rules: Rules
) -> Moment | None:
    """Return when ``rule`` was first met; None if the ledger does not tell.

    Entries count in the order in which they occurred. What was taken back counts for
    nothing, and neither does what took it back.
    """
    entries = _lasting(ledger)
    values = _values(rule, entries, calendar, rules)
    return next(
        (
            Moment(entry.occurred_at, entry.local_date)
            for value, entry in zip(values, entries, strict=False)
            if value >= rule.threshold
        ),
        None,
    )


def _lasting(ledger: Ledger) -> Ledger:
    """Return what was never taken back, in the order of occurrence."""
    undone = {entry.reverses for entry in ledger if entry.reverses is not None}
    lasting = [
        entry
        for entry in ledger
        if entry.reverses is None and not (undone and entry.id in undone)
    ]
    return sorted(lasting, key=attrgetter("occurred_at"))


def _values(
    rule: AchievementRule, entries: Ledger, calendar: Calendar, rules: Rules
) -> Iterator[int]:
    """Yield what ``rule`` measures after each of ``entries``."""
    match rule.criterion:
        case Criterion.ACTIVITY_COUNT:
            counted = rule.activity_id
            return accumulate(e.quantity * (e.activity_id == counted) for e in entries)
        case Criterion.ACTIVE_DAYS:
            return _active_days(entries)
        case Criterion.LONGEST_STREAK:
            return _longest_streaks(entries, calendar)
        case Criterion.LEVEL:
            return map(rules.level_at, accumulate(e.amount for e in entries))
        case Criterion.TOTAL_XP:
            return accumulate(e.amount for e in entries)
        case Criterion.ACHIEVEMENTS:
            return accumulate(e.kind == EntryKind.ACHIEVEMENT for e in entries)
    return repeat(0)


def _active_days(entries: Ledger) -> Iterator[int]:
    days: set[date] = set()
    for entry in entries:
        if entry.extends_streak:
            days.add(entry.local_date)
        yield len(days)


def _longest_streaks(entries: Ledger, calendar: Calendar) -> Iterator[int]:
    days: set[date] = set()
    streak = Streak()
    for entry in entries:
        day = entry.local_date
        if entry.extends_streak and day not in days:
            days.add(day)
            streak = extend_streak(streak, day, days, calendar)
        yield streak.longest
