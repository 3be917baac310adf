"""The active dates around some others, as far as a plain daily streak needs them.

Long runs are spans of consecutive dates here, so that a date in the middle of a run of
ten years costs no more than one in a run of a week.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from typing import NamedTuple

from gamification.domain.days import ONE_DAY, Calendar

#: Consecutive active dates: the first and the last of them.
Span = tuple[date, date]

#: Dates that a request touches, with the number of activities that it takes from each.
Touched = Mapping[date, int]


class Nearby(NamedTuple):
    """The stored active dates of a user around some others."""

    #: Activities by date, of those around which it was read; 0 if it is not active.
    activities: Mapping[date, int]
    #: The spans that have one of these dates, or come next before or after it, in
    #: order, between dates that are not active. Those of dates that become active or
    #: no longer are suffice.
    spans: tuple[Span, ...] = ()
    #: The longest run among all other dates; None if it was not read.
    elsewhere: int | None = None

    @classmethod
    def of(cls, activities: Mapping[date, int], spans: Iterable[Span]) -> Nearby:
        """Return the same with spans that may overlap, or follow each other."""
        merged: list[Span] = []
        for first, last in sorted(spans):
            if merged and first <= merged[-1][1] + ONE_DAY:
                began, until = merged[-1]
                merged[-1] = began, max(until, last)
            else:
                merged.append((first, last))
        return cls(activities, tuple(merged))

    @classmethod
    def among(cls, days: Mapping[date, int], wanted: Iterable[date]) -> Nearby:
        """Return what is around the ``wanted`` dates, of which ``days`` are active."""
        activities = {day: days.get(day, 0) for day in wanted}
        return cls(activities, tuple(spans_of(sorted(days))), 0)


def spans_of(dates: Iterable[date]) -> Iterator[Span]:
    """Yield the spans of consecutive dates in ``dates``, which are in order."""
    span: Span | None = None
    for day in dates:
        if span and day == span[1] + ONE_DAY:
            span = span[0], day
            continue
        if span:
            yield span
        span = day, day
    if span:
        yield span


def days_in(spans: Iterable[Span]) -> int:
    """Return the number of dates in ``spans``."""
    return sum((last - first).days + 1 for first, last in spans)


class NearbyDays:
    """The dates of a ``Nearby`` while some of them become active, or no longer are."""

    def __init__(self, nearby: Nearby, calendar: Calendar) -> None:
        self.elsewhere = nearby.elsewhere
        self._activities = dict(nearby.activities)
        self._spans = list(nearby.spans)
        self._calendar = calendar

    def __contains__(self, day: date) -> bool:
        return day in self._activities

    def count(self, day: date, activities: int) -> tuple[int, int]:
        """Add to the activities of ``day``; return how many it had, and has now."""
        before = self._activities[day]
        after = self._activities[day] = before + activities
        return before, after

    @property
    def last(self) -> date | None:
        """The last date of all spans."""
        return self._spans[-1][1] if self._spans else None

    def add(self, day: date) -> None:
        """Make ``day`` active, which was not."""
        place, first, last = bisect_left(self._spans, (day, day)), day, day
        end = place
        if place and self._spans[place - 1][1] == day - ONE_DAY:
            place -= 1
            first = self._spans[place][0]
        if end < len(self._spans) and self._spans[end][0] == day + ONE_DAY:
            last = self._spans[end][1]
            end += 1
        self._spans[place:end] = [(first, last)]

    def drop(self, day: date) -> None:
        """Let ``day`` be active no longer."""
        place = self._place_of(day)
        first, last = self._spans[place]
        parts = (first, day - ONE_DAY), (day + ONE_DAY, last)
        self._spans[place : place + 1] = [each for each in parts if each[0] <= each[1]]

    def run_of(self, day: date) -> tuple[int, date]:
        """Return the length of the run through ``day``, and the date on which it ends.

        Only neutral dates are in between its dates.
        """
        begin = end = self._place_of(day)
        while begin and self._are_linked(begin - 1):
            begin -= 1
        while end + 1 < len(self._spans) and self._are_linked(end):
            end += 1
        return days_in(self._spans[begin : end + 1]), self._spans[end][1]

    def longest(self) -> int:
        """Return the longest run of all spans."""
        longest = length = 0
        for place, span in enumerate(self._spans):
            if not (place and self._are_linked(place - 1)):
                length = 0
            length += days_in([span])
            longest = max(longest, length)
        return longest

    def _place_of(self, day: date) -> int:
        return bisect_right(self._spans, (day, date.max)) - 1

    def _are_linked(self, place: int) -> bool:
        """Say whether the next span goes on with the run."""
        (_, last), (first, _) = self._spans[place : place + 2]
        return self._calendar.follows(last, first)


def splits_longest(
    nearby: Nearby, lost: Collection[date], longest: int, calendar: Calendar
) -> bool:
    """Say whether a run of the length ``longest`` loses some of these dates."""
    days = NearbyDays(nearby, calendar)
    return any(days.run_of(day)[0] >= longest for day in lost)


def longest_without(nearby: Nearby, lost: Collection[date], calendar: Calendar) -> int:
    """Return the longest run of all spans after the loss of these dates."""
    days = NearbyDays(nearby, calendar)
    for day in lost:
        days.drop(day)
    return days.longest()
