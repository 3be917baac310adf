"""Finds the users who may differ from their ledgers, as fast as the database can."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from django.contrib.auth import get_user_model
from django.db.models import Q, QuerySet
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.streaks import measure_streak
from gamification.leaderboards import has_boards, score_drifts
from gamification.maintenance.comparing import read_profiles
from gamification.models import UserGamification, write_alias
from gamification.models.users import in_order
from gamification.services.catalogue.filters.counts import built_filters, filter_numbers
from gamification.services.jobs import undone_jobs
from gamification.services.levels.table import current_thresholds
from gamification.services.streaks.derived import (
    DerivedStreaks,
    derive_streaks,
    unmarked,
)
from gamification.services.unit_of_work import wrap_database_errors
from gamification.storage import Store, store_for
from gamification.storage.catalogue import load_catalogue
from gamification.storage.streaming import stream

#: Users whose numbers are in memory at a time.
USERS_AT_ONCE: Final = 1_000


def find_suspects(first: Any, last: Any) -> Iterator[Sequence[Any]]:
    """Yield the users from ``first`` to ``last`` who may differ, some at a time.

    They come in order, and no other user differs. If the database cannot tell, these
    are all users. Raises ``StorageError``.
    """
    alias = write_alias()
    with wrap_database_errors(alias):
        found = _found(first, last, store_for(alias))
    yield from keys_between(first, last) if found is None else _in_parts(found)


def keys_between(first: Any, last: Any) -> Iterator[Sequence[Any]]:
    """Yield the keys of all users from ``first`` to ``last``, some at a time."""
    alias = write_alias()
    users = get_user_model()._base_manager.using(alias).filter(pk__lte=last)
    keys = users.order_by("pk").values_list("pk", flat=True)
    rest = keys.filter(pk__gte=first)
    while part := _read(rest[:USERS_AT_ONCE]):
        yield part
        rest = keys.filter(pk__gt=part[-1])


def _read(keys: QuerySet[Any, Any]) -> list[Any]:
    with wrap_database_errors(keys.db):
        return list(keys)


def _in_parts(user_ids: Iterable[Any]) -> Iterator[list[Any]]:
    rest = iter(user_ids)
    while part := [*islice(rest, USERS_AT_ONCE)]:
        yield part


def _found(first: Any, last: Any, store: Store) -> list[Any] | None:
    """Return the users who may differ, in order; None if the database cannot tell."""
    undos = [*undone_jobs()]
    known = store.suspects(first, last, current_thresholds(), undos)
    if known is None:
        return None
    found, streaks = known
    suspects = {*found, *_by_streaks(first, last, streaks, store)}
    has_filters = bool(built_filters(store.alias))
    for part in keys_between(first, last) if has_filters or has_boards() else ():
        suspects |= {drift.user_id for drift in score_drifts(part)}
        suspects |= {
            user_id
            for user_id, _name, kept, counted in filter_numbers(part, store.alias)
            if kept != counted
        }
    return in_order(suspects)


def _by_streaks(
    first: Any, last: Any, suspects: Collection[Any], store: Store
) -> set[Any]:
    """Return the users whose streaks do not follow from their stored dates.

    The database has compared runs of consecutive dates, and found ``suspects``. Users
    with neutral dates, or with a streak that forgives something, are compared here.
    """
    catalogue = load_catalogue(store.alias)
    users = UserGamification.objects.using(store.alias)
    users = users.filter(user__gte=first, user__lte=last)
    rows = users.order_by("user_id")
    is_plain = catalogue.is_strict and not catalogue.other_streaks
    if is_plain and not conf.default_calendar.neutral_dates:
        rows = rows.filter(Q(has_exceptions=True) | ~Q(zone_history=[]))
    special = (
        row.user_id
        for row in stream(rows)
        if not is_plain or row.has_exceptions or row.calendar.neutral_dates
    )
    found = {*suspects}
    for part in _in_parts(special):
        found = found.difference(part) | _by_dates(part, store)
    return found.union(unmarked(users).values_list("user_id", flat=True))


def _by_dates(user_ids: Sequence[Any], store: Store) -> set[Any]:
    """Return those of the users whose streaks do not follow from their dates."""
    profiles, days = read_profiles(user_ids), store.days(user_ids)
    derived = derive_streaks(profiles.values(), days, store.alias, timezone.now())
    return {
        user_id
        for user_id, row in profiles.items()
        if _differs(row, derived.get(user_id), days[user_id])
    }


def _differs(
    row: UserGamification, derived: DerivedStreaks | None, days: Collection[Any]
) -> bool:
    daily = derived.daily if derived else measure_streak(days, row.calendar)
    return bool(
        row.streak != daily
        or row.highest_streak < daily.longest
        or row.active_days != len(days)
        or (derived and derived.missing)
    )
