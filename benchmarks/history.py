"""Make a large site that has been used for a year, to measure pages and queries on.

``python benchmarks/history.py --users 1000000 --entries 10000000`` fills the database
that ``DATABASE_URL`` names, which it empties first; without one it starts a PostgreSQL
server of its own in a temporary folder, which stays until you stop the process.
Set-based SQL makes rows that fit together: totals, tallies, active days and streaks
follow from the ledger. In the end, the script reconciles a sample of users.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.recording import SERVER, set_defaults, set_up_django  # noqa: E402

#: Activities beside those that the migrations bring, with how often each is done.
ACTIVITIES = [
    ("comment_posted", {"name": "Comment posted", "xp_reward": 2, "daily_limit": 5}),
    ("lesson_read", {"name": "Lesson read", "xp_reward": 8, "daily_limit": 3}),
    ("profile_tidied", {"name": "Profile tidied", "xp_reward": 5, "cooldown": 86_400}),
    ("friend_invited", {"name": "Friend invited", "xp_reward": 40}),
]
WEIGHTS = {
    "kpi_completed": 50,
    "comment_posted": 20,
    "lesson_read": 15,
    "vision_created": 8,
    "profile_tidied": 5,
    "friend_invited": 2,
}

USERS = """
INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name,
                       email, is_staff, is_active, date_joined)
SELECT i, '', FALSE, 'user' || i, '', '', '', FALSE, TRUE, %(begin)s
FROM generate_series(1, %(users)s) i
"""

#: Who did what, as row n. A few users do much, and most do little. The last user does
#: half of everything in the first week, and then leaves.
DRAW = """
CREATE TEMPORARY TABLE drawn ON COMMIT DROP AS
SELECT n, n * 10 AS id,
    CASE WHEN n < %(entries)s / 52 AND n %% 2 = 0 THEN %(users)s
        ELSE 1 + floor((%(users)s - 1) * power(random(), 2))::bigint
            * 7919 %% (%(users)s - 1)
    END AS user_id,
    CASE WHEN random() > 0.002
        THEN (%(wheel)s::bigint[])[1 + floor(random() * %(spokes)s)::int]
    END AS activity_id,
    CASE WHEN random() < 0.8 THEN 1 ELSE 1 + floor(random() * 4)::int END AS quantity,
    random() < 0.1 AS is_too_soon,
    %(begin)s + n * %(step)s::interval AS at,
    ((%(begin)s + n * %(step)s::interval) AT TIME ZONE 'UTC')::date AS day
FROM generate_series(1, %(entries)s) n
"""

#: A date credits as many units as the limit allows; adjustments have no activity.
RECORDS = """
INSERT INTO gamification_ledgerentry
    (id, user_id, kind, amount, activity_id, quantity, rewarded, xp_reward,
     extends_streak, occurred_at, local_date, recorded_at, key, fingerprint, source,
     actor_id, note, outcome)
SELECT d.id, user_id, 'activity', d.rewarded * a.xp_reward, a.id, quantity,
    d.rewarded, a.xp_reward, a.extends_streak, at, day, at, md5(n::text),
    left(md5(n::text), 16), 'site.object:' || n, NULL, '',
    jsonb_build_array(n %% 5000, 3, 3, 1, 4)
FROM (
    SELECT d.*, CASE WHEN a.cooldown IS NOT NULL AND is_too_soon THEN 0
        ELSE least(a.daily_limit, sum(quantity) OVER day)
            - least(a.daily_limit, sum(quantity) OVER day - quantity)
    END AS rewarded
    FROM drawn d JOIN gamification_activity a ON a.id = d.activity_id
    WINDOW day AS (PARTITION BY user_id, activity_id, day ORDER BY n)) d
JOIN gamification_activity a ON a.id = d.activity_id
UNION ALL
SELECT id, user_id, 'adjustment', 5 + n %% 50, NULL, 0, 0, 0, FALSE, at, day, at, NULL,
    '', '', %(staff)s, 'For patience.', NULL
FROM drawn WHERE activity_id IS NULL
ORDER BY 1
"""

#: Rewards follow the entries that earned them: first those for counts and streaks…
EARNED = """
CREATE TEMPORARY TABLE earned ON COMMIT DROP AS
SELECT l.user_id, a.id AS achievement_id, a.xp_reward, l.id, l.occurred_at, l.local_date
FROM (
    SELECT *, sum(quantity) OVER (PARTITION BY user_id, activity_id ORDER BY id) AS done
    FROM gamification_ledgerentry WHERE kind = 'activity') l
