"""Reads what decisions about streaks need beside active dates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from django.db.models import Case, Sum, Value, When

from gamification.domain.catalogue import Catalogue
from gamification.domain.freezes import FreezeRow
from gamification.domain.outcomes import EntryKind
from gamification.domain.state import UserState
from gamification.domain.streak_book import StreakBook
from gamification.domain.streak_runs import Pause
from gamification.models import LedgerEntry, RepairedDate, StreakFreeze, StreakPause
from gamification.storage.base import Store

Chosen = Mapping[tuple[int, date], int]


def load_days(states: Iterable[UserState], catalogue: Catalogue, store: Store) -> None:
    """Give ``states`` their active dates, and the book to those who need one."""
    by_user = {state.user_id: state for state in states}
    if not by_user:
        return
    for user_id, days in store.days([*by_user]).items():
        by_user[user_id].days = days
    needy = [state for state in by_user.values() if needs_book(state, catalogue)]
    load_books(needy, catalogue, store.alias)


def load_ledgers(
    states: Iterable[UserState], catalogue: Catalogue, store: Store
) -> None:
    """Give those of ``states`` that lack it their ledger, and the book if needed."""
    by_user = {state.user_id: state for state in states if state.ledger is None}
    if not by_user:
        return
    for user_id, ledger in store.ledgers([*by_user]).items():
        by_user[user_id].ledger = ledger
    load_books(
        [
            state
            for state in by_user.values()
            if state.book is None and needs_book(state, catalogue)
        ],
        catalogue,
        store.alias,
    )


def needs_book(state: UserState, catalogue: Catalogue) -> bool:
    """Say whether more than the dates decides about the user's streaks."""
    is_strict = catalogue.is_strict and not state.has_exceptions
    return bool(catalogue.other_streaks) or not is_strict


def load_books(
    states: Sequence[UserState],
    catalogue: Catalogue,
    alias: str,
    activities: frozenset[int] = frozenset(),
) -> None:
    """Give ``states`` their freezes, pauses and repaired dates.

    They get the dates of the activities that staff chose for streaks, and of these
    ``activities``.
    """
    if not states:
        return
    user_ids = [state.user_id for state in states]
    freezes, pauses = _freezes(user_ids, alias), _pauses(user_ids, alias)
    repaired = _repaired(user_ids, alias)
    chosen = _chosen(user_ids, catalogue.chosen_activities | activities, alias)
    for state in states:
        pk = state.user_id
        state.book = StreakBook(
            tuple(freezes[pk]),
            {streak: tuple(dates) for streak, dates in pauses[pk].items()},
            {streak: frozenset(dates) for streak, dates in repaired[pk].items()},
            chosen[pk],
        )


def _freezes(user_ids: Sequence[Any], alias: str) -> dict[Any, list[FreezeRow]]:
    found: dict[Any, list[FreezeRow]] = defaultdict(list)
    rows = StreakFreeze.objects.using(alias).filter(user__in=user_ids)
    for row in rows.order_by("id").values_list(*FreezeRow._fields):
        found[row[0]].append(FreezeRow(*row))
    return found


def _pauses(
    user_ids: Sequence[Any], alias: str
) -> dict[Any, dict[int | None, list[Pause]]]:
    found: dict[Any, dict[int | None, list[Pause]]] = defaultdict(
        lambda: defaultdict(list)
    )
    rows = StreakPause.objects.using(alias).filter(user__in=user_ids)
    fields = ("user_id", "streak_id", "since", "until")
    for user_id, streak_id, since, until in rows.values_list(*fields):
        found[user_id][streak_id].append(Pause(since, until))
    return found


def _repaired(user_ids: Sequence[Any], alias: str) -> dict[Any, dict[int, list[date]]]:
    found: dict[Any, dict[int, list[date]]] = defaultdict(lambda: defaultdict(list))
    rows = RepairedDate.objects.using(alias).filter(user__in=user_ids)
    for user_id, streak_id, day in rows.values_list("user_id", "streak_id", "date"):
        found[user_id][streak_id].append(day)
    return found


def _chosen(
    user_ids: Sequence[Any], activity_ids: Iterable[int], alias: str
) -> dict[Any, dict[tuple[int, date], int]]:
    """Return the records that stand by activity and date."""
    found: dict[Any, dict[tuple[int, date], int]] = defaultdict(dict)
    if not activity_ids:
        return found
    sign = Case(
        When(kind=EntryKind.ACTIVITY, then=Value(1)),
        When(kind=EntryKind.REVERSAL, then=Value(-1)),
        default=Value(0),
    )
    rows = LedgerEntry.objects.using(alias).filter(
        user__in=user_ids, activity__in=activity_ids
    )
    places = rows.order_by().values_list("user_id", "activity_id", "local_date")
    for user_id, activity_id, day, count in places.annotate(n=Sum(sign)):
        found[user_id][activity_id, day] = int(count)
    return found
