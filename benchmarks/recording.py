"""Measure recording against the most that raw SQL can do, side by side in one run.

``python benchmarks/recording.py`` starts a PostgreSQL server of its own in a temporary
folder (or uses that of ``DATABASE_URL``), and makes a database of users who have a
little history. Two client processes write for users drawn at random, in several ways:
one raw prepared statement per record, ``record_activity`` with Django's default
connection options and with prepared statements, raw set-based SQL in batches of 10,000,
and ``record_activities``. All write the same rows, each with an idempotency key;
``synchronous_commit`` is off. The ways take turns for some rounds. The first round does
not count, because the first change of a page after a checkpoint logs the whole page.
The script prints the median of the records per second, and its share of the raw rate.

With ``--users 10000 1000000 --entries 100000 10000000``, databases of several sizes
take turns, too. Each has so many users, whose ledgers have so many entries together.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
import uuid
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any

CLIENTS = 2
BATCH = 10_000

#: Bytes of memory that this machine has.
MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

#: Settings of a server that this script starts: a quarter of the memory, as the manual
#: of PostgreSQL advises for a dedicated machine, and checkpoints far apart.
SERVER = {
    "shared_buffers": f"{MEMORY // 4 >> 20}MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
}
XP = 10

#: One statement that writes what every way below writes for one record.
RAW = """
WITH n AS (SELECT %(user)s::int AS user_id, %(key)s::text AS key,
                  %(at)s::timestamptz AS at, %(day)s::date AS day),
p AS (
    UPDATE gamification_usergamification p
    SET total_xp = total_xp + 10, level = width_bucket(total_xp + 10, %(levels)s),
        highest_level = greatest(highest_level,
                                 width_bucket(total_xp + 10, %(levels)s)),
        current_streak = CASE WHEN last_active_on = n.day THEN current_streak
                              WHEN last_active_on = n.day - 1 THEN current_streak + 1
                              ELSE 1 END,
        longest_streak = greatest(longest_streak, CASE
                              WHEN last_active_on = n.day THEN current_streak
                              WHEN last_active_on = n.day - 1 THEN current_streak + 1
                              ELSE 1 END),
        highest_streak = greatest(highest_streak, CASE
                              WHEN last_active_on = n.day THEN current_streak
                              WHEN last_active_on = n.day - 1 THEN current_streak + 1
                              ELSE 1 END),
        last_occurred_at = greatest(last_occurred_at, n.at),
        active_days = active_days + (last_active_on IS DISTINCT FROM n.day)::int,
        last_active_on = n.day, version = version + 1, updated_at = n.at
    FROM n WHERE p.user_id = n.user_id
    RETURNING p.user_id, p.total_xp, p.level, p.current_streak, p.longest_streak),
t AS (
    INSERT INTO gamification_activitytally
        (user_id, activity_id, count, last_recorded_at)
    SELECT user_id, %(activity)s, 1, at FROM n
    ON CONFLICT (user_id, activity_id) DO UPDATE
    SET count = gamification_activitytally.count + 1,
        last_recorded_at = excluded.last_recorded_at),
d AS (
    INSERT INTO gamification_activeday (user_id, date, kind, activities, xp)
    SELECT user_id, day, 'active', 1, 10 FROM n
    ON CONFLICT (user_id, date) DO UPDATE
    SET activities = gamification_activeday.activities + 1,
        xp = gamification_activeday.xp + 10),
e AS (
    INSERT INTO gamification_ledgerentry
        (user_id, kind, amount, activity_id, quantity, rewarded, xp_reward,
         extends_streak, occurred_at, local_date, recorded_at, key, fingerprint, source,
         note, outcome)
    SELECT n.user_id, 'activity', 10, %(activity)s, 1, 1, 10, TRUE, n.at, n.day, n.at,
        n.key, left(md5(n.key), 16), '', '',
        jsonb_build_array(p.total_xp, p.level, p.level, p.current_streak,
                          p.longest_streak)
    FROM n JOIN p USING (user_id)
    RETURNING id, user_id, occurred_at),
