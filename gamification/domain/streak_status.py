"""Where a streak stands at an instant, and which kind each of its dates is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Final

from gamification.domain.days import ONE_DAY, Calendar
from gamification.domain.streak_rules import StreakPeriod, StreakRule
from gamification.domain.streak_runs import NO_EXCEPTIONS, Exceptions, Gap, Walk
from gamification.domain.streaks import StreakState, StreakStatus

#: How far back missed dates are named, and staff can repair them.
REPAIRABLE: Final = timedelta(days=90)


def find_status(
    rule: StreakRule,
    dates: Iterable[date],
    calendar: Calendar,
    now: datetime,
    exceptions: Exceptions = NO_EXCEPTIONS,
) -> StreakStatus:
    """Return the status of the streak over ``dates`` at ``now``; nothing is used up."""
    walk, today = Walk(rule, dates, calendar, exceptions), calendar.date_of(now)
    runs, gap = walk.runs, walk.gap_until(today)
    period, version = rule.period_of(today), rule.version_on(today)
    state, missed = _state(walk, gap, period, today), [*_missed(walk, gap, today)]
    is_alive = state != StreakState.BROKEN
    every = version.freeze_every
    counted = runs.counted if is_alive else 0
    return StreakStatus(
        state=state,
        current=runs.current if is_alive else 0,
        longest=runs.longest,
        last_active_on=runs.last_active_on,
        lost_at=_lost_at(walk, gap, period, now) if is_alive else None,
        key=rule.key,
        name=rule.name,
        unit=version.unit,
        goal=version.goal,
        done=walk.done_in(period),
        freezes=runs.stock,
        freezes_needed=len(gap.missed) if is_alive else 0,
        freeze_cap=version.freeze_cap,
        next_freeze_in=every and every - counted % every,
        paused_until=_paused_until(exceptions, today),
        missed=tuple(each.end for each in missed),
        lacking=tuple(day for each in missed for day in walk.lacking_in(each)),
        broken_at=_broken_at(walk, now),
        lost=walk.lost,
        coverable=len(walk.breach[1].missed) - 1 if walk.breach else 0,
    )


def are_runs_longer(
    rule: StreakRule,
    dates: Collection[date],
    calendar: Calendar,
    now: datetime,
    exceptions: Exceptions,
    repaired: Iterable[date],
) -> bool:
    """Say whether the runs at ``now`` are longer if more dates are ``repaired``."""
    today = calendar.date_of(now)
    new = frozenset(repaired).difference(dates, exceptions.repaired)
    is_plain = rule.is_plain and exceptions == NO_EXCEPTIONS
    if is_plain and not any(_joins(day, new, dates, calendar, today) for day in new):
        return False
    more = replace(exceptions, repaired=exceptions.repaired | new)
    before, after = (
        _lengths(Walk(rule, dates, calendar, each), today)
        for each in (exceptions, more)
    )
    return bool(new) and after > before


def _joins(
    day: date,
    repaired: Collection[date],
    dates: Collection[date],
    calendar: Calendar,
    today: date,
) -> bool:
    """Say whether nothing is missed from an active date to another one, or to today.

    The missed ``day`` is between them, and one of the ``repaired`` ones.
    """
    for step in (-ONE_DAY, ONE_DAY):
        here = day
        while here not in dates and (here in repaired or calendar.is_neutral(here)):
            here += step
        if here not in dates and here < today:
            return False
    return True


def _lengths(walk: Walk, today: date) -> tuple[int, int]:
    """Return the current and the longest run."""
    gap, period = walk.gap_until(today), walk.rule.period_of(today)
    is_alive = _state(walk, gap, period, today) != StreakState.BROKEN
    return walk.runs.current if is_alive else 0, walk.runs.longest


def _state(walk: Walk, gap: Gap, period: StreakPeriod, today: date) -> StreakState:
    last = walk.runs.last
    if last is None:
        return StreakState.BROKEN
    if last.end >= period.start:
        return StreakState.ACTIVE
    if not gap.is_covered:
        return StreakState.BROKEN
    if walk.exceptions.is_paused(today):
        return StreakState.PAUSED
    return StreakState.FROZEN if gap.missed else StreakState.AT_RISK


def _lost_at(walk: Walk, gap: Gap, period: StreakPeriod, now: datetime) -> datetime:
    """Return when the streak breaks if the user is not active any more."""
    count, stock, rule = len(gap.missed), walk.runs.stock, walk.rule
    if walk.runs.last and walk.runs.last.end >= period.start:
        period = rule.following(walk.runs.last)
    count += walk.is_missed(period)
    while count <= stock:
        period = rule.following(period)
        count += walk.is_missed(period)
    return walk.calendar.begins(period.end + ONE_DAY, after=now)


def _paused_until(exceptions: Exceptions, today: date) -> date | None:
    ends = [until for since, until in exceptions.pauses if since <= today <= until]
    return max(ends, default=None)


def _missed(walk: Walk, gap: Gap, today: date) -> Iterator[StreakPeriod]:
    """Yield what was missed that freezes will cover, or that broke the streak last."""
    if gap.is_covered and gap.missed:
        yield from map(walk.rule.period_of, gap.missed)
    elif walk.breach:
        last, _gap = walk.breach
        began, end = walk.runs.began_on, walk.rule.period_of(today).start
        if began and began > last.end:
            end = began
        each = walk.rule.period_of(max(last.end, today - REPAIRABLE - ONE_DAY))
        while (each := walk.rule.following(each)).start < end:
            if walk.is_missed(each):
                yield each


def _broken_at(walk: Walk, now: datetime) -> datetime | None:
    """Return when the streak broke last."""
    if walk.breach is None:
        return None
    _last, gap = walk.breach
    return walk.calendar.ended(walk.rule.period_of(gap.missed[-1]).end, now)


def find_kinds(
    rule: StreakRule,
    dates: Iterable[date],
    calendar: Calendar,
    exceptions: Exceptions,
    since: date,
    until: date,
) -> dict[date, str]:
    """Return the kind of each date from ``since`` to ``until`` that is not missed.

    It is ``active``, ``repaired``, ``frozen``, ``paused`` or ``off``, the first of
    these that fits; a date that is merely missed has none.
    """
    walk = Walk(rule, dates, calendar, exceptions)
    span = (since + timedelta(n) for n in range((until - since).days + 1))
    kinds = ((day, _kind(walk, day)) for day in span)
    return {day: kind for day, kind in kinds if kind}


def _kind(walk: Walk, day: date) -> str:
    tests = {
        "active": day in walk.active,
        "repaired": day in walk.exceptions.repaired,
        "frozen": day in walk.runs.used,
        "paused": walk.exceptions.is_paused(day),
        "off": day.isoweekday() not in walk.rule.version_on(day).weekdays,
    }
    return next(islice((kind for kind, fits in tests.items() if fits), 1), "")
