"""Reads the active dates around some others with the ORM."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, Final

from django.db.models import QuerySet

from gamification.domain.days import ONE_DAY
from gamification.domain.nearby import Nearby, Span, spans_of

#: Dates around which rows are read; for more, all rows of the users are.
FEW: Final = 3


def read_nearby(days: QuerySet[Any], wanted: Collection[date], longest: int) -> Nearby:
    """Return what is around the ``wanted`` dates, with a few statements for each.

    ``days`` are the rows of one user's active dates, of which no more than ``longest``
    are consecutive.
    """
    rows = days.filter(date__in=wanted).values_list("date", "activities")
    activities = dict.fromkeys(wanted, 0) | dict(rows)
    spans: list[Span] = []
    for day in wanted:
        before = days.filter(date__lt=day).order_by("-date")
        after = days.filter(date__gt=day).order_by("date")
        for near in (before, after):
            dates = near.values_list("date", flat=True)[: longest + 1]
            spans += [*spans_of(sorted(dates))][-1 if near is before else 0 :][:1]
    spans += [(day, day) for day, count in activities.items() if count]
    return Nearby.of(activities, spans)


def find_longest(
    days: QuerySet[Any], spans: Collection[Span], neutral: Collection[date]
) -> int:
    """Return the longest run of ``days`` outside ``spans``.

    The ``neutral`` dates break no run. One date is in memory at a time.
    """
    longest = length = 0
    last: date | None = None
    for day in days.order_by("date").values_list("date", flat=True).iterator():
        if any(first <= day <= until for first, until in spans):
            continue
        expected = last + ONE_DAY if last else day
        while expected in neutral and expected < day:
            expected += ONE_DAY
        length = length + 1 if last and expected == day else 1
        longest, last = max(longest, length), day
    return longest
