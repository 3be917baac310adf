"""Makes the states of users from the rows that PostgreSQL returns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final

from gamification.domain.days import instant_at
from gamification.domain.state import NONE, NOTHING, UserState
from gamification.domain.streaks import Streak
from gamification.models.progress import calendar_of
from gamification.storage.goals import make_counts, make_numbers
from gamification.storage.postgresql.sql import reading
from gamification.storage.queries import ActivityIds, StateQuery

#: The number of stamps, with which every row of a read begins.
STAMPS: Final = 1

#: The place of the ids of entries that were made with keys.
KEYS: Final = STAMPS + 21

#: The place of the column that says whether staff have excluded the user.
IS_EXCLUDED: Final = STAMPS + 11

Row = tuple[Any, ...]


class StoredStates(MutableMapping[Any, UserState]):
    """The states of users, each made from its row when somebody asks for it.

    In a batch, a state that is taken out is gone before the next one is made. Rows hold
    no other objects, so that the garbage collector has nothing to follow.
    """

    def __init__(
        self,
        rows: Iterable[Row],
        query: StateQuery,
        ids: ActivityIds,
        *,
        has_groups: bool,
    ) -> None:
        self._values: dict[Any, Row | UserState] = {row[STAMPS]: row for row in rows}
        self._query = query
        self._ids = ids
        #: The columns that only some reads have.
        self._more = [
            *(["groups"] if has_groups else ()),
            *(["numbers"] if ids.repeated else ()),
            *(["spans"] if ids.spans else ()),
        ]

    def __getitem__(self, user_id: Any) -> UserState:
        value = self._values[user_id]
        if isinstance(value, tuple):
            value = _user_state(value, self._query, self._ids, self._more)
            self._values[user_id] = value
        return value

    def __setitem__(self, user_id: Any, state: UserState) -> None:
        self._values[user_id] = state

    def __delitem__(self, user_id: Any) -> None:
        del self._values[user_id]

    def __contains__(self, user_id: object) -> bool:
        return user_id in self._values

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _user_state(
    row: Row, query: StateQuery, ids: ActivityIds, more: Sequence[str]
) -> UserState:
    row = row[STAMPS:]
    (user_id, version, total_xp, level, highest_level, highest_streak) = row[:6]
    active_days, last_occurred_at, *streak = row[6:11]
    is_excluded, zones, celebrates, has_exceptions, pending_counts = row[11:16]
    achievements, tallies, usage, rewarded_at, filters, _keys, *others = row[16:]
    counts = _tallies(tallies, ids.all) if tallies else NOTHING
    return UserState(
        user_id,
        query.calendar
        if zones == "[]"
        else calendar_of(json.loads(zones), query.calendar),
        version,
        total_xp,
        level,
        highest_level,
        highest_streak,
        active_days,
        Streak(*streak),
        is_excluded,
        None if last_occurred_at is None else instant_at(last_occurred_at),
        *_by_state(achievements),
        counts,
        _usage(usage) if usage else NOTHING,
        _instants(rewarded_at) if rewarded_at else NOTHING,
        celebrates=celebrates,
        has_exceptions=has_exceptions,
        filters=_filters(filters) if filters else None,
        asked=ids.asked_of(counts),
        pending_counts=pending_counts,
        **_others(dict(zip(more, others, strict=True)), ids) if others else NOTHING,
    )


def _others(values: Mapping[str, Any], ids: ActivityIds) -> dict[str, Any]:
    """Return the fields of a state that only some reads have."""
    found: dict[str, Any] = {}
    if "groups" in values:
        found["groups"] = frozenset(values["groups"])
    if "numbers" in values:
        found["numbers"] = make_numbers(values["numbers"])
    if "spans" in values and ids.spans:
        found["spans"] = ids.spans, make_counts(values["spans"])
    return found


@lru_cache(maxsize=1_024)
def _by_state(
    achievements: str,
) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    """Return the ids of achievements that are held, revoked and lapsed.

    Many users have the same.
    """
    codes = [int(code) for code in achievements[1:-1].split(",") if code]
    held, revoked, lapsed = (
        frozenset([code // 4 for code in codes if code % 4 == state]) or NONE
        for state in (reading.HELD, reading.REVOKED, reading.LAPSED)
    )
    # An achievement that can be earned again may have rows of every kind.
    return held, revoked - held or NONE, lapsed - held - revoked or NONE


def _tallies(value: Any, activity_ids: Sequence[int]) -> dict[int, int]:
    if isinstance(value, int):
        return {activity_ids[0]: value}
    return dict(value)


def _filters(rows: Iterable[str]) -> dict[int, dict[str, int]]:
    counts: dict[int, dict[str, int]] = {}
    for row in rows:
        pk, count, bucket = row.split(" ", 2)
        counts.setdefault(int(pk), {})[bucket] = int(count)
    return counts


def _usage(rows: Iterable[Sequence[int]]) -> dict[tuple[int, date], tuple[int, int]]:
    return {
        (activity_id, date.fromordinal(day)): (units, rewarded)
        for activity_id, day, units, rewarded in rows
    }


def _instants(pairs: Iterable[tuple[int, int]]) -> dict[int, list[datetime]]:
    instants: dict[int, list[datetime]] = {}
    for activity_id, microseconds in pairs:
        instants.setdefault(activity_id, []).append(instant_at(microseconds))
    return instants
