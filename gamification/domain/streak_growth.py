"""How long a user's longest run was after each entry of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from gamification.domain.conditions import ALWAYS, DateWindow
from gamification.domain.days import Calendar
from gamification.domain.history import PastEntry
from gamification.domain.outcomes import Entry
from gamification.domain.streak_book import StreakBook
from gamification.domain.streak_rules import StreakRule
from gamification.domain.streak_runs import Walk


def longest_runs(
    rule: StreakRule,
    entries: Iterable[PastEntry | Entry],
    calendar: Calendar,
    book: StreakBook,
    window: DateWindow = ALWAYS,
) -> Iterator[int]:
    """Yield the longest run after each of ``entries``, which last, in order.

    Only dates within ``window`` count.
    """
    entries = [*entries]
    known = {entry.local_date for entry in entries if entry.extends_streak}
    days = [
        entry.local_date
        if _extends(entry, rule)
        and window.contains(entry.local_date)
        and (entry.local_date in known or not calendar.is_neutral(entry.local_date))
        else None
        for entry in entries
    ]
    dates = (day for day in days if day is not None)
    growth = Walk(rule, dates, calendar, book.exceptions_of(rule)).growth[::-1]
    longest, latest = 0, date.min
    for day in days:
        latest = max(latest, day or latest)
        while growth and growth[-1][0] <= latest:
            longest = growth.pop()[1]
        yield longest


def _extends(entry: PastEntry | Entry, rule: StreakRule) -> bool:
    chosen = rule.version_on(entry.local_date).activities
    return entry.activity_id in chosen if chosen else entry.extends_streak
