"""Counts of a user's entries by filter and bucket.

A bucket is a text: empty where one number is enough, the date where dates matter, the
value where different values are counted, and both where both matter. ``Meter`` turns
the counts of buckets into the one value that a condition compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple, TypeVar

from gamification.domain.conditions import PLAIN, AttributeValue, Counting, Quantity
from gamification.domain.criteria import Criterion
from gamification.domain.days import Calendar
from gamification.domain.history import PastEntry
from gamification.domain.outcomes import SIGNS, Entry, EntryKind
from gamification.domain.streaks import measure_streak

#: Separates the date and the value of a bucket.
_SEPARATOR: Final = "|"

_ACTIVITY_COUNT: Final = Criterion.ACTIVITY_COUNT.value
_LONGEST_STREAK: Final = Criterion.LONGEST_STREAK.value
_COUNT: Final = Quantity.COUNT.value
_DISTINCT: Final = Quantity.DISTINCT.value
_TOTAL_XP: Final = Criterion.TOTAL_XP.value
_ACHIEVEMENTS: Final = Criterion.ACHIEVEMENTS.value
#: Criteria that measure active dates.
_DATES: Final = frozenset({Criterion.ACTIVE_DAYS, Criterion.LONGEST_STREAK})

AnyEntry = TypeVar("AnyEntry", Entry, PastEntry, Entry | PastEntry)

#: A bucket, and what an entry adds to its count.
Change = tuple[str, int]


class Counted(NamedTuple):
    """A criterion, the activity or streak that it is about, and which records count."""

    criterion: str
    #: The id of the activity or of the streak; None for the daily streak.
    about: int | None
    counting: Counting = PLAIN

    @property
    def has_dates(self) -> bool:
        """Whether its buckets begin with a date."""
        window = self.counting.window
        if window is not None and window.days:
            return True
        return self.criterion == _LONGEST_STREAK

    @property
    def is_distinct(self) -> bool:
        """Whether it counts different values: an achievement counts once."""
        is_distinct = self.counting.quantity == _DISTINCT
        return is_distinct or self.criterion == _ACHIEVEMENTS

    @property
    def is_number(self) -> bool:
        """Whether it has one bucket, whose count is the value."""
        return not (self.is_distinct or self.has_dates)


def with_new_dates(entries: Iterable[AnyEntry]) -> Iterator[tuple[AnyEntry, int]]:
    """Yield each entry that lasts, with the active dates that it adds: 1 or 0."""
    days = set[date]()
    for entry in entries:
        is_new = entry.extends_streak and entry.local_date not in days
        if is_new:
            days.add(entry.local_date)
        yield entry, int(is_new)


def change_of(
    counted: Counted, entry: Entry | PastEntry, active_days: int
) -> Change | None:
    """Return what ``entry`` adds to a bucket; None if it does not count.

    ``active_days`` is 1 if its date became active by it, -1 if it is active no more.
    """
    criterion, about, counting = counted
    window, value = counting.window, ""
    if window and not window.contains(entry.local_date):
        return None
    if criterion == _ACTIVITY_COUNT:
        if entry.activity_id != about or not _accepts(counting, entry):
            return None
        value, amount = _amount(counting, entry)
    elif criterion in _DATES:
        amount = active_days
    elif criterion == _TOTAL_XP:
        amount = entry.amount
    elif criterion == _ACHIEVEMENTS:
        is_reversal = entry.kind == EntryKind.REVERSAL
        is_reward = entry.kind == EntryKind.ACHIEVEMENT
        amount = -1 if is_reversal else int(is_reward)
        amount *= entry.achievement_id is not None
        value = str(entry.achievement_id)
    else:
        amount = 0
    if not amount:
        return None
    return _bucket(counted, entry.local_date, value), amount


def _accepts(counting: Counting, entry: Entry | PastEntry) -> bool:
    said = entry.attributes or {}
    for comparison in counting.where:  # noqa: SIM110 - ``all`` takes thrice the time
        if not comparison.accepts(said):
            return False
    return True


def _amount(counting: Counting, entry: Entry | PastEntry) -> Change:
    """Return the value of the attribute, if it matters, and the amount."""
    if counting.quantity == _COUNT:
        return "", entry.quantity
    given = (entry.attributes or {}).get(counting.attribute)
    sign = SIGNS.get(entry.kind, 0)
    if given is None:
        return "", 0
    if counting.quantity == _DISTINCT:
        return text_of(given), sign
    return "", sign * given if isinstance(given, int) else 0


def text_of(value: AttributeValue) -> str:
    """Return the value of an attribute as a bucket names it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _bucket(counted: Counted, day: date, value: str) -> str:
    if not counted.has_dates:
        return value
    return f"{day}{_SEPARATOR}{value}" if counted.is_distinct else day.isoformat()


