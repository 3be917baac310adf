"""The SQL that compares users with their ledgers on PostgreSQL.

It finds whoever may differ; only these few are derived again.

It reads each table once. A checksum compares XP, tallies and active days: the sum of
each number times a weight of its activity or date must be the same for the rows that
are stored as for the ledger. One wrong number always shows. Several wrong numbers of
one user could cancel each other out, but each statement draws new weights, so that this
happens once in eight million times. A second checksum, of hashes of their values,
compares unlocks, and misses a wrong one as rarely. The statement reads the ledger again
for users for whom it is not zero, or who lost XP.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from gamification.storage.tables import DAYS, LEDGER, PROFILES, TALLIES, UNLOCKS

#: Weights have 24 bits, and a float of 64 bits holds sums of up to 53 bits exactly. The
#: statement names all users with numbers above ``LARGEST``.
WEIGHTS: Final = 2**23
LARGEST: Final = 2**27

#: Settings of the transaction. Every table is read as it lies on the disk, and sorted:
#: an index would visit its pages again and again, and a table of hashes that does not
#: fit into memory takes longer than a sort. Parallel workers return many rows, each at
#: less cost than the planner assumes; compiling the statement costs more than it saves.
#: The few pages of one user are read at once, instead of by another process.
SETTINGS: Final = (
    "SET LOCAL work_mem = '64MB'; SET LOCAL enable_hashagg = off;"
    " SET LOCAL enable_indexscan = off; SET LOCAL parallel_tuple_cost = 0.01;"
    " SET LOCAL jit = off; SET LOCAL effective_io_concurrency = 0"
)

#: The number that an entry adds to the activities of its date.
_SIGN: Final = "CASE kind WHEN 'reversal' THEN -1 WHEN 'correction' THEN 0 ELSE 1 END"

_WEIGHT: Final = f"({{}} & {WEIGHTS - 1} | {WEIGHTS})::float8"
_OF_TOTAL: Final = _WEIGHT.format("%(salt)s::bigint")
_OF_ACTIVITY: Final = _WEIGHT.format("hashint8extended(activity_id, %(salt)s)")
_DATE: Final = "hashint4extended({} - DATE '2000-01-01', %(salt)s)"
_OF_XP: Final = _WEIGHT.format(_DATE)
_OF_COUNT: Final = _WEIGHT.format(f"({_DATE} >> 32)")


def _unlock(at: str, number: str, xp: str) -> str:
    """Return SQL for the weight of an unlock, or of its loss, which has the XP, too."""
    period = "coalesce(period - DATE '0001-01-01' + 1, 0)::bigint << 32"
    time = f"%(salt)s::bigint + {number} + ({period})"
    place = f"hashint8extended(achievement_id, {time})"
    worth = f"hashint8extended({xp}, {place})"
    return _WEIGHT.format(f"timestamp_hash_extended({at} AT TIME ZONE 'UTC', {worth})")


_MOMENT: Final = "CASE kind WHEN 'achievement' THEN occurred_at ELSE recorded_at END"


#: The ledger, tallies and unlocks by user. ``lost`` adds up the XP and units that were
#: taken away, and very large tallies.
_BOOKS: Final = f"""SELECT user_id, sum(checksum) AS checksum,
    sum(unlocks) AS unlocks, sum(lost) AS lost, max(occurred_at) AS last,
    bool_or(activity_id IS NOT NULL AND recorded_at IS DISTINCT FROM tallied_at)
        AS is_wrong
FROM (
    SELECT user_id, activity_id, sum(checksum) AS checksum, sum(unlocks) AS unlocks,
        sum(lost) AS lost, max(occurred_at) AS occurred_at,
        max(recorded_at) AS recorded_at, max(tallied_at) AS tallied_at
    FROM (
        SELECT user_id, activity_id, amount * {_OF_TOTAL}
            + CASE WHEN activity_id IS NULL THEN 0 ELSE quantity * {_OF_ACTIVITY} END
            + CASE WHEN activity_id IS NULL OR NOT extends_streak THEN 0
                ELSE amount * {_OF_XP.format("local_date")}
                    + {_SIGN} * {_OF_COUNT.format("local_date")} END AS checksum,
            CASE WHEN achievement_id IS NOT NULL
                THEN {_unlock(_MOMENT, "coalesce(number, 1)", "amount")}
                END AS unlocks,
            CASE WHEN amount < 0 OR quantity < 0
                THEN least(amount, 0)::float8 + least(quantity, 0) END AS lost,
            occurred_at, recorded_at, NULL::timestamptz AS tallied_at
        FROM {LEDGER} WHERE {{users}}
        UNION ALL
        SELECT user_id, activity_id, -count * {_OF_ACTIVITY}, NULL,
            CASE WHEN count > {LARGEST} THEN -count::float8 END,
            NULL, NULL, last_recorded_at
        FROM {TALLIES} WHERE {{users}}
        UNION ALL
        SELECT user_id, NULL, NULL, -{_unlock("unlocked_at", "number", "xp_awarded")}
            - CASE WHEN revoked_at IS NULL THEN 0
                ELSE {_unlock("revoked_at", "number", "-xp_awarded")} END,
            NULL, NULL, NULL, NULL
        FROM {UNLOCKS} WHERE {{users}}) e
    GROUP BY user_id, activity_id) e
