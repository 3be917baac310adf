"""Repairs of one outage for everybody whom it broke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.days import ONE_DAY
from gamification.domain.state import UserState
from gamification.domain.streak_book import StreakBook, dates_of
from gamification.domain.streak_rules import DAILY, StreakRule
from gamification.domain.streak_status import REPAIRABLE, are_runs_longer
from gamification.models import StreakDefinition, UserGamification, write_alias
from gamification.services.streaks.lookup import find_streak, rule_of
from gamification.services.streaks.repairs.single import check_age, check_dates, credit
from gamification.services.streaks.settling import load
from gamification.services.unit_of_work import attempts, naming_errors
from gamification.services.validation import (
    MAX_NOTE,
    UserRef,
    actor_key_of,
    check_actor,
    check_text,
)
from gamification.storage import StateQuery, Store, store_for
from gamification.storage.streaks import load_days

#: Users that are looked at together.
USERS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class RepairReport:
    """The result of a repair for everybody."""

    #: Users whose runs were longer afterwards, and the dates that were repaired.
    users: int = 0
    dates: int = 0


@naming_errors
def repair_streaks(
    dates: Iterable[date], *, actor: UserRef | None, note: str, streak: str = DAILY
) -> RepairReport:
    """Credit missed dates for everybody whose run they broke, such as after an outage.

    Each transaction repairs some users. The call can be repeated, and goes on with
    those who are left. Raises the errors of ``repair_streak``.
    """
    actor_id = actor_key_of(actor)
    check_text("note", note, longest=MAX_NOTE, required=True)
    wanted, users = _check_outage(dates), 0
    check_actor(actor_id)
    definition = find_streak(streak)
    for user_ids in _pages(wanted):
        users += repair_users(user_ids, definition, wanted, actor_id, note)
    return RepairReport(users, users * len(wanted))


def repair_users(
    user_ids: Sequence[Any],
    streak: StreakDefinition,
    wanted: Sequence[date],
    actor_id: Any,
    note: str,
    job_id: int | None = None,
) -> int:
    """Credit the dates for those of the users whose runs they broke; return how many.

    It is one transaction.
    """
    store = store_for(write_alias())
    suspects = [*_broken(user_ids, streak, wanted, store)]
    for attempt in attempts(store, suspects):
        with attempt:
            attempt.lock()
            # Until then, some may have gone, or have got what the dates would give.
            broken = [*_broken(suspects, streak, wanted, store)]
            for user_id in broken:
                loaded = load(user_id, store)
                past = _past(loaded.state, wanted)
                credit(loaded, streak, past, actor_id, note, store, job_id)
    return len(broken)


@naming_errors
def preview_repairs(dates: Iterable[date], *, streak: str = DAILY) -> RepairReport:
    """Return what ``repair_streaks`` would do now, and write nothing."""
    wanted, users = _check_outage(dates), 0
    store, definition = store_for(write_alias()), find_streak(streak)
    for user_ids in _pages(wanted):
        users += len([*_broken(user_ids, definition, wanted, store)])
    return RepairReport(users, users * len(wanted))


def _check_outage(dates: Iterable[date]) -> list[date]:
    """Raise ``NotRepairableError`` for dates that nobody's repair may have."""
    wanted, now = check_dates(dates), timezone.now().date()
    # Somewhere it is a day earlier, or later.
    check_age(wanted, now - ONE_DAY, now + ONE_DAY)
    return wanted


def _pages(wanted: Sequence[date]) -> Iterator[list[Any]]:
    """Yield users who may have had a run when the dates came, some at a time."""
    rows = candidates(wanted).order_by("pk")
    pairs, after = rows.values_list("pk", "user_id"), 0
    while page := list(pairs.filter(pk__gt=after)[:USERS_AT_ONCE]):
        after = page[-1][0]
        yield [user_id for _pk, user_id in page]


def candidates(wanted: Sequence[date]) -> QuerySet[UserGamification]:
    """Return the users who may have had a run when the dates came."""
    earliest = datetime.combine(wanted[0] - REPAIRABLE, time(), tzinfo=UTC)
    return UserGamification.objects.filter(
        Q(last_occurred_at__gte=earliest) | Q(has_exceptions=True)
    )


def _broken(
    user_ids: Sequence[Any],
    streak: StreakDefinition,
    wanted: Iterable[date],
    store: Store,
) -> Iterator[Any]:
    """Yield the users whose runs would be longer if the dates were repaired."""
    snapshot = store.read(StateQuery(user_ids, conf.default_calendar))
    states, rule = [*snapshot.states.values()], rule_of(streak, snapshot.catalogue)
    load_days(states, snapshot.catalogue, store)
    for state in states:
        if _is_longer(state, rule, wanted):
            yield state.user_id


def _past(state: UserState, wanted: Iterable[date]) -> list[date]:
    """Return those of the dates that staff can repair for the user."""
    today = state.calendar.date_of(timezone.now())
    return [day for day in wanted if today - REPAIRABLE <= day < today]


def _is_longer(state: UserState, rule: StreakRule, wanted: Iterable[date]) -> bool:
    """Say whether a run of the user would be longer if the dates were repaired."""
    book, now = state.book or StreakBook(), timezone.now()
    dates = dates_of(rule, state.days or {}, book.chosen, state.calendar)
    exceptions, past = book.exceptions_of(rule), _past(state, wanted)
    return are_runs_longer(rule, dates, state.calendar, now, exceptions, past)
