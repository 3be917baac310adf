"""Pauses: dates that break no streak."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

from django.db.models import F, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.days import ONE_DAY
from gamification.domain.streak_runs import Pause
from gamification.exceptions import InvalidPauseError
from gamification.models import (
    StreakDefinition,
    StreakPause,
    UserGamification,
    write_alias,
)
from gamification.services.corrections.changes import check_not_self
from gamification.services.streaks.lookup import check_date, find_optional_streak
from gamification.services.streaks.settling import mark_exceptions, settle
from gamification.services.unit_of_work import attempts
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_key_of,
    check_actor,
    check_text,
    unknown_user,
    user_id_of,
)
from gamification.storage import store_for

#: How far from today a pause may end, and its earliest date, so that nothing overflows.
LONGEST: Final = timedelta(days=3_660)
EARLIEST: Final = date(1970, 1, 1)
_YEAR: Final = timedelta(days=365)


def pause_streak(
    user: UserRef, start: date, end: date, *, streak: str | None = None
) -> StreakPause:
    """Pause one of the user's own streaks, or all; return the pause.

    The dates are the user's own, both included, from today on, and as many as the
    settings allow. Pauses that overlap or touch become one. A record in a pause counts.

    Raises ``InvalidPauseError``, ``UnknownStreakError``, ``InvalidRequestError``,
    ``UnknownUserError``, ``StorageError``.
    """
    user_id = user_id_of(user)
    return _pause(user_id, start, end, streak, user_id, "", is_own=True)


def pause_for(
    user: UserRef,
    start: date,
    end: date,
    *,
    actor: UserRef | None,
    streak: str | None = None,
    note: str = "",
) -> StreakPause:
    """Pause a user's streak, or all, on any dates, even past ones; return the pause.

    Otherwise as ``pause_streak``; raises ``InvalidTextError`` too, and
    ``SelfAwardError`` if the actor is the user.
    """
    check_text("note", note, longest=MAX_NOTE)
    user_id, actor_id = user_id_of(user), actor_key_of(actor)
    check_not_self(user_id, actor_id)
    return _pause(user_id, start, end, streak, actor_id, note, is_own=False)


def end_pause(
    user: UserRef, *, streak: str | None = None, start: date | None = None
) -> bool:
    """End the user's pause from today on, and all later ones; say if there was any.

    ``streak`` is the key of the paused streak, or None for a pause of all. With
    ``start``, only the pause that begins on this date ends.

    Raises ``InvalidRequestError`` for a ``start`` that is not a date,
    ``UnknownStreakError``, ``UnknownUserError``, ``StorageError``.
    """
    if start is not None:
        check_date("start", start)
    user_id, store = user_id_of(user), store_for(write_alias())
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            today = _today(user_id)
            rows = _pauses(user_id, find_optional_streak(streak))
            open_ones = rows.filter(until__gte=today)
            if start is not None:
                open_ones = open_ones.filter(since=start)
            has_ended = bool(open_ones.filter(since__gte=today).delete()[0])
            has_ended |= bool(open_ones.update(until=today - ONE_DAY))
            if has_ended:
                settle(user_id, store, timezone.now())
    return has_ended


def _pause(
    user_id: Any,
    start: date,
    end: date,
    streak: str | None,
    actor_id: Any,
    note: str,
    *,
    is_own: bool,
) -> StreakPause:
    _check_order(check_date("start", start), check_date("end", end))
    store = store_for(write_alias())
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            check_actor(actor_id)
            definition = find_optional_streak(streak)
            today = _today(user_id)
            since, until = _merged(_pauses(user_id, definition), start, end)
            if is_own:
                _check_start(start, today)
                for known in _known(user_id, definition):
                    _check_length(since, until, known)
            made = _replace(user_id, definition, since, until, actor_id, note)
            mark_exceptions(user_id, store)
            settle(user_id, store, timezone.now())
    return made


def _check_order(start: date, end: date) -> None:
    if end < start:
        raise InvalidPauseError(f"The pause ends on {end}, before {start}.")
    if start < EARLIEST or end > timezone.localdate() + LONGEST:
        message = f"The pause begins before 1970, or ends in over {LONGEST.days} days."
        raise InvalidPauseError(message)


def _check_start(start: date, today: date) -> None:
    if start < today:
        message = f"The pause begins on {start}, before today ({today})."
        raise InvalidPauseError(message)


def _check_length(since: date, until: date, known: Iterable[Pause]) -> None:
    """Raise ``InvalidPauseError`` for more dates than users may pause.

    ``known`` has the other pauses of the streak, with those of all streaks.
    """
    most, most_a_year = conf.MAX_PAUSE_DAYS, conf.MAX_PAUSE_DAYS_A_YEAR
    pauses = _joined([*known, Pause(since, until)])
    around = next(each for each in pauses if each.since <= since <= each.until)
    days = _overlap(around, *around)
    if days > most:
        message = f"The pause has {days} days; the most is {most}."
        raise InvalidPauseError(message, most=most)
    # The year with the most begins or ends with a pause.
    years = [(each.until - _YEAR + ONE_DAY, each.until) for each in pauses]
    years += [(each.since, each.since + _YEAR - ONE_DAY) for each in pauses]
    total = max(
        sum(_overlap(each, *year) for each in pauses)
        for year in years
        if _overlap(around, *year)
    )
    if total > most_a_year:
        message = f"It would pause {total} days in a year; the most is {most_a_year}."
        raise InvalidPauseError(message, most=most_a_year)


def _joined(pauses: Iterable[Pause]) -> list[Pause]:
    """Return the pauses in order, with those that touch as one."""
    joined: list[Pause] = []
    for since, until in sorted(pauses):
        if joined and since <= joined[-1].until + ONE_DAY:
            joined[-1] = Pause(joined[-1].since, max(joined[-1].until, until))
        else:
            joined.append(Pause(since, until))
    return joined


def _overlap(pause: Pause, first: date, last: date) -> int:
    """Return the number of paused dates from ``first`` to ``last``."""
    days = (min(pause.until, last) - max(pause.since, first)).days + 1
    return max(0, days)


def _merged(rows: QuerySet[StreakPause], start: date, end: date) -> tuple[date, date]:
    """Return the dates together with those of the pauses that they touch."""
    touching = [*_touching(rows, start, end)]
    return (
        min([start, *(row.since for row in touching)]),
        max([end, *(row.until for row in touching)]),
    )


def _touching(
    rows: QuerySet[StreakPause], start: date, end: date
) -> QuerySet[StreakPause]:
    return rows.filter(since__lte=end + ONE_DAY, until__gte=start - ONE_DAY)


def _replace(
    user_id: Any,
    streak: StreakDefinition | None,
    since: date,
    until: date,
    actor_id: Any,
    note: str,
) -> StreakPause:
    rows = _pauses(user_id, streak)
    touching = _touching(rows, since, until)
    noted = touching.exclude(note="").first()
    if noted and not note:
        # A note of staff for the user stays, with its author.
        actor_id, note = noted.actor_id, noted.note
    touching.delete()
    return rows.create(
        user_id=user_id,
        streak=streak,
        since=since,
        until=until,
        actor_id=actor_id,
        note=note,
    )


def _pauses(user_id: Any, streak: StreakDefinition | None) -> QuerySet[StreakPause]:
    return StreakPause.objects.filter(user=user_id, streak=streak)


def _known(user_id: Any, streak: StreakDefinition | None) -> list[list[Pause]]:
    """Return the pauses of the streak, or of each, with those of all streaks."""
    rows = StreakPause.objects.filter(user=user_id)
    found: dict[int | None, list[Pause]] = {None: []}
    for key, *dates in rows.values_list("streak_id", "since", "until"):
        found.setdefault(key, []).append(Pause(*dates))
    if streak:
        return [found[None] + found.get(streak.pk, [])]
    return [found[None] + (more if key else []) for key, more in found.items()]


def _today(user_id: Any) -> date:
    """Return the date of a locked user's calendar."""
    rows = UserGamification.objects.filter(user=user_id)
    profile = rows.annotate(locked=F("version")).first()
    if profile is None:
        raise unknown_user(user_id)
    return profile.calendar.date_of(timezone.now())