JOIN gamification_achievement a ON a.criterion = 'activity_count'
    AND a.activity_id = l.activity_id
    AND l.done >= a.threshold AND l.done - l.quantity < a.threshold
UNION ALL (
    WITH days AS (
        SELECT user_id, local_date, min(id) AS id, min(occurred_at) AS occurred_at
        FROM gamification_ledgerentry WHERE extends_streak
        GROUP BY user_id, local_date),
    placed AS (
        SELECT *, local_date
            - row_number() OVER (PARTITION BY user_id ORDER BY local_date)::int AS run
        FROM days),
    runs AS (
        SELECT *, row_number() OVER (
            PARTITION BY user_id, run ORDER BY local_date) AS length
        FROM placed)
    SELECT DISTINCT ON (user_id, a.id) user_id, a.id, a.xp_reward, runs.id, occurred_at,
        local_date
    FROM runs JOIN gamification_achievement a
        ON a.criterion = 'longest_streak' AND a.threshold = length
    ORDER BY user_id, a.id, local_date)
"""

#: …then, in a second round, those for levels.
EARNED_BY_LEVEL = """
TRUNCATE earned;
INSERT INTO earned
SELECT DISTINCT ON (user_id, a.id) user_id, a.id, a.xp_reward, l.id, l.occurred_at,
    l.local_date
FROM (
    SELECT *, sum(amount) OVER (PARTITION BY user_id ORDER BY id) AS total
    FROM gamification_ledgerentry) l
JOIN gamification_achievement a ON a.criterion = 'level'
    AND total >= (%(levels)s::bigint[])[a.threshold]
    AND total - amount < (%(levels)s::bigint[])[a.threshold]
ORDER BY user_id, a.id, l.id
"""

REWARDS = """
INSERT INTO gamification_ledgerentry
    (id, user_id, kind, amount, achievement_id, quantity, rewarded, extends_streak,
     occurred_at, local_date, recorded_at, fingerprint, source, note)
SELECT id / 10 * 10 + %(after)s + row_number() OVER (PARTITION BY id / 10), user_id,
    'achievement', xp_reward, achievement_id, 0, 0, FALSE, occurred_at, local_date,
    occurred_at, '', '', ''
FROM earned ORDER BY 1
"""

#: Reversals of some records and rewards, a little later.
REVERSALS = """
INSERT INTO gamification_ledgerentry
    (id, user_id, kind, amount, activity_id, achievement_id, quantity, rewarded,
     xp_reward, extends_streak, occurred_at, local_date, recorded_at, fingerprint,
     source, reverses, actor_id, note)
SELECT id / 10 * 10 + 10009, user_id, 'reversal', -amount, activity_id, achievement_id,
    -quantity, -rewarded, xp_reward, extends_streak, occurred_at, local_date,
    recorded_at + 1000 * %(step)s::interval, '', source, id, %(staff)s, 'A mistake.'
FROM gamification_ledgerentry
WHERE (kind = 'activity' AND id %% 2000 = 70 OR kind = 'achievement'
    AND id %% 2000 = 91) AND id < 10 * (%(entries)s - 1000)
ORDER BY 1
"""

UNLOCKS = """
INSERT INTO gamification_userachievement
    (user_id, achievement_id, unlocked_at, xp_awarded, revoked_at, revoked_by_id,
     revoke_reason)
SELECT l.user_id, l.achievement_id, l.occurred_at, l.amount, r.recorded_at, r.actor_id,
    coalesce(r.note, '')
FROM gamification_ledgerentry l LEFT JOIN gamification_ledgerentry r
    ON r.user_id = l.user_id AND r.reverses = l.id
WHERE l.kind = 'achievement' ORDER BY l.id
"""

TALLIES = """
INSERT INTO gamification_activitytally (user_id, activity_id, count, last_recorded_at)
SELECT user_id, activity_id, sum(quantity), max(recorded_at)
FROM gamification_ledgerentry WHERE activity_id IS NOT NULL
GROUP BY user_id, activity_id
"""

DAYS = """
INSERT INTO gamification_activeday (user_id, date, kind, activities, xp)
SELECT user_id, local_date, 'active',
    sum(CASE kind WHEN 'reversal' THEN -1 ELSE 1 END), sum(amount)