class Meter:
    """The value of what is counted, while the counts of its buckets change."""

    def __init__(self, counted: Counted, calendar: Calendar) -> None:
        self._calendar = calendar
        self._is_distinct = counted.is_distinct
        self._has_dates = counted.has_dates
        window = counted.counting.window
        #: The dates of a span; 0 if there is no such window.
        self._days = (window.days if window else None) or 0
        #: Counts by date, or 0 where dates do not matter, and by value.
        self._counts: dict[int, dict[str, int]] = {}
        self._total = self._different = 0
        self._best = self._last = 0
        self._is_stale = self._has_losses = False

    def load(self, buckets: Mapping[str, int]) -> None:
        """Add the counts of many buckets."""
        for bucket, count in buckets.items():
            self._put(bucket, count)
        self._is_stale = True

    def add(self, bucket: str, amount: int) -> None:
        """Add ``amount`` to a bucket."""
        day = self._put(bucket, amount)
        if not self._days or self._is_stale or self._has_losses:
            self._is_stale = True
            return
        self._last = max(self._last, day)
        # Of the spans that include the last date, the one that ends on it has the most.
        ends = range(day, min(day + self._days - 1, self._last) + 1)
        self._best = max(self._best, *(self._span_to(end) for end in ends))

    @property
    def value(self) -> int:
        """The value that all counts together have."""
        if not self._has_dates:
            return self._different if self._is_distinct else self._total
        if self._is_stale:
            self._best, self._is_stale = self._measure(), False
            self._last = max(self._counts, default=0)
        return self._best

    def _put(self, bucket: str, amount: int) -> int:
        day, value = 0, bucket
        if self._has_dates:
            text, _, value = bucket.partition(_SEPARATOR)
            day = date.fromisoformat(text).toordinal()
        counts = self._counts.setdefault(day, {})
        before = counts.get(value, 0)
        after = counts[value] = before + amount
        self._total += amount
        self._different += (after > 0) - (before > 0)
        self._has_losses = self._has_losses or amount < 0
        return day

    def _measure(self) -> int:
        days = sorted(self._counts)
        if not self._days:
            active = [day for day in days if self._counts[day][""] > 0]
            dates = map(date.fromordinal, active)
            return measure_streak(dates, self._calendar).longest
        ends = [*days]
        if self._has_losses:
            # The best span may begin right after a date with a loss.
            ends += [day + self._days for day in days]
        return max((self._span_to(end) for end in ends), default=0)

    def _span_to(self, end: int) -> int:
        """Return the value of the span that ends on a date."""
        first, days = end - self._days + 1, range(end - self._days + 1, end + 1)
        known: Iterable[int] = days
        if self._days > len(self._counts):
            known = [day for day in self._counts if first <= day <= end]
        counts = [self._counts[day] for day in known if day in self._counts]
        if self._is_distinct:
            return len({v for each in counts for v, count in each.items() if count > 0})
        return sum(each[""] for each in counts)
