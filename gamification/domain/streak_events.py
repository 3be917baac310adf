"""The events of a user's streaks that follow from the changes of one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, NamedTuple

from gamification.domain.changeset import UserChangeset
from gamification.domain.freezes import FreezeKind, FreezeRow
from gamification.domain.streaks import Streak


class StreakEvent(NamedTuple):
    """An event of one streak, by the name of its signal, and what it is about."""

    signal: str
    user_id: Any
    streak: str
    arguments: Mapping[str, Any]


def streak_events(changeset: UserChangeset) -> Iterator[StreakEvent]:
    """Yield what the changes did to streaks and freezes."""
    keeper, user_id = changeset.streaks, changeset.state.user_id
    before, after = changeset.state.streak, changeset.streak
    is_new_run = after.current <= before.current
    key = keeper.catalogue.daily.key
    yield from _changes(user_id, key, before, after, is_new_run=is_new_run)
    for key, old, new in keeper.changes():
        # Not every active date lengthens a run of weeks or months.
        is_new_run = (old.began_on or date.max) < (new.began_on or date.min)
        streaks = old.streak, new.streak
        yield from _changes(user_id, key, *streaks, is_new_run=is_new_run)
    keys = {rule.id: rule.key for rule in keeper.catalogue.streaks.values()}
    yield from freeze_events(keeper.freeze_rows(changeset.now), keys)


def freeze_events(
    rows: Iterable[FreezeRow], keys: Mapping[int, str]
) -> Iterator[StreakEvent]:
    """Yield an event for each freeze that was used or earned.

    ``keys`` has the keys of streaks by id.
    """
    for row in rows:
        about: dict[str, date | int] = {"date": row.date}
        key = keys.get(row.streak_id, "")
        if row.kind == FreezeKind.USED:
            yield StreakEvent("freeze_used", row.user_id, key, about)
        if row.kind == FreezeKind.EARNED and row.amount > 0:
            about["amount"] = row.amount
            yield StreakEvent("freeze_earned", row.user_id, key, about)


def _changes(
    user_id: Any, key: str, old: Streak, new: Streak, *, is_new_run: bool
) -> Iterator[StreakEvent]:
    first, last = old.last_active_on, new.last_active_on
    has_moved = last is not None and (first is None or first < last)
    if has_moved and old.current and is_new_run:
        lost = {"lost": old.current, "broken_at": None}
        yield StreakEvent("streak_broken", user_id, key, lost)
        old = Streak()
    if new.current > old.current:
        lengths = {"current": new.current, "longest": new.longest}
        yield StreakEvent("streak_extended", user_id, key, lengths)
