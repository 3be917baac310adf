"""Repairs of one outage for everybody whom it broke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
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

_LONGEST_PERIOD: Final = timedelta(days=31)


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
    wanted = _check_outage(dates)
    check_actor(actor_id)
    definition = find_streak(streak)
    return _sum(
        repair_users(user_ids, definition, wanted, actor_id, note)
        for user_ids in _pages(wanted, definition)
    )


def repair_users(
    user_ids: Sequence[Any],
    streak: StreakDefinition,
    wanted: Sequence[date],
    actor_id: Any,
    note: str,
    job_id: int | None = None,
) -> RepairReport:
    """Credit the dates for those of the users whose runs they broke.

    It is one transaction.
    """
    store = store_for(write_alias())
    suspects = [*_broken(user_ids, streak, wanted, store)]
    for attempt in attempts(store, suspects):
        with attempt:
            attempt.lock()
            # Until then, some may have gone, or have got what the dates would give.
            broken = _broken(suspects, streak, wanted, store)
            for user_id, new in broken.items():
                loaded = load(user_id, store)
                credit(loaded, streak, new, actor_id, note, store, job_id)
    return _report(broken)


@naming_errors
def preview_repairs(dates: Iterable[date], *, streak: str = DAILY) -> RepairReport:
    """Return what ``repair_streaks`` would do now, and write nothing."""
    wanted = _check_outage(dates)
    store, definition = store_for(write_alias()), find_streak(streak)
    return _sum(
        _report(_broken(user_ids, definition, wanted, store))
        for user_ids in _pages(wanted, definition)
    )


def _report(broken: Mapping[Any, Sequence[date]]) -> RepairReport:
    return RepairReport(len(broken), sum(map(len, broken.values())))


def _sum(reports: Iterable[RepairReport]) -> RepairReport:
    pairs = [(each.users, each.dates) for each in reports]
    return RepairReport(*map(sum, zip(*pairs, strict=True)))


def _check_outage(dates: Iterable[date]) -> list[date]:
    """Raise ``NotRepairableError`` for dates that nobody's repair may have."""
    wanted, now = check_dates(dates), timezone.now().date()
    # Somewhere it is a day earlier, or later.
    check_age(wanted, now - ONE_DAY, now + ONE_DAY)
    return wanted


def _pages(wanted: Sequence[date], streak: StreakDefinition) -> Iterator[list[Any]]:
    """Yield users who may have had a run when the dates came, some at a time."""
    rows = candidates(wanted, streak).order_by("pk")
    pairs, after = rows.values_list("pk", "user_id"), 0
    while page := list(pairs.filter(pk__gt=after)[:USERS_AT_ONCE]):
        after = page[-1][0]
        yield [user_id for _pk, user_id in page]


def candidates(
    wanted: Sequence[date], streak: StreakDefinition
) -> QuerySet[UserGamification]:
    """Return the users who may have had a run when the dates came."""
    # Freezes that were earned keep a run, too: each for a month at most.
    caps = [rules["freeze_cap"] for rules in streak.former]
    kept = max([streak.freeze_cap, *caps]) * _LONGEST_PERIOD
    earliest = datetime.combine(wanted[0] - REPAIRABLE - kept, time(), tzinfo=UTC)
    return UserGamification.objects.filter(
        Q(last_occurred_at__gte=earliest) | Q(has_exceptions=True)
    )


def _broken(
    user_ids: Sequence[Any],
    streak: StreakDefinition,
    wanted: Iterable[date],
    store: Store,
) -> dict[Any, list[date]]:
    """Return the dates to repair by user, where a run would be longer with them."""
    snapshot = store.read(StateQuery(user_ids, conf.default_calendar))
    states, rule = [*snapshot.states.values()], rule_of(streak, snapshot.catalogue)
    load_days(states, snapshot.catalogue, store)
    found: dict[Any, list[date]] = {}
    for state in states:
        new = _new(state, rule, wanted)
        if _is_longer(state, rule, new):
            found[state.user_id] = new
    return found


def _new(state: UserState, rule: StreakRule, wanted: Iterable[date]) -> list[date]:
    """Return those of the dates that staff can repair for the user, and have not."""
    today, book = state.calendar.date_of(timezone.now()), state.book or StreakBook()
    done = book.exceptions_of(rule).repaired
    past = [day for day in wanted if today - REPAIRABLE <= day < today]
    return [day for day in past if day not in done]


def _is_longer(state: UserState, rule: StreakRule, new: Iterable[date]) -> bool:
    """Say whether a run of the user would be longer if the dates were repaired."""
    book, now = state.book or StreakBook(), timezone.now()
    dates = dates_of(rule, state.days or {}, book.chosen, state.calendar)
    exceptions = book.exceptions_of(rule)
    return are_runs_longer(rule, dates, state.calendar, now, exceptions, new)