s AS (
    INSERT INTO gamification_pendingscore (user_id, occurred_at)
    SELECT user_id, occurred_at FROM e)
SELECT id FROM e
"""

#: The same for a batch. It first adds up the records of each user.
RAW_BATCH = (
    RAW.replace(
        """n AS (SELECT %(user)s::int AS user_id, %(key)s::text AS key,
                  %(at)s::timestamptz AS at, %(day)s::date AS day),""",
        """n AS (SELECT user_id, key, %(at)s::timestamptz AS at, %(day)s::date AS day
      FROM unnest(%(user)s::int[], %(key)s::text[]) AS n(user_id, key)),
c AS (SELECT user_id, count(*) AS n, min(at) AS at, min(day) AS day
      FROM n GROUP BY user_id),
locked AS MATERIALIZED (
    SELECT p.user_id FROM gamification_usergamification p
    WHERE p.user_id = ANY(%(user)s::int[]) ORDER BY p.user_id FOR UPDATE),""",
    )
    .replace("total_xp + 10", "total_xp + 10 * n.n")
    .replace(
        "FROM n WHERE p.user_id = n.user_id",
        "FROM c AS n JOIN locked USING (user_id) WHERE p.user_id = n.user_id",
    )
    .replace(
        "SELECT user_id, %(activity)s, 1, at FROM n",
        "SELECT user_id, %(activity)s, n, at FROM c",
    )
    .replace("count + 1,", "count + excluded.count,")
    .replace(
        "SELECT user_id, day, 'active', 1, 10 FROM n",
        "SELECT user_id, day, 'active', n, 10 * n FROM c",
    )
    .replace("activities + 1,", "activities + excluded.activities,")
    .replace("xp + 10)", "xp + excluded.xp)")
)

FILL = """
INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name,
                       email, is_staff, is_active, date_joined)
SELECT i, '', FALSE, 'user' || i, '', '', '', FALSE, TRUE, now()
FROM generate_series(1, %(users)s) i;
INSERT INTO gamification_usergamification
    (user_id, total_xp, level, highest_level, current_streak, longest_streak,
     highest_streak, active_days, last_active_on, time_zone, zone_history, is_public,
     celebration_mode, version, created_at, updated_at)
SELECT i, 3300, 12, 12, 3, 9, 9, 60, current_date - 1, '', '[]', TRUE, 'all', 1,
    now(), now()
FROM generate_series(1, %(users)s) i;
INSERT INTO gamification_activitytally (user_id, activity_id, count, last_recorded_at)
SELECT i, %(activity)s, 200, now() FROM generate_series(1, %(users)s) i;
INSERT INTO gamification_userachievement
    (user_id, achievement_id, unlocked_at, xp_awarded, revoke_reason,
     can_be_earned_again)
SELECT i, a.id, now(), a.xp_reward, '', FALSE
FROM generate_series(1, %(users)s) i CROSS JOIN gamification_achievement a
WHERE a.key IN ('first_kpi', 'kpi_10', 'kpi_50', 'kpi_100', 'streak_7',
                'level_5', 'level_10');
INSERT INTO gamification_activeday (user_id, date, kind, activities, xp)
SELECT i, current_date - d, 'active', 1, 10
FROM generate_series(1, %(users)s) i CROSS JOIN generate_series(1, 3) d;
"""


#: Entries that are some minutes apart, in the order in which they were recorded.
FILL_LEDGER = """
INSERT INTO gamification_ledgerentry
    (user_id, kind, amount, activity_id, quantity, rewarded, xp_reward, extends_streak,
     occurred_at, local_date, recorded_at, key, fingerprint, source, note, outcome)
SELECT 1 + i %% %(users)s, 'activity', 10, %(activity)s, 1, 1, 10, TRUE, at, at::date,
    at, md5(i::text), left(md5(i::text), 16), '', '', '[3300, 12, 12, 3, 9]'