GROUP BY user_id"""

#: Active days, and the runs of consecutive dates among them: a date begins a run unless
#: the one before it is active, too. The last date has the current run. Dates of a user
#: are unique, so that the checksum in the order changes nothing but this: PostgreSQL
#: computes it before it sorts, in several processes.
_DATES: Final = f"""SELECT user_id, sum(checksum) AS checksum, count(*)::int AS days,
    1 + max(date - begin) AS longest, 1 + max(date) - max(begin) AS current,
    max(date) AS last
FROM (
    SELECT user_id, date, checksum, max(begin) OVER (
        PARTITION BY user_id ORDER BY date, checksum ROWS UNBOUNDED PRECEDING) AS begin
    FROM (
        SELECT user_id, date, checksum, CASE WHEN lag(date) OVER (
            PARTITION BY user_id ORDER BY date, checksum ROWS UNBOUNDED PRECEDING)
            = date - 1 THEN NULL ELSE date END AS begin
        FROM (
            SELECT user_id, date, CASE WHEN activities = 0 THEN 'NaN'
                ELSE xp * {_OF_XP.format("date")}
                    + activities * {_OF_COUNT.format("date")} END AS checksum
            FROM {DAYS} WHERE {{users}} AND kind = 'active') d) d) d
GROUP BY user_id"""

#: Where a user's unlocks are wrong: the last entry about one says whether it is held.
_WRONG_UNLOCKS: Final = f"""SELECT 1 FROM (
    SELECT DISTINCT ON (achievement_id, number) achievement_id, number, occurred_at,
        period, CASE kind WHEN 'achievement' THEN amount ELSE -amount END AS xp,
        CASE WHEN kind <> 'achievement' THEN recorded_at END AS lost_at
    FROM (
        SELECT achievement_id, coalesce(number, 1) AS number, period, occurred_at,
            amount, kind, recorded_at, id
        FROM {LEDGER} WHERE user_id = t.user_id AND achievement_id IS NOT NULL) e
    ORDER BY achievement_id, number, id DESC) e
FULL JOIN (SELECT * FROM {UNLOCKS} WHERE user_id = t.user_id) u
    USING (achievement_id, number)
WHERE (e.occurred_at, e.xp, e.period, e.lost_at)
    IS DISTINCT FROM (u.unlocked_at, u.xp_awarded, u.period, u.revoked_at)"""

_LEVEL: Final = "greatest(1, width_bucket({}::bigint, %(thresholds)s::bigint[]))"

#: The highest total that a user ever had.
_PEAK: Final = f"""SELECT max(total) FROM (
    SELECT sum(amount) OVER (ORDER BY id) AS total
    FROM {LEDGER} WHERE user_id = t.user_id) e"""

#: The numbers in the rows of users, and the same numbers from the other tables with the
#: opposite sign: they add up to zero if all are right. The largest parts come sorted,
#: and are merged. It always names the users of a job that was taken back, because not
#: all of their ledgers counts.
_ROWS: Final = f"""SELECT user_id, total_xp * -{_OF_TOTAL} AS checksum,
    abs(total_xp::float8) > {LARGEST} OR level <> {_LEVEL.format("total_xp")}
        AS is_wrong,
    NULL::float8 AS unlocks, highest_level, total_xp::float8 AS most,
    last_occurred_at AS stored_at, NULL::timestamptz AS occurred_at,
    -active_days AS days, -current_streak AS current, -longest_streak AS longest,
    DATE '0001-01-01' - last_active_on AS last,
    highest_streak < longest_streak AS breaks
FROM {PROFILES} WHERE {{users}}
UNION ALL SELECT user_id, checksum, is_wrong, unlocks, NULL, -lost, NULL, last,
    NULL, NULL, NULL, NULL, NULL
FROM ({_BOOKS}) b
UNION ALL SELECT user_id, -checksum, NULL, NULL, NULL, NULL, NULL, NULL,
    days, current, longest, last - DATE '0001-01-01', NULL
FROM ({_DATES}) d
UNION ALL SELECT user_id, NULL, TRUE, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL
FROM {LEDGER} WHERE {{users}} AND job_id = ANY(%(undos)s::bigint[])"""


@cache
def suspects_sql(user_type: str) -> str:
    """Return the statement that compares a range of users with their ledgers.

    It returns each user who may differ, and whether only the streaks do.
    """
    first, last = (f"%({name})s::{user_type}" for name in ("first", "last"))
    rows = _ROWS.format(users=f"user_id BETWEEN {first} AND {last}")
    # A peak is at most the total with all that was taken away, and the checksum of the
    # unlocks is zero unless one was lost and earned again: the rest is for few users.
    return f"""SELECT user_id, NOT differs FROM (
    SELECT user_id, breaks, differs
        OR CASE WHEN unlocks <> 0 THEN EXISTS ({_WRONG_UNLOCKS}) ELSE FALSE END
        OR CASE WHEN highest_level < {_LEVEL.format("most")}
            THEN highest_level < {_LEVEL.format(f"({_PEAK})")} ELSE FALSE END AS differs
    FROM (
        SELECT user_id, count(highest_level) = 0 OR bool_or(is_wrong)
                OR sum(checksum) <> 0 OR sum(most) > {LARGEST}
                OR max(stored_at) IS DISTINCT FROM max(occurred_at) AS differs,
            sum(unlocks) AS unlocks, max(highest_level) AS highest_level,
            sum(most) AS most,
            bool_or(breaks) OR sum(days) <> 0 OR sum(current) <> 0
                OR sum(longest) <> 0 OR sum(last) <> 0 AS breaks
        FROM ({rows}) e GROUP BY user_id) t) t
WHERE differs OR breaks"""
