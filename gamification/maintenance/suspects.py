"""Finds the users who may differ from their ledgers, as fast as the database can."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from gamification.conf import conf
from gamification.domain.streaks import measure_streak
from gamification.leaderboards import has_boards, score_drifts
from gamification.maintenance.comparing import read_profiles
from gamification.models import UserGamification, write_alias
from gamification.services.catalogue.filters.counts import built_filters, filter_numbers
from gamification.services.jobs import undone_jobs
from gamification.services.levels.table import current_thresholds
from gamification.services.streaks.derived import DerivedStreaks, derive_streaks
from gamification.services.unit_of_work import wrap_database_errors
from gamification.storage import Store, store_for
from gamification.storage.catalogue import load_catalogue
from gamification.storage.streaming import stream

#: Users whose numbers are in memory at a time.
USERS_AT_ONCE: Final = 1_000


def in_parts(user_ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Yield ``USERS_AT_ONCE`` of the users at a time."""
    for first in range(0, len(user_ids), USERS_AT_ONCE):
        yield user_ids[first : first + USERS_AT_ONCE]


def find_suspects(user_ids: Sequence[Any]) -> list[Any]:
    """Return those of the users who may differ, in the same order.

    The users are consecutive ones. None of the others differs. Where the database
    cannot tell, it returns all of them. Raises ``StorageError``.
    """
    alias = write_alias()
    store = store_for(alias)
    with wrap_database_errors(alias):
        known = store.suspects(user_ids, current_thresholds(), [*undone_jobs(alias)])
        if known is None:
            return [*user_ids]
        found, streaks = known
        suspects = {*found, *_by_streaks(user_ids, streaks, store)}
        for part in in_parts(user_ids) if has_boards() else ():
            suspects |= {drift.user_id for drift in score_drifts(part)}
        for part in in_parts(user_ids) if built_filters(alias) else ():
            suspects |= {
                user_id
                for user_id, _name, kept, counted in filter_numbers(part, alias)
                if kept != counted
            }
    return [user_id for user_id in user_ids if user_id in suspects]


def _by_streaks(
    user_ids: Sequence[Any], suspects: Collection[Any], store: Store
) -> set[Any]:
    """Return the users whose streaks do not follow from their stored dates.

    The database has compared runs of consecutive dates, and found ``suspects``. Whoever
    has neutral dates, or a streak that forgives something, is compared here.
    """
    catalogue = load_catalogue(store.alias)
    rows = UserGamification.objects.using(store.alias).order_by("user_id")
    rows = rows.filter(user__gte=user_ids[0], user__lte=user_ids[-1])
    is_plain = catalogue.is_strict and not catalogue.other_streaks
    if is_plain and not conf.default_calendar.neutral_dates:
        rows = rows.filter(Q(has_exceptions=True) | ~Q(zone_history=[]))
    special = [
        row.user_id
        for row in stream(rows)
        if not is_plain or row.has_exceptions or row.calendar.neutral_dates
    ]
    found = {*suspects}.difference(special)
    for part in in_parts(special):
        found |= _by_dates(part, store)
    return found


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