FROM gamification_ledgerentry WHERE extends_streak GROUP BY user_id, local_date
HAVING sum(CASE kind WHEN 'reversal' THEN -1 ELSE 1 END) > 0
"""

PROFILES = """
INSERT INTO gamification_usergamification
    (user_id, total_xp, level, highest_level, current_streak, longest_streak,
     highest_streak, active_days, last_active_on, last_occurred_at, time_zone,
     zone_history, is_public, version, created_at, updated_at)
WITH sums AS (
    SELECT user_id, amount, occurred_at, recorded_at,
        sum(amount) OVER (PARTITION BY user_id ORDER BY id) AS total
    FROM gamification_ledgerentry),
totals AS (
    SELECT user_id, sum(amount) AS total, greatest(0, max(total)) AS peak,
        max(occurred_at) AS occurred,
        min(recorded_at) AS first, max(recorded_at) AS last
    FROM sums GROUP BY user_id),
placed AS (
    SELECT user_id, date,
        date - row_number() OVER (PARTITION BY user_id ORDER BY date)::int AS run
    FROM gamification_activeday),
runs AS (
    SELECT user_id, run, count(*) AS length, max(date) AS last
    FROM placed GROUP BY user_id, run),
streaks AS (
    SELECT user_id, (array_agg(length ORDER BY last DESC))[1] AS current,
        max(length) AS longest, sum(length) AS days, max(last) AS last
    FROM runs GROUP BY user_id)
SELECT t.user_id, t.total, width_bucket(t.total::bigint, %(levels)s::bigint[]),
    width_bucket(t.peak::bigint, %(levels)s::bigint[]), coalesce(s.current, 0),
    coalesce(s.longest, 0), coalesce(s.longest, 0), coalesce(s.days, 0), s.last,
    t.occurred, '', '[]', t.user_id %% 20 > 0, 1,
    t.first, t.last
FROM totals t LEFT JOIN streaks s USING (user_id) ORDER BY t.user_id
"""

CELEBRATIONS = """
INSERT INTO gamification_celebration
    (user_id, kind, achievement_id, dedupe_key, data, created_at, acknowledged_at,
     expires_at)
SELECT u.user_id, 'achievement', a.id, 'achievement:' || a.key, jsonb_build_object(
        'achievement', a.key, 'name', a.name, 'icon', a.icon, 'xp', u.xp_awarded),
    u.unlocked_at, CASE WHEN u.unlocked_at < %(end)s - interval '3 days'
        THEN u.unlocked_at + interval '1 hour' END, u.unlocked_at + interval '7 days'
FROM gamification_userachievement u JOIN gamification_achievement a
    ON a.id = u.achievement_id ORDER BY u.id
"""

LEVELS = """
INSERT INTO gamification_celebration
    (user_id, kind, number, dedupe_key, data, created_at, acknowledged_at, expires_at)
SELECT user_id, 'level', highest_level, 'level:' || highest_level, jsonb_build_object(
        'from', highest_level - 1, 'to', highest_level,
        'levels', jsonb_build_array(highest_level)),
    updated_at, CASE WHEN updated_at < %(end)s - interval '3 days'
        THEN updated_at + interval '1 hour' END, updated_at + interval '7 days'
