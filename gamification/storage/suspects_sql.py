"""The SQL that compares users with their ledgers on PostgreSQL.

It finds whoever may differ, and nobody who does not; only these few are derived again.
"""

from __future__ import annotations

from gamification.storage.tables import DAYS, LEDGER, PROFILES, TALLIES, UNLOCKS

#: What an entry adds to the activities of its date.
_SIGN = "CASE e.kind WHEN 'reversal' THEN -1 WHEN 'correction' THEN 0 ELSE 1 END"

_TOTALS = """SELECT user_id, sum(amount) AS total,
    sum(amount) FILTER (WHERE amount > 0) AS gained, max(occurred_at) AS last,
    coalesce(bool_or(job_id = ANY(%(undos)s::bigint[])), FALSE) AS is_undone
FROM entries GROUP BY user_id"""

#: The peak is at most what was gained, and counts less of a job that was taken back.
_BY_TOTALS = f"""SELECT user_id FROM ({_TOTALS}) t
FULL JOIN (SELECT * FROM {PROFILES} WHERE {{users}}) p USING (user_id)
WHERE p.user_id IS NULL OR t.is_undone
    OR p.total_xp <> coalesce(t.total, 0)
    OR p.level <> {{level_of_total}} OR p.highest_level < {{level_of_gains}}
    OR p.last_occurred_at IS DISTINCT FROM t.last"""

_BY_TALLIES = f"""SELECT user_id FROM (
    SELECT e.user_id, e.activity_id, sum(e.quantity) AS count,
        (array_agg(e.recorded_at ORDER BY e.id DESC))[1] AS last
    FROM entries e WHERE e.activity_id IS NOT NULL
    GROUP BY e.user_id, e.activity_id) e
FULL JOIN (SELECT * FROM {TALLIES} WHERE {{users}}) t USING (user_id, activity_id)
WHERE e.count IS DISTINCT FROM t.count OR e.last IS DISTINCT FROM t.last_recorded_at"""

_BY_DAYS = f"""SELECT user_id FROM (
    SELECT e.user_id, e.local_date AS date, sum({_SIGN}) AS activities,
        sum(e.amount) AS xp
    FROM entries e WHERE e.activity_id IS NOT NULL AND e.extends_streak
    GROUP BY e.user_id, e.local_date HAVING sum({_SIGN}) <> 0) e
FULL JOIN (SELECT * FROM {DAYS} WHERE {{users}} AND kind = 'active') d
    USING (user_id, date)
WHERE e.activities IS DISTINCT FROM d.activities OR e.xp IS DISTINCT FROM d.xp"""

#: The last entry about an achievement says whether the user holds it.
_BY_UNLOCKS = f"""SELECT user_id FROM (
    SELECT DISTINCT ON (user_id, achievement_id, number) user_id, achievement_id,
        number, occurred_at, amount, kind = 'achievement' AS is_held
    FROM entries WHERE achievement_id IS NOT NULL
    ORDER BY user_id, achievement_id, number, id DESC) e
FULL JOIN (SELECT * FROM {UNLOCKS} WHERE {{users}}) u
    USING (user_id, achievement_id, number)
WHERE e.is_held IS DISTINCT FROM (u.revoked_at IS NULL) OR u.user_id IS NULL
    OR e.is_held AND (e.occurred_at, e.amount) <> (u.unlocked_at, u.xp_awarded)"""

#: Runs of consecutive dates; the stored ones are those of the ledger, or else reported.
_BY_RUNS = f"""SELECT p.user_id FROM {PROFILES} p LEFT JOIN (
    SELECT user_id, sum(length) AS days, max(length) AS longest, max(last) AS last,
        (array_agg(length ORDER BY last DESC))[1] AS current
    FROM (
        SELECT user_id, count(*) AS length, max(date) AS last FROM (
            SELECT user_id, date, date - (row_number() OVER (
                PARTITION BY user_id ORDER BY date))::int AS run
            FROM {DAYS} WHERE {{users}} AND kind = 'active') d
        GROUP BY user_id, run) r
    GROUP BY user_id) r USING (user_id)
WHERE p.{{users}} AND (
    p.active_days <> coalesce(r.days, 0)
    OR p.current_streak <> coalesce(r.current, 0)
    OR p.longest_streak <> coalesce(r.longest, 0)
    OR p.highest_streak < coalesce(r.longest, 0)
    OR p.last_active_on IS DISTINCT FROM r.last)"""


def suspects_sql(user_type: str) -> str:
    """Return the statement that compares users with their ledgers.

    It returns each user who may differ, and whether only the streaks do.
    """
    values = {
        "users": f"user_id = ANY(%(users)s::{user_type}[])",
        "level_of_total": _level("t.total"),
        "level_of_gains": _level("t.gained"),
    }
    parts = (_BY_TOTALS, _BY_TALLIES, _BY_DAYS, _BY_UNLOCKS)
    books = " UNION ALL ".join(f"({part.format(**values)})" for part in parts)
    return f"""WITH entries AS MATERIALIZED (
    SELECT id, user_id, kind, amount, activity_id, achievement_id, quantity,
        coalesce(number, 1) AS number, extends_streak, occurred_at, local_date,
        recorded_at, job_id
    FROM {LEDGER} WHERE {values["users"]})
SELECT user_id, bool_and(is_streak) FROM (
    SELECT b.user_id, FALSE AS is_streak FROM ({books}) b
    UNION ALL SELECT s.user_id, TRUE FROM ({_BY_RUNS.format(**values)}) s) found
GROUP BY user_id"""


def _level(total: str) -> str:
    """Return SQL for the level of a total."""
    levels = "%(thresholds)s::bigint[]"
    return f"greatest(1, width_bucket(coalesce({total}, 0)::bigint, {levels}))"
