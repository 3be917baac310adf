"""The SQL that compares users with their ledgers on PostgreSQL.

It finds whoever may differ; only these few are derived again.

It reads each table once. XP, tallies and active days are compared by a checksum: the
sum of each number times a weight of its activity or date, which must be the same for
what is stored as for the ledger. One wrong number always shows. Several of one user
could cancel each other out, but weights are drawn anew for each statement, so that this
happens once in eight million times.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from gamification.storage.tables import DAYS, LEDGER, PROFILES, TALLIES, UNLOCKS

#: Weights have 24 bits, so that sums of up to 53 bits are exact. Whoever has larger
#: numbers may differ.
WEIGHTS: Final = 2**23
LARGEST: Final = 2**27

#: What an entry adds to the activities of its date.
_SIGN: Final = "CASE kind WHEN 'reversal' THEN -1 WHEN 'correction' THEN 0 ELSE 1 END"

_WEIGHT: Final = f"({{}} & {WEIGHTS - 1} | {WEIGHTS})::float8"
_OF_TOTAL: Final = _WEIGHT.format("%(salt)s::bigint")
_OF_ACTIVITY: Final = _WEIGHT.format("hashint8extended(activity_id, %(salt)s)")
_DATE: Final = "hashint4extended({} - DATE '2000-01-01', %(salt)s)"
_OF_XP: Final = _WEIGHT.format(_DATE)
_OF_COUNT: Final = _WEIGHT.format(f"({_DATE} >> 32)")


def _sizes(*columns: str) -> str:
    """Return SQL for how large these columns are together."""
    return " + ".join(f"abs({column}::float8)" for column in columns)


#: The ledger without the unlocks, by user. The peak is at most what was gained.
_BOOKS: Final = f"""SELECT user_id, sum(checksum) AS checksum, sum(gained) AS gained,
    max(occurred_at) AS last, sum(size) > {LARGEST} OR bool_or(activity_id IS NOT NULL
        AND recorded_at IS DISTINCT FROM tallied_at) AS is_wrong
FROM (
    SELECT user_id, activity_id, sum(checksum) AS checksum, sum(gained) AS gained,
        sum(size) AS size, max(occurred_at) AS occurred_at,
        max(recorded_at) AS recorded_at, max(tallied_at) AS tallied_at
    FROM (
        SELECT user_id, activity_id, amount * {_OF_TOTAL}
            + CASE WHEN activity_id IS NULL THEN 0 ELSE quantity * {_OF_ACTIVITY} END
            + CASE WHEN activity_id IS NULL OR NOT extends_streak THEN 0
                ELSE amount * {_OF_XP.format("local_date")}
                    + {_SIGN} * {_OF_COUNT.format("local_date")} END AS checksum,
            CASE WHEN amount > 0 THEN amount::float8 END AS gained,
            {_sizes("amount", "quantity")} AS size, occurred_at, recorded_at,
            NULL::timestamptz AS tallied_at
        FROM {LEDGER} WHERE {{users}}
        UNION ALL
        SELECT user_id, activity_id, -count * {_OF_ACTIVITY}, NULL, {_sizes("count")},
            NULL, NULL, last_recorded_at
        FROM {TALLIES} WHERE {{users}}) e
    GROUP BY user_id, activity_id) e
GROUP BY user_id"""

#: Active days, and the runs of consecutive dates among them. In the order of dates, a
#: date minus its place is the same throughout a run. The ``length`` of a run up to a
#: date is the place less what lies before the run. The last date has the current one.
_DATES: Final = f"""SELECT user_id, sum(checksum) AS checksum, count(*) AS days,
    max(length) AS longest, max(date) AS last,
    max(((date - DATE '2000-01-01')::bigint << 32) + length) & {2**32 - 1} AS current,
    sum(size) > {LARGEST} OR bool_or(activities = 0) AS is_wrong
FROM (
    SELECT user_id, date, activities, checksum, size, 1 + place - rank() OVER (
        PARTITION BY user_id ORDER BY date - place::int) AS length
    FROM (
        SELECT user_id, date, activities, {_sizes("xp", "activities")} AS size,
            xp * {_OF_XP.format("date")} + activities * {_OF_COUNT.format("date")}
                AS checksum,
            row_number() OVER (PARTITION BY user_id ORDER BY date) AS place
        FROM {DAYS} WHERE {{users}} AND kind = 'active') d) d
GROUP BY user_id"""

#: The last entry about an achievement says whether the user holds it.
_BY_UNLOCKS: Final = f"""SELECT user_id, FALSE FROM (
    SELECT DISTINCT ON (user_id, achievement_id, number) user_id, achievement_id,
        number, occurred_at, amount, kind = 'achievement' AS is_held
    FROM (
        SELECT user_id, achievement_id, coalesce(number, 1) AS number, occurred_at,
            amount, kind, id
        FROM {LEDGER} WHERE {{users}} AND achievement_id IS NOT NULL) e
    ORDER BY user_id, achievement_id, number, id DESC) e
FULL JOIN (SELECT * FROM {UNLOCKS} WHERE {{users}}) u
    USING (user_id, achievement_id, number)
WHERE e.is_held IS DISTINCT FROM (u.revoked_at IS NULL) OR u.user_id IS NULL
    OR e.is_held AND (e.occurred_at, e.amount) <> (u.unlocked_at, u.xp_awarded)"""

#: Less counts of a job that was taken back.
_BY_JOBS: Final = f"""SELECT user_id, FALSE FROM {LEDGER}
WHERE {{users}} AND job_id = ANY(%(undos)s::bigint[])"""

_LEVEL: Final = "greatest(1, width_bucket({}::bigint, %(thresholds)s::bigint[]))"

_BY_TOTALS: Final = f"""SELECT user_id, NOT differs FROM (
    SELECT user_id, p.user_id IS NULL OR b.is_wrong OR d.is_wrong
        OR abs(p.total_xp::float8) > {LARGEST}
        OR coalesce(b.checksum, 0) <> coalesce(d.checksum, 0)
            + p.total_xp * {_OF_TOTAL}
        OR p.level <> {_LEVEL.format("p.total_xp")}
        OR p.highest_level < {_LEVEL.format("coalesce(b.gained, 0)")}
        OR p.last_occurred_at IS DISTINCT FROM b.last AS differs,
    p.active_days <> coalesce(d.days, 0)
        OR p.current_streak <> coalesce(d.current, 0)
        OR p.longest_streak <> coalesce(d.longest, 0)
        OR p.highest_streak < coalesce(d.longest, 0)
        OR p.last_active_on IS DISTINCT FROM d.last AS breaks
    FROM ({_BOOKS}) b FULL JOIN ({_DATES}) d USING (user_id)
    FULL JOIN (SELECT * FROM {PROFILES} WHERE {{users}}) p USING (user_id)) t
WHERE differs OR breaks"""


@cache
def suspects_sql(user_type: str) -> str:
    """Return the statement that compares a range of users with their ledgers.

    It returns each user who may differ, and whether only the streaks do.
    """
    first, last = (f"%({name})s::{user_type}" for name in ("first", "last"))
    users = f"user_id BETWEEN {first} AND {last}"
    parts = (f"({part})" for part in (_BY_TOTALS, _BY_UNLOCKS, _BY_JOBS))
    return f"""SELECT user_id, bool_and(is_streak) FROM (
{" UNION ALL ".join(parts).format(users=users)}) AS found (user_id, is_streak)
GROUP BY user_id"""
