"""The events of a user's streaks that follow from the changes of one request."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any, NamedTuple

from gamification.domain.changeset import UserChangeset
from gamification.domain.freezes import FreezeKind, FreezeRow
from gamification.domain.outcomes import Entry, EntryKind
from gamification.domain.streak_runs import Runs
from gamification.domain.streaks import Streak
from gamification.domain.totals import RunningTotals


class StreakEvent(NamedTuple):
    """An event of one streak, by the name of its signal, and what it is about."""

    signal: str
    user_id: Any
    streak: str
    arguments: Mapping[str, Any]


def streak_events(changeset: UserChangeset) -> Iterator[StreakEvent]:
    """Yield what each record, or all other entries, did to streaks and freezes.

    It books the entries once more, one record after the other, because a later record
    of a batch may break what an earlier one has extended.
    """
    totals = RunningTotals(changeset.state, changeset.rules)
    keeper, user_id = totals.streaks, changeset.state.user_id
    keys = {rule.id: rule.key for rule in keeper.catalogue.streaks.values()}
    rows: list[FreezeRow] = []
    for entries in _by_record(changeset):
        daily, others = totals.streak, keeper.others()
        for entry in entries:
            totals.book(entry)
        key, streak = keeper.catalogue.daily.key, totals.streak
        is_new_run = streak.current <= daily.current
        yield from _changes(user_id, key, daily, streak, is_new_run=is_new_run)
        yield from _other_changes(user_id, others, keeper.others())
        new = keeper.freeze_rows(changeset.now, rows)
        yield from freeze_events(new, keys)
        rows += new


def _by_record(changeset: UserChangeset) -> Iterator[Sequence[Entry]]:
    """Yield the entries of each record, or all entries if there are no records."""
    entries, outcomes = changeset.entries, changeset.outcomes
    records = [place for place in outcomes if entries[place].kind == EntryKind.ACTIVITY]
    for start, end in pairwise([0, *records[1:], len(entries)]):
        yield entries[start:end]


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


def _other_changes(
    user_id: Any, before: Mapping[str, Runs], after: Mapping[str, Runs]
) -> Iterator[StreakEvent]:
    for key, old in before.items():
        new = after[key]
        # Not every active date lengthens a run of weeks or months.
        is_new_run = (old.began_on or date.max) < (new.began_on or date.min)
        streaks = old.streak, new.streak
        yield from _changes(user_id, key, *streaks, is_new_run=is_new_run)


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
