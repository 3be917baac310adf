"""Counts by date, for achievements that count a season or a period."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple, Protocol

from gamification.domain.criteria import Criterion
from gamification.domain.days import Calendar
from gamification.domain.outcomes import SIGNS
from gamification.domain.periods import Window, first_day, last_day
from gamification.domain.rules import AchievementRule

#: Things that are counted besides units of activities, which have their ids.
XP: Final = 0
ACTIVE: Final = -1

#: How far the date of a record can be from the date of its instant in UTC.
_MARGIN: Final = timedelta(days=2)

#: A date on which something counted; the instant where only a part of it may count.
Place = tuple[date, datetime | None]
Counts = Mapping[int, Mapping[Place, int]]


class Countable(Protocol):
    """The fields of an entry that are counted."""

    @property
    def kind(self) -> str: ...
    @property
    def amount(self) -> int: ...
    @property
    def activity_id(self) -> int | None: ...
    @property
    def quantity(self) -> int: ...
    @property
    def extends_streak(self) -> bool: ...
    @property
    def occurred_at(self) -> datetime: ...
    @property
    def local_date(self) -> date: ...


class SpanQuery(NamedTuple):
    """Which entries of a user decide about seasons and periods."""

    #: Ids of activities, ``XP`` and ``ACTIVE``.
    what: tuple[int, ...]
    since: date
    until: date
    #: The dates of which only a part may belong to a season.
    edges: tuple[date, ...] = ()

    def covers(self, what: int | None, since: date, until: date) -> bool:
        """Say whether it asks for all of ``what`` between these dates."""
        return what in self.what and self.since <= since and until <= self.until


def subject_of(rule: AchievementRule) -> int | None:
    """Return what ``rule`` counts by date; None if it counts something else."""
    if rule.criterion == Criterion.ACTIVITY_COUNT:
        return rule.activity_id
    return {Criterion.TOTAL_XP: XP, Criterion.ACTIVE_DAYS: ACTIVE}.get(
        Criterion(rule.criterion)
    )


def dates_of(
    rule: AchievementRule, earliest: date, latest: date
) -> tuple[date, date] | None:
    """Return the dates that count for what happens between two dates; None for none."""
    since, until = date.min, date.max
    if rule.season:
        since, until = rule.season.dates
        if latest < since or until < earliest:
            return None
    if rule.repeat_period:
        window = Window(rule.repeat_period)
        since = max(since, first_day(window, earliest))
        until = min(until, last_day(window, latest))
    return since, until


def span_query(
    rules: Iterable[AchievementRule],
    activity_ids: Iterable[int],
    earliest: datetime,
    latest: datetime,
) -> SpanQuery | None:
    """Return what decides about ``rules`` when a user records these activities.

    The records occur between ``earliest`` and ``latest``.
    """
    known = {XP, ACTIVE, *activity_ids}
    first, last = (earliest - _MARGIN).date(), (latest + _MARGIN).date()
    found: dict[int, tuple[date, date]] = {}
    edges: set[date] = set()
    for rule in rules:
        what = subject_of(rule)
        dates = dates_of(rule, first, last) if rule.is_spanned else None
        if what is None or dates is None:
            continue
        # Any event may meet conditions.
        if what not in known and rule.conditions is None:
            continue
        since, until = found.get(what, dates)
        found[what] = min(since, dates[0]), max(until, dates[1])
        if rule.season:
            edges |= rule.season.edges
    if not found:
        return None
    since, until = min(d[0] for d in found.values()), max(d[1] for d in found.values())
    near = tuple(sorted(day for day in edges if since <= day <= until))
    return SpanQuery(tuple(sorted(found)), since, until, near)


def counted(entry: Countable) -> Iterator[tuple[int, int]]:
    """Yield what ``entry`` adds to: an activity, XP, or the activities of a date."""
    if entry.activity_id is not None:
        yield entry.activity_id, entry.quantity
        if entry.extends_streak:
            yield ACTIVE, SIGNS.get(entry.kind, 0)
    yield XP, entry.amount


class SpanCounts:
    """The counts of a user by date, which grow with each entry."""

    def __init__(
        self, calendar: Calendar, query: SpanQuery | None, counts: Counts
    ) -> None:
        self._calendar = calendar
        #: The query that was read; None for all of the ledger.
        self._query = query
        self._counts = {what: {**places} for what, places in counts.items()}

    @classmethod
    def of_ledger(cls, calendar: Calendar, entries: Iterable[Countable]) -> SpanCounts:
        """Return what all of a ledger adds up to."""
        made = cls(calendar, None, {})
        for entry in entries:
            made.add(entry)
        return made

    def add(self, entry: Countable) -> None:
        """Count ``entry``."""
        place = entry.local_date, entry.occurred_at
        for what, value in counted(entry):
            places = self._counts.setdefault(what, {})
            places[place] = places.get(place, 0) + value

    def knows(self, rule: AchievementRule, period: date | None) -> bool:
        """Say whether it has all that ``rule`` counts, in ``period`` if given.

        What staff award by hand has no period, and counts all of them.
        """
        if self._query is None:
            return True
        dates: tuple[date, date] | None = date.min, date.max
        if period:
            dates = dates_of(rule, period, period)
        elif rule.season:
            dates = rule.season.dates
        return dates is not None and self._query.covers(subject_of(rule), *dates)

    def value(
        self,
        rule: AchievementRule,
        period: date | None,
        without: Sequence[Countable] = (),
    ) -> int:
        """Return what ``rule`` counts, but for some entries."""
        what = subject_of(rule) or 0
        places = self._counts.get(what, {})
        places = dict(places) if without else places
        for entry in without:
            place = entry.local_date, entry.occurred_at
            for each, value in counted(entry):
                if each == what:
                    places[place] = places.get(place, 0) - value
        inside = [
            (day, value)
            for (day, instant), value in places.items()
            if is_inside(rule, period, day, instant, self._calendar)
        ]
        if what != ACTIVE:
            return sum(value for _day, value in inside)
        days: dict[date, int] = {}
        for day, value in inside:
            days[day] = days.get(day, 0) + value
        return sum(value > 0 for value in days.values())


def period_of(rule: AchievementRule, day: date) -> date | None:
    """Return the first date of the period that ``rule`` counts on ``day``."""
    if not rule.repeat_period:
        return None
    return first_day(Window(rule.repeat_period), day)


def is_inside(
    rule: AchievementRule,
    period: date | None,
    day: date,
    instant: datetime | None,
    calendar: Calendar,
) -> bool:
    """Say whether what happens then counts for ``rule``, in ``period`` if given.

    Without an ``instant``, all of the date is in the season, or nothing of it.
    """
    if period is not None and period_of(rule, day) != period:
        return False
    season = rule.season
    if season is None:
        return True
    if instant is None:
        return season.is_inner(day)
    return season.contains(instant, calendar)
