"""Measure what conditions of achievements cost a record.

``python benchmarks/conditions.py`` starts a PostgreSQL server of its own in a temporary
folder (or uses ``DATABASE_URL``), and fills a database with users for each of four
catalogues: eleven achievements; 500 without conditions; 500 of which 40 are trees, with
filters that have counted something for everybody but are met by nobody; and the same
500 with users who have done the activity so often that only the tallies of filters rule
the trees out.

A process for each catalogue calls ``record_activity`` with a few attributes, for users
drawn at random. The processes take turns of 20 records, so that other load on the
machine meets all alike. For each catalogue, the script prints the median time of a
record, its ratio to the first catalogue, and the statements that a record takes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

GENRES = [f"genre {number}" for number in range(10)]
LANGUAGES = ["de", "en", "fr"]
FEW, MANY, TREES = 11, 500, 40
#: Records in a turn, and turns that do not count.
AT_ONCE, WARM_UP = 20, 20
SPAWNED = multiprocessing.get_context("spawn")
#: More than anybody reaches.
FAR = 1_000_000


def condition_of(number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the tree with this number counts, and its further conditions."""
    genre = GENRES[number % len(GENRES)]
    where = [["genre", "is", genre]]
    review = {"criterion": "activity_count", "activity": "review", "threshold": FAR}
    month = {"since": f"2026-{1 + number % 12:02}-01"}
    further = [
        review | {"where": where, "window": month},
        review | {"where": where, "sum": "pages"},
        review | {"where": where, "distinct": "language"},
        review | {"where": where, "window": {"days": 7}},
    ]
    leaf = further[number % len(further)]
    tree = {"any": [leaf, {"all": [{"criterion": "level", "threshold": 3}, leaf]}]}
    return {"where": where}, tree


def make_activity() -> None:
    """Add the activity, and take all achievements out of the game."""
    from gamification.models import Achievement, Activity

    attributes = {"genre": "string", "pages": "integer", "language": "string"}
    Activity.objects.create(
        key="review", name="Review", xp_reward=10, attributes=attributes
    )
    Achievement.objects.update(status="retired")


class Catalogue(NamedTuple):
    """How many achievements there are, and how far users are from the trees."""

    name: str
    achievements: int
    trees: int = 0
    #: What the criteria of trees require, and how many reviews each user has.
    threshold: int = FAR
    reviews: int = 10


