"""Repairs: missed dates that no longer break a streak."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.utils import timezone

from gamification.conf import conf
from gamification.domain.streak_book import StreakBook
from gamification.domain.streak_rules import DAILY
from gamification.domain.streak_status import REPAIRABLE
from gamification.domain.streaks import StreakStatus
from gamification.exceptions import NotRepairableError
from gamification.models import RepairedDate, StreakDefinition, write_alias
from gamification.services.corrections.changes import check_self
from gamification.services.streaks.lookup import check_date, find_streak, rule_of
from gamification.services.streaks.settling import (
    Loaded,
    load,
    mark_exceptions,
    settle,
)
from gamification.services.streaks.status import read_streaks, status_of
from gamification.services.unit_of_work import attempts
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_key_of,
    check_actor,
    check_text,
    user_id_of,
)
from gamification.storage import Store, store_for
from gamification.suggestions import shown

#: The most dates that users can repair themselves, and how long after the break.
OWN_DATES: Final = 2
OWN_TIME: Final = timedelta(hours=48)

NOT_MISSED: Final = f"Up to {OWN_DATES} dates that broke the streak can be repaired."
#: The most dates in one repair.
MOST_DATES: Final = 31


class OwnRepair(NamedTuple):
    """A streak that its user may repair, by crediting all dates that it lacks."""

    status: StreakStatus
    #: When it will be too late.
    until: datetime


def repair_streak(
    user: UserRef,
    dates: Iterable[date],
    *,
    actor: UserRef | None,
    note: str,
    streak: str = DAILY,
) -> StreakStatus:
    """Credit missed dates of the last 90 days, so that they break nothing.

    They keep the run and do not lengthen it. An active date stays active, and a later
    record makes a repaired one active. The user reads the ``note``.

    Raises ``NotRepairableError`` for other dates, ``SelfAwardError`` if the actor is
    the user, ``UnknownStreakError``, ``InvalidTextError`` without a note,
    ``UnknownUserError``, ``StorageError``.
    """
    user_id, actor_id = user_id_of(user), actor_key_of(actor)
    check_text("note", note, longest=MAX_NOTE, required=True)
    wanted = check_dates(dates)
    store = store_for(write_alias())
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            check_actor(actor_id)
            definition, loaded = find_streak(streak), load(user_id, store)
            check_self(loaded.state, actor_id)
            today = loaded.state.calendar.date_of(timezone.now())
            check_age(wanted, today, today)
            credit(loaded, definition, wanted, actor_id, note, store)
            status = _status(user_id, definition, store)
    return status


def repair_own_streak(
    user: UserRef, dates: Iterable[date], *, streak: str = DAILY
) -> StreakStatus:
    """Let a user repair up to 2 missed dates within 48 hours of the break.

    The site must allow it (``USERS_REPAIR_STREAKS``). Raises ``NotRepairableError`` for
    other dates, after that time, or if the streak would stay broken; otherwise as the
    verb for staff.
    """
    user_id, store = user_id_of(user), store_for(write_alias())
    wanted = check_dates(dates)
    if not conf.USERS_REPAIR_STREAKS:
        raise NotRepairableError("This site does not let users repair streaks.")
    for attempt in attempts(store, [user_id]):
        with attempt:
            attempt.lock()
            definition, loaded = find_streak(streak), load(user_id, store)
            _check_own(loaded, definition, wanted)
            credit(loaded, definition, wanted, user_id, "", store)
            status = _status(user_id, definition, store)
            if status.current <= _status_of(loaded, definition).current:
                raise NotRepairableError("The streak would stay broken.")
    return status


def own_repairs(user: UserRef) -> list[OwnRepair]:
    """Return the streaks that the user may repair now; none if the site forbids it.

    Raises ``UnknownUserError``, ``StorageError``.
    """
    now = timezone.now()
    return [
        OwnRepair(status, status.broken_at + OWN_TIME)
        for status in (read_streaks(user) if conf.USERS_REPAIR_STREAKS else ())
        if status.broken_at and status.lacking and not status.freezes_needed
        if not _own_problem(status, status.lacking, now)
    ]


def check_dates(dates: Iterable[date]) -> list[date]:
    if isinstance(dates, str):
        message = f"dates is {shown(dates)}, not a list of dates."
        raise NotRepairableError(message)
    wanted = sorted({check_date("dates", day) for day in dates})
    if not 1 <= len(wanted) <= MOST_DATES:
        raise NotRepairableError(f"A repair has 1 to {MOST_DATES} dates.")
    return wanted


def check_age(wanted: Sequence[date], earliest: date, latest: date) -> None:
    """Raise ``NotRepairableError`` unless staff can repair sorted dates.

    Today lies between ``earliest`` and ``latest``.
    """
    if wanted[-1] >= latest or wanted[0] < earliest - REPAIRABLE:
        message = (
            f"{wanted[0]} to {wanted[-1]} are not all among the {REPAIRABLE.days} days "
            f"before {latest}."
        )
        raise NotRepairableError(message)


def _check_own(
    loaded: Loaded, streak: StreakDefinition, wanted: Collection[date]
) -> None:
    status, rule = _status_of(loaded, streak), rule_of(streak, loaded.catalogue)
    missed = {rule.period_of(day).start for day in status.missed}
    if not {rule.period_of(day).start for day in wanted} <= missed:
        raise NotRepairableError(NOT_MISSED)
    if problem := _own_problem(status, wanted, timezone.now()):
        raise NotRepairableError(problem)


def _own_problem(status: StreakStatus, wanted: Collection[date], now: datetime) -> str:
    """Return why a user may not repair missed dates; "" if nothing forbids it."""
    if len(wanted) > OWN_DATES:
        return NOT_MISSED
    if status.broken_at is None or now - status.broken_at > OWN_TIME:
        return f"The streak broke at {status.broken_at}, too long ago."
    return ""


def credit(
    loaded: Loaded,
    streak: StreakDefinition,
    wanted: Iterable[date],
    actor_id: Any,
    note: str,
    store: Store,
    job_id: int | None = None,
) -> None:
    """Write the dates for a locked user, and what follows from them."""
    state, book = loaded.state, loaded.state.book or StreakBook()
    done = book.repaired.get(streak.pk, frozenset())
    new = [day for day in wanted if day not in done]
    RepairedDate.objects.using(store.alias).bulk_create(
        RepairedDate(
            user_id=state.user_id,
            streak=streak,
            date=day,
            actor_id=actor_id,
            note=note,
            job_id=job_id,
        )
        for day in new
    )
    if new:
        mark_exceptions(state.user_id, store)
        settle(state.user_id, store, timezone.now())


def _status(user_id: Any, streak: StreakDefinition, store: Store) -> StreakStatus:
    return _status_of(load(user_id, store), streak)


def _status_of(loaded: Loaded, streak: StreakDefinition) -> StreakStatus:
    rule = rule_of(streak, loaded.catalogue)
    return status_of(loaded, rule, timezone.now())