FROM (SELECT i, now() - (%(entries)s - i) * interval '90 days' / %(entries)s AS at
      FROM generate_series(1, %(entries)s) i) e
"""


def set_up_django(url: str, *, prepared: bool = False) -> None:
    """Point Django at ``url``, with or without prepared statements."""
    os.environ["DATABASE_URL"] = url
    os.environ["DJANGO_SETTINGS_MODULE"] = "example_project.settings"
    import django
    from django.conf import settings

    database = settings.DATABASES["default"]
    database["OPTIONS"] = {"options": "-c synchronous_commit=off"}
    database["CONN_MAX_AGE"] = None
    if prepared:
        database["OPTIONS"] |= {"server_side_binding": True, "prepare_threshold": 1}
    settings.DEBUG = False
    django.setup()


class Client:
    """One way to write records, in a process of its own."""

    def __init__(self, url: str, users: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.users = users
        self.connect(url)

    def draw(self, count: int) -> tuple[list[int], list[str]]:
        """Return users, and a key for each."""
        users = [self.random.randint(1, self.users) for _ in range(count)]
        return users, [uuid.uuid4().hex for _ in users]

    def connect(self, url: str) -> None:
        raise NotImplementedError

    def write(self) -> int:
        """Write once; return the number of records."""
        raise NotImplementedError


class RawClient(Client):
    sql, count = RAW, 1

    def connect(self, url: str) -> None:
        import psycopg

        from gamification.domain.levels import LEVEL_THRESHOLDS

        self.connection = psycopg.connect(
            url, autocommit=True, options="-c synchronous_commit=off"
        )
        [self.activity] = self.connection.execute(
            "SELECT id FROM gamification_activity WHERE key = 'kpi_completed'"
        ).fetchone()
        self.levels = list(LEVEL_THRESHOLDS)

    def write(self) -> int:
        users, keys = self.draw(self.count)
        now = datetime.now(UTC)
        values = {
            "user": users if self.count > 1 else users[0],
            "key": keys if self.count > 1 else keys[0],
            "at": now,
            "day": now.date(),
            "levels": self.levels,
            "activity": self.activity,
        }
        self.connection.execute(self.sql, values, prepare=True).fetchall()
        return self.count


class RawBatchClient(RawClient):
    sql, count = RAW_BATCH, BATCH


class RecordActivityClient(Client):
    prepared = False

    def connect(self, url: str) -> None:
        set_up_django(url, prepared=self.prepared)
        from django.contrib.auth import get_user_model

        from gamification import services

        self.services = services
        # A site has the user at hand.
        self.user = get_user_model()()

    def write(self) -> int:
        [self.user.pk], [key] = self.draw(1)
        self.services.record_activity(self.user, "kpi_completed", key=key)
        return 1


class PreparedRecordActivityClient(RecordActivityClient):
    prepared = True


class RecordActivitiesClient(RecordActivityClient):
    def write(self) -> int:
        record = self.services.ActivityRecord
        report = self.services.record_activities(
            record(user, "kpi_completed", key=key)
            for user, key in zip(*self.draw(BATCH), strict=True)
        )
        return report.recorded


WAYS: dict[str, type[Client]] = {
    "raw prepared statement per record": RawClient,
    "record_activity": RecordActivityClient,
    "record_activity, prepared statements": PreparedRecordActivityClient,
    "raw set-based SQL, 10,000 a batch": RawBatchClient,
    "record_activities, 10,000 a batch": RecordActivitiesClient,
}


def run_client(
    way: str, url: str, users: int, seed: int, seconds: float, gate: Any, results: Any
) -> None:
    """Write for ``seconds`` once all clients are ready; report the rate."""
    client = WAYS[way](url, users, seed)
    client.write()
    gate.wait()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        count += client.write()
    results.put(count / (time.perf_counter() - start))


def measure(way: str, url: str, users: int, seconds: float) -> float:
    """Return the records per second of all clients together."""
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(CLIENTS), context.Queue()
    seeds = [random.getrandbits(32) for _ in range(CLIENTS)]
    clients = [
        context.Process(
            target=run_client, args=(way, url, users, seed, seconds, gate, results)
        )
        for seed in seeds
    ]
    for client in clients:
        client.start()
    rates = [results.get() for _ in clients]
    for client in clients:
        client.join()
    return sum(rates)


def set_defaults() -> None:
    """Give columns that no statement here names the defaults of their fields."""
    from django.apps import apps
    from django.db import connection

    fields = [
        field
        for model in apps.get_app_config("gamification").get_models()
        for field in model._meta.concrete_fields
        if not field.null and (field.has_default() or field.empty_strings_allowed)
        if not field.is_relation and not field.primary_key
    ]
    with connection.cursor() as cursor:
        for field in fields:
            cursor.execute(
                f'ALTER TABLE "{field.model._meta.db_table}" '
                f'ALTER COLUMN "{field.column}" SET DEFAULT %s',
                [field.get_db_prep_save(field.get_default(), connection)],
            )


def fill(url: str, users: int, entries: int = 0) -> None:
    """Make a fresh database with ``users`` users who have a little history.

    Their ledger has so many entries.
    """
    import psycopg
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    call_command("flush", interactive=False, verbosity=0)
    call_command("migrate", "gamification", "0001", verbosity=0)
    call_command("migrate", verbosity=0)
    set_defaults()
    connection.close()
    with psycopg.connect(url, autocommit=True) as raw:
        cursor = raw.execute(
            "SELECT id FROM gamification_activity WHERE key = 'kpi_completed'"
        )
        [activity] = cursor.fetchone()
        values = {"users": users, "activity": activity, "entries": entries}
        for statement in [*FILL.split(";")[:-1], FILL_LEDGER]:
            raw.execute(statement, values)
        raw.execute("VACUUM ANALYZE")
        raw.execute("CHECKPOINT")


def make_database(url: str, name: str) -> str:
    """Make an empty database beside that of ``url``; return its URL."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url.rpartition('/')[0]}/{name}"