CATALOGUES = [
    Catalogue("eleven achievements", FEW),
    Catalogue("500, none of them a tree", MANY),
    Catalogue("500, 40 of them trees", MANY, TREES),
    Catalogue("the same, users with many reviews", MANY, TREES, 50, FAR // 2),
]


def choose(catalogue: Catalogue) -> None:
    """Make the achievements of ``catalogue``, and what users have counted for them."""
    from django.db import connection

    from gamification.models import Achievement, Activity
    from gamification.services.catalogue.filters.syncing import sync_filters
    from gamification.services.job_steps import run_next_step

    rows, review = Achievement.objects.all(), Activity.objects.get(key="review")
    for number in range(catalogue.achievements - rows.count()):
        is_tree = number < catalogue.trees
        counting, conditions = condition_of(number) if is_tree else ({}, None)
        rows.create(
            key=f"rule-{number}",
            name=f"Rule {number}",
            category="milestones",
            xp_reward=10,
            criterion="activity_count",
            activity=review,
            threshold=(catalogue.threshold if is_tree else FAR) + number,
            counting=counting,
            conditions=conditions,
        )
    if job := sync_filters():
        while not run_next_step(job.pk, actor=None).finished_at:
            pass
    give_tallies(catalogue.reviews)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def give_tallies(reviews: int) -> None:
    """Let every user have so many reviews, and counts in all buckets of a week."""
    from django.utils import timezone

    from gamification.models import (
        Activity,
        ActivityTally,
        CountFilter,
        FilterTally,
        UserGamification,
    )

    user_ids = list(UserGamification.objects.values_list("user", flat=True))
    today = datetime.now(UTC).date()
    review = Activity.objects.get(key="review")
    ActivityTally.objects.bulk_create(
        ActivityTally(
            user_id=pk, activity=review, count=reviews, last_recorded_at=timezone.now()
        )
        for pk in user_ids
    )
    FilterTally.objects.all().delete()
    for row in CountFilter.objects.all():
        buckets = [""]
        if "distinct" in row.definition:
            buckets = LANGUAGES
        elif "days" in row.definition.get("window", {}):
            buckets = [f"{today - timedelta(back)}" for back in range(7)]
        FilterTally.objects.bulk_create(
            FilterTally(user_id=pk, filter=row, bucket=bucket, count=1)
            for pk in user_ids
            for bucket in buckets
        )


def record_once(users: int) -> Callable[[], Any]:
    """Return a function that records something for a user drawn at random."""
    from django.contrib.auth import get_user_model

    from gamification.services import record_activity

    drawn, user = random.Random(7), get_user_model()()

    def record() -> None:
        user.pk = drawn.randint(1, users)
        said = {
            "genre": drawn.choice(GENRES),
            "pages": drawn.randint(50, 900),
            "language": drawn.choice(LANGUAGES),
        }
        record_activity(user, "review", attributes=said)

    return record


def run_client(catalogue: Catalogue, url: str, users: int, turns: Connection) -> None:
    """Fill the database at ``url``; answer numbers with times.

    The answer to a number is the seconds that each of so many records took. The last
    number is 0, and its answer is the number of statements that a record takes.
    """
    from benchmarks.recording import fill, set_up_django

    set_up_django(url)
    fill(url, users)
    make_activity()
    choose(catalogue)
    record = record_once(users)
    turns.send("ready")
    while count := turns.recv():
        turns.send(measure(record, count))
    turns.send(statements(record))


def measure(record: Callable[[], Any], count: int) -> list[float]:
    """Return the times that records took, in seconds."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        record()
        times.append(time.perf_counter() - start)
    return times


def statements(record: Callable[[], Any]) -> int:
    """Return the number of statements that a record takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        record()
    return len(queries)


def make_databases(url: str) -> list[str]:
    """Return the addresses of new databases, one for each catalogue."""
    from benchmarks.recording import make_database

    names = [f"conditions_{number}" for number in range(len(CATALOGUES))]
    return [make_database(url, name) for name in names]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--records", type=int, default=4_000)
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = sys.path[0]
    url = os.environ.get("DATABASE_URL")
    if not url:
        from tests.postgres import start_server

        url = start_server({})
    clients = []
    for catalogue, address in zip(CATALOGUES, make_databases(url), strict=True):
        turns, theirs = SPAWNED.Pipe()
        arguments = catalogue, address, options.users, theirs
        SPAWNED.Process(target=run_client, args=arguments, daemon=True).start()
        theirs.close()
        assert turns.recv() == "ready"
        clients.append(turns)
    times: list[list[float]] = [[] for _ in clients]
    for turn in range(WARM_UP + options.records // AT_ONCE):
        for found, client in zip(times, clients, strict=True):
            client.send(AT_ONCE)
            answer = client.recv()
            found += answer if turn >= WARM_UP else []
    report(times, clients)


def report(times: list[list[float]], clients: list[Connection]) -> None:
    """Print a line for each catalogue."""
    first = median(times[0])
    print(f"\n{'':34}µs a record   share   statements")
    for catalogue, found, client in zip(CATALOGUES, times, clients, strict=True):
        client.send(0)
        middle, needed = median(found), client.recv()
        in_microseconds = middle * 1_000_000
        line = f"{in_microseconds:11,.0f}{middle / first:8.2f}{needed:13}"
        print(f"{catalogue.name:34}{line}")


if __name__ == "__main__":
    main()