FROM gamification_usergamification WHERE highest_level > 1 ORDER BY updated_at
"""

DERIVED = [UNLOCKS, TALLIES, DAYS, PROFILES, CELEBRATIONS, LEVELS]


class Maker:
    """Makes the history, step by step, in one session of a database."""

    def __init__(self, users: int, entries: int) -> None:
        from django.db import connection

        self.cursor = connection.cursor()
        self.users, self.entries = users, entries
        self.began = time.perf_counter()

    def make(self) -> None:
        """Fill the empty tables."""
        from django.db import transaction

        with transaction.atomic():
            # All references are right: the database need not check ten million.
            self.run("SET LOCAL session_replication_role = replica")
            self.run("SET LOCAL work_mem = '512MB'")
            self.run("SET LOCAL maintenance_work_mem = '1GB'")
            self.run("SELECT setseed(0.5)")
            set_defaults()
            with self.without_indexes():
                self.fill(self.values())
        self.run("VACUUM ANALYZE")

    def fill(self, values: dict[str, Any]) -> None:
        for statement in (USERS, DRAW, RECORDS, EARNED):
            self.run(statement, values)
        self.run(REWARDS, {"after": 0})
        self.run(EARNED_BY_LEVEL, values)
        self.run(REWARDS, {"after": 4})
        for statement in (REVERSALS, *DERIVED):
            self.run(statement, values)
        # As on a real site, entries lie on the disk in the order of their ids.
        self.run("CLUSTER gamification_ledgerentry USING gamification_ledgerentry_pkey")
        for table in ("auth_user", "gamification_ledgerentry"):
            self.run(f"SELECT setval('{table}_id_seq', max(id)) FROM {table}")

    def values(self) -> dict[str, Any]:
        """Return the parameters of the statements."""
        from datetime import timedelta

        from django.utils import timezone

        from gamification.conf import conf
        from gamification.models import Activity

        end = timezone.now()
        begin = end - timedelta(days=365)
        ids = dict(Activity.objects.values_list("key", "pk"))
        wheel = [ids[key] for key, weight in WEIGHTS.items() for _ in range(weight)]
        return {
            "users": self.users,
            "entries": self.entries,
            "staff": self.users + 1,
            "begin": begin,
            "end": end,
            "step": (end - begin) / self.entries,
            "wheel": wheel,
            "spokes": len(wheel),
            "levels": list(conf.LEVEL_THRESHOLDS),
        }

    @contextmanager
    def without_indexes(self) -> Iterator[None]:
        """Drop the indexes of the large tables, and build them again at the end."""
        self.cursor.execute(
            """SELECT i.indexname, i.indexdef FROM pg_indexes i
            WHERE i.tablename = ANY(%s) AND NOT EXISTS (
                SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)""",
            [["gamification_ledgerentry", "gamification_userachievement"]],
        )
        indexes = dict(self.cursor.fetchall())
        for name in indexes:
            self.run(f'DROP INDEX "{name}"')
        yield
        for definition in indexes.values():
            self.run(definition)

    def run(self, statement: str, values: dict[str, Any] | None = None) -> None:
        self.cursor.execute(statement, values)
        title = " ".join(statement.split())[:48]
        print(f"{time.perf_counter() - self.began:7.1f} s  {title}", flush=True)


def empty() -> None:
    """Leave the tables as the migrations make them, with all activities and staff."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from gamification.models import Activity

    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    call_command("migrate", "gamification", "0001", verbosity=0)
    call_command("migrate", verbosity=0)
    for key, fields in ACTIVITIES:
        Activity.objects.create(key=key, **fields)
    get_user_model().objects.all().delete()


def make_history(users: int, entries: int) -> None:
    """Fill the database that Django uses."""
    from django.contrib.auth import get_user_model

    empty()
    # The member of staff who made the corrections comes after all other users.
    get_user_model().objects.create_superuser("admin", password="admin", id=users + 1)
    Maker(users, entries).make()


def check(users: int, sample: int = 500) -> None:
    """Reconcile some users; fail if any number differs from the ledger."""
    from django.db.models import Sum

    from gamification.maintenance import reconcile
    from gamification.models import LedgerEntry, UserGamification

    drawn = random.Random(1).sample(range(1, users + 1), min(users, sample))
    drift = [str(each) for user in drawn for each in reconcile(user)]
    assert not drift, drift[:10]
    total = UserGamification.objects.aggregate(xp=Sum("total_xp"))["xp"]
    assert total == LedgerEntry.objects.aggregate(xp=Sum("amount"))["xp"]
    entries = LedgerEntry.objects.count()
    print(f"{entries:,} entries, {total:,} XP; {len(drawn)} users reconciled.")


def use_database() -> str | None:
    """Point Django at ``DATABASE_URL``, or at a new server, whose URL is returned."""
    url = os.environ.get("DATABASE_URL")
    started = None
    if not url:
        from tests.postgres import start_server

        url = started = start_server(SERVER)
    set_up_django(url)
    return started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=10_000_000)
    options = parser.parse_args()
    started = use_database()
    make_history(options.users, options.entries)
    check(options.users)
    if started:
        print(f"DATABASE_URL={started}\nUntil this process is stopped.", flush=True)
        while True:
            time.sleep(3_600)


if __name__ == "__main__":
    main()