class Size:
    """A database with so many users and entries, and the rates of each way there."""

    def __init__(self, url: str, users: int, entries: int) -> None:
        self.url = make_database(url, f"recording_{users}_{entries}")
        self.users = users
        self.entries = entries
        self.rates: dict[str, list[float]] = {way: [] for way in WAYS}
        # Django knows one database in each process.
        filling = multiprocessing.get_context("spawn").Process(target=self.fill)
        filling.start()
        filling.join()
        if filling.exitcode:
            raise SystemExit(filling.exitcode)

    def fill(self) -> None:
        set_up_django(self.url)
        fill(self.url, self.users, self.entries)

    def measure(self, seconds: float) -> None:
        for way, rates in self.rates.items():
            rates.append(measure(way, self.url, self.users, seconds))

    def report(self) -> None:
        """Print the median rate of each way; the first one does not count."""
        print(f"\n{self.users:,} users, {self.entries:,} entries, {CLIENTS} clients")
        print(f"{'':42}records/s   share of raw")
        raw = 0.0
        for way, (_, *rates) in self.rates.items():
            rate = median(rates)
            raw = rate if way.startswith("raw") else raw
            print(f"{way:42}{rate:9,.0f}   {rate / raw:12.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, nargs="+", default=[10_000, 1_000_000])
    parser.add_argument("--entries", type=int, nargs="+", default=[])
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ["PYTHONPATH"] = sys.path[0]
    url = os.environ.get("DATABASE_URL")
    if not url:
        from tests.postgres import start_server

        url = start_server(SERVER)
    pairs = zip_longest(options.users, options.entries, fillvalue=0)
    sizes = [Size(url, users, entries) for users, entries in pairs]
    for _ in range(1 + options.rounds):
        for size in sizes:
            size.measure(options.seconds)
    for size in sizes:
        size.report()


if __name__ == "__main__":
    main()
