"""Reads what decides about achievements to earn again, or in a season."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from gamification.domain.days import instant_at
from gamification.domain.outcomes import EntryKind
from gamification.domain.spans import ACTIVE, XP, Counts, SpanQuery, counted
from gamification.domain.state import Earned
from gamification.models import LedgerEntry, UserAchievement
from gamification.storage.postgresql.arrays import some_sql
from gamification.storage.tables import LEDGER, UNLOCKS

#: Achievement, number, state, and the period as an ordinal, of the repeated ones.
NUMBERS: Final = f"""ARRAY(
    SELECT ARRAY[u.achievement_id, u.number, (u.revoked_at IS NULL)::int,
        u.can_be_earned_again::int, coalesce(u.period - DATE '0001-01-01' + 1, 0)]
    FROM {UNLOCKS} u WHERE u.user_id = p.user_id
    AND u.achievement_id {some_sql("bigint")})"""

#: The thing counted, date, microsecond or 0, and the sum. The microsecond tells apart
#: the dates of which only a part may belong to a season.
SPANS: Final = f"""ARRAY(
    SELECT ARRAY[g.what, g.day, g.at, sum(g.value)::bigint] FROM (
        SELECT v.what, v.value, l.local_date - DATE '0001-01-01' + 1 AS day,
            CASE WHEN l.local_date {some_sql("date")}
            THEN (extract(epoch FROM l.occurred_at) * 1000000)::bigint END AS at
        FROM {LEDGER} l CROSS JOIN LATERAL (VALUES
            (l.activity_id, l.quantity), ({XP}, l.amount),
            (CASE WHEN l.extends_streak AND l.activity_id IS NOT NULL
                THEN {ACTIVE} END,
             CASE l.kind WHEN '{EntryKind.ACTIVITY.value}' THEN 1
                WHEN '{EntryKind.REVERSAL.value}' THEN -1 ELSE 0 END)
        ) v (what, value)
        WHERE l.user_id = p.user_id AND l.local_date BETWEEN %s AND %s
        AND v.what {some_sql("bigint")}
    ) g GROUP BY g.what, g.day, g.at)"""


class _Counted(NamedTuple):
    """The columns of an entry that are counted."""

    kind: str
    amount: int
    activity_id: int | None
    quantity: int
    extends_streak: bool
    occurred_at: datetime
    local_date: date


def make_numbers(
    rows: Iterable[tuple[int, int, int, int, int]],
) -> Mapping[int, Sequence[Earned]]:
    """Return the rows that ``NUMBERS`` gave, by achievement id."""
    found: dict[int, list[Earned]] = defaultdict(list)
    for pk, number, is_held, is_lapsed, period in rows:
        day = date.fromordinal(period) if period else None
        found[pk].append(Earned(number, bool(is_held), bool(is_lapsed), day))
    return found


def make_counts(rows: Iterable[tuple[int, int, int | None, int]]) -> Counts:
    """Return what ``SPANS`` gave."""
    found: dict[int, dict[tuple[date, datetime | None], int]] = defaultdict(dict)
    for what, day, microseconds, value in rows:
        instant = None if microseconds is None else instant_at(microseconds)
        found[what][date.fromordinal(day), instant] = value
    return found


def span_params(query: SpanQuery) -> list[Any]:
    """Return the parameters of ``SPANS``."""
    return [[*query.edges], query.since, query.until, [*query.what]]


def load_numbers(
    user_ids: Sequence[Any], achievement_ids: Sequence[int], alias: str
) -> Mapping[Any, Mapping[int, Sequence[Earned]]]:
    """Return the rows of repeated achievements, by user and achievement id."""
    found: dict[Any, dict[int, list[Earned]]] = defaultdict(lambda: defaultdict(list))
    if not achievement_ids:
        return found
    rows = UserAchievement.objects.using(alias).filter(
        user__in=user_ids, achievement__in=achievement_ids
    )
    fields = ("number", "revoked_at", "can_be_earned_again", "period")
    for user_id, pk, number, revoked_at, is_lapsed, period in rows.values_list(
        "user_id", "achievement_id", *fields
    ):
        earned = Earned(number, revoked_at is None, is_lapsed, period)
        found[user_id][pk].append(earned)
    return found


def load_counts(
    user_ids: Sequence[Any], query: SpanQuery | None, alias: str
) -> Mapping[Any, Counts]:
    """Return what was counted for seasons and periods, by user."""
    found: dict[Any, dict[int, dict[tuple[date, datetime | None], int]]]
    found = defaultdict(lambda: defaultdict(dict))
    if query is None:
        return found
    rows = LedgerEntry.objects.using(alias).filter(
        user__in=user_ids, local_date__range=(query.since, query.until)
    )
    if not {XP, ACTIVE} & {*query.what}:
        rows = rows.filter(activity__in=query.what)
    for user_id, *values in rows.values_list("user_id", *_Counted._fields):
        entry = _Counted(*values)
        edge = entry.occurred_at if entry.local_date in query.edges else None
        place = entry.local_date, edge
        for what, value in counted(entry):
            if what in query.what:
                places = found[user_id][what]
                places[place] = places.get(place, 0) + value
    return found
