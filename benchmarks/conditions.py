"""Measure what conditions of achievements cost a record.

``python benchmarks/conditions.py`` starts a PostgreSQL server of its own in a temporary
folder (or uses ``DATABASE_URL``), fills it with users, and calls ``record_activity``
with a few attributes, for users drawn at random: with eleven achievements, with 500 of
which none has conditions, and with 500 of which 40 are trees over filters that nobody
has met yet, but all have counted for. The catalogues take turns for some rounds. It
prints the median time of a record with each, its share of the first one, and the
statements that it takes.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

GENRES = [f"genre {number}" for number in range(10)]
LANGUAGES = ["de", "en", "fr"]
FEW, MANY, TREES = 11, 500, 40
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


def choose(count: int, trees: int) -> None:
    """Let the catalogue have so many achievements, some of them trees, and no other."""
    from django.db import connection

    from gamification.models import Achievement, Activity, CountFilter
    from gamification.services.catalogue.filters.syncing import sync_filters
    from gamification.services.job_steps import run_next_step

    rows, review = Achievement.objects.all(), Activity.objects.get(key="review")
    rows.filter(key__startswith="rule-").delete()
    CountFilter.objects.all().delete()
    for number in range(count - rows.count()):
        counting, conditions = condition_of(number) if number < trees else ({}, None)
        rows.create(
            key=f"rule-{number}",
            name=f"Rule {number}",
            category="milestones",
            xp_reward=10,
            criterion="activity_count",
            activity=review,
            threshold=FAR + number,
            counting=counting,
            conditions=conditions,
        )
    if job := sync_filters():
        while not run_next_step(job.pk, actor=None).finished_at:
            pass
    give_tallies()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def give_tallies() -> None:
    """Let every user have counted before, in all buckets of this week."""
    from gamification.models import CountFilter, FilterTally, UserGamification

    user_ids = list(UserGamification.objects.values_list("user", flat=True))
    today = datetime.now(UTC).date()
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


#: How many achievements there are, and how many of them are trees.
CATALOGUES: dict[str, tuple[int, int]] = {
    "eleven achievements": (FEW, 0),
    "500, none of them a tree": (MANY, 0),
    "500, 40 of them trees": (MANY, TREES),
}


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


def measure(record: Callable[[], Any], count: int) -> float:
    """Return the median time of a record, in microseconds."""
    times = []
    for _ in range(count):
        start = time.perf_counter()
        record()
        times.append(time.perf_counter() - start)
    return median(times) * 1_000_000


def statements(record: Callable[[], Any]) -> int:
    """Return the number of statements that a record takes."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        record()
    return len(queries)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--records", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = sys.path[0]
    url = os.environ.get("DATABASE_URL")
    if not url:
        from tests.postgres import start_server

        url = start_server({})
    from benchmarks.recording import fill, set_up_django

    set_up_django(url)
    fill(url, options.users)
    make_activity()
    record = record_once(options.users)
    found: dict[str, list[float]] = {name: [] for name in CATALOGUES}
    needed = {}
    for _ in range(options.rounds):
        for name, (count, trees) in CATALOGUES.items():
            choose(count, trees)
            measure(record, 100)
            found[name].append(measure(record, options.records))
            needed[name] = statements(record)
    first = median(next(iter(found.values())))
    print(f"\n{'':28}µs a record   share   statements")
    for name, times in found.items():
        middle = median(times)
        print(f"{name:28}{middle:11,.0f}{middle / first:8.2f}{needed[name]:13}")


if __name__ == "__main__":
    main()
