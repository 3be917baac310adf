"""Works out again from the ledger how a user's streaks should be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple

from django.db.models import Exists, OuterRef, Q, QuerySet

from gamification.domain.catalogue import Catalogue
from gamification.domain.freezes import FreezeKind, FreezeRow
from gamification.domain.state import UserState
from gamification.domain.streak_keeper import StreakKeeper
from gamification.domain.streaks import Streak
from gamification.models import (
    RepairedDate,
    StreakFreeze,
    StreakPause,
    UserGamification,
)
from gamification.storage.catalogue import load_catalogue
from gamification.storage.streaks import load_books, needs_book


class DerivedStreaks(NamedTuple):
    """The daily streak of a user, and what the ledger of freezes lacks."""

    daily: Streak
    missing: list[FreezeRow]
    has_exceptions: bool


def derive_streaks(
    profiles: Collection[UserGamification],
    days: Mapping[Any, Iterable[date]],
    alias: str,
    now: datetime,
) -> dict[Any, DerivedStreaks]:
    """Return the streaks of the users whose streaks may forgive something.

    ``days`` has the active dates of each user.
    """
    catalogue = load_catalogue(alias)
    user_ids = [profile.user_id for profile in profiles]
    rows = UserGamification.objects.using(alias).filter(user__in=user_ids)
    wrong = {*unmarked(rows).values_list("user_id", flat=True)}
    states = [
        UserState(
            profile.user_id,
            profile.calendar,
            days=dict.fromkeys(days[profile.user_id], 1),
            has_exceptions=profile.has_exceptions or profile.user_id in wrong,
        )
        for profile in profiles
    ]
    needy = [state for state in states if needs_book(state, catalogue)]
    load_books(needy, catalogue, alias)
    return {state.user_id: _derive(state, catalogue, now) for state in needy}


def _derive(state: UserState, catalogue: Catalogue, now: datetime) -> DerivedStreaks:
    keeper = StreakKeeper(state, catalogue)
    streak, missing = keeper.runs(catalogue.daily).streak, keeper.freeze_rows(now)
    return DerivedStreaks(streak, missing, state.has_exceptions)


def unmarked(profiles: QuerySet[UserGamification]) -> QuerySet[UserGamification]:
    """Return the users who have exceptions, though their row says that they do not.

    It may say that they have some after the last one was taken back.
    """
    alias, own = profiles.db, {"user": OuterRef("user")}
    granted = StreakFreeze.objects.using(alias).filter(kind=FreezeKind.GRANTED, **own)
    pauses = StreakPause.objects.using(alias).filter(**own)
    repaired = RepairedDate.objects.using(alias).filter(**own)
    return profiles.filter(
        Q(Exists(granted)) | Q(Exists(pauses)) | Q(Exists(repaired)),
        has_exceptions=False,
    )


def write_missing(rows: Iterable[FreezeRow]) -> None:
    """Add ``rows`` to the ledger of freezes."""
    StreakFreeze.objects.bulk_create(StreakFreeze(**row._asdict()) for row in rows)
