"""Finds out from the ledger when a user met an achievement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from itertools import accumulate, repeat, tee
from typing import NamedTuple, TypeAlias

from gamification.domain.catalogue import AchievementRule, Criterion, Facts
from gamification.domain.days import Calendar
from gamification.domain.history import PastEntry
from gamification.domain.levels import calculate_level_from_xp
from gamification.domain.outcomes import Entry, EntryKind
from gamification.domain.spans import is_inside
from gamification.domain.state import NOTHING, Rules, UserState
from gamification.domain.streak_book import StreakBook
from gamification.domain.streak_growth import longest_runs
from gamification.domain.streaks import Streak, extend_streak

Entries: TypeAlias = Iterable[PastEntry | Entry]


class Moment(NamedTuple):
    """An instant, and the user's date at that instant."""

    instant: datetime
    day: date


def qualifies(
    state: UserState, rule: AchievementRule, streaks: Mapping[int, int] = NOTHING
) -> bool:
    """Say whether the user meets ``rule``, does not hold it, and may earn it.

    The state must have the tally of the activity that the rule counts; ``streaks`` has
    the longest runs of streaks besides the daily one.
    """
    facts = Facts(
        state.active_days,
        state.streak.longest,
        state.level,
        state.total_xp,
        len(state.held),
        state.tallies,
        streaks,
    )
    barred = state.held | state.revoked
    return facts.meet(rule) and rule.id not in barred and not state.is_excluded


def met_at(
    rule: AchievementRule,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None = None,
) -> Moment | None:
    """Return when the user last began to meet ``rule``; None if they do not meet it.

    ``entries`` are those that last, each at its worth, in the order in which they
    occurred. A user stops meeting a rule only if staff take XP. ``book`` is that of a
    user whose streaks may forgive something.
    """
    since: Moment | None = None
    for value, entry in _inside(rule, entries, calendar, rules, book):
        if value < rule.threshold:
            since = None
        elif since is None:
            since = Moment(entry.occurred_at, entry.local_date)
    return since


def last_value(
    rule: AchievementRule,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None = None,
) -> int:
    """Return what ``rule`` measures in the end: of a season, when that is over."""
    last = 0
    for value, _entry in _inside(rule, entries, calendar, rules, book):
        last = value
    return last


def _inside(
    rule: AchievementRule,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None,
) -> Iterator[tuple[int, PastEntry | Entry]]:
    """Yield the value that ``rule`` measures after each entry that counts for it.

    A season or a period counts nothing else, except that a level is that of all XP.
    """

    def counts(entry: PastEntry | Entry) -> bool:
        day, instant = entry.local_date, entry.occurred_at
        return is_inside(rule, rule.period, day, instant, calendar)

    if rule.is_spanned and rule.criterion != Criterion.LEVEL:
        entries = filter(counts, entries)
    measured, entries = tee(entries)
    values = _values(rule, measured, calendar, rules, book)
    for value, entry in zip(values, entries, strict=False):
        if not rule.is_spanned or counts(entry):
            yield value, entry


def _values(
    rule: AchievementRule,
    entries: Entries,
    calendar: Calendar,
    rules: Rules,
    book: StreakBook | None,
) -> Iterator[int]:
    """Yield the value that ``rule`` measures after each of ``entries``."""
    match rule.criterion:
        case Criterion.ACTIVITY_COUNT:
            counted = rule.activity_id
            return accumulate(e.quantity * (e.activity_id == counted) for e in entries)
        case Criterion.ACTIVE_DAYS:
            return _active_days(entries)
        case Criterion.LONGEST_STREAK:
            streak = rules.catalogue.streak_of(rule)
            if book is None and streak.is_plain:
                return _longest_streaks(entries, calendar)
            return longest_runs(streak, entries, calendar, book or StreakBook())
        case Criterion.LEVEL:
            totals = accumulate(e.amount for e in entries)
            thresholds = rules.thresholds
            return (calculate_level_from_xp(total, thresholds) for total in totals)
        case Criterion.TOTAL_XP:
            return accumulate(e.amount for e in entries)
        case Criterion.ACHIEVEMENTS:
            return _held(entries)
    return repeat(0)


def _held(entries: Entries) -> Iterator[int]:
    held: set[int | None] = set()
    for entry in entries:
        if entry.kind == EntryKind.ACHIEVEMENT:
            held.add(entry.achievement_id)
        yield len(held)


def _active_days(entries: Entries) -> Iterator[int]:
    days: set[date] = set()
    for entry in entries:
        if entry.extends_streak:
            days.add(entry.local_date)
        yield len(days)


def _longest_streaks(entries: Entries, calendar: Calendar) -> Iterator[int]:
    days: set[date] = set()
    streak = Streak()
    for entry in entries:
        day = entry.local_date
        if entry.extends_streak and day not in days:
            days.add(day)
            streak = extend_streak(streak, day, days, calendar)
        yield streak.longest
