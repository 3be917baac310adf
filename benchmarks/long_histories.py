"""Measure verbs on a user with 5,000 active days and 100,000 entries.

``python benchmarks/long_histories.py`` starts a PostgreSQL server of its own (or uses
``DATABASE_URL``), makes users with 20 entries a day, and prints the median and the 95th
percentile of what each verb takes, in milliseconds. The dates lie in two long runs with
a hole between them, and every second date before these.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from pathlib import Path
from statistics import median, quantiles
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.history import use_database  # noqa: E402

#: Entries on an active date.
A_DAY = 20

ENTRIES = """
INSERT INTO gamification_ledgerentry
    (user_id, kind, amount, activity_id, quantity, rewarded, xp_reward, extends_streak,
     occurred_at, local_date, recorded_at, key, fingerprint, source, note,
     internal_note)
SELECT %(user)s, 'activity', 1, %(activity)s, 1, 1, 1, TRUE,
    d + n * interval '1 minute', d, d + n * interval '1 minute', NULL, '', '', '', ''
FROM unnest(%(days)s::date[]) d CROSS JOIN generate_series(1, %(a_day)s) n
ORDER BY d, n
"""


def dates(count: int, today: date) -> list[date]:
    """Return ``count`` dates: two runs with a hole between them, and scattered ones."""
    run = count * 2 // 5
    back = [*range(1, run + 1), *range(run + 2, 2 * run + 2)]
    back += range(2 * run + 3, 2 * run + 3 + 2 * (count - len(back)), 2)
    return [today - timedelta(days) for days in back]


def make_user(name: str, days: list[date], activity: Any) -> Any:
    """Make a user who was active on these dates."""
    from django.contrib.auth import get_user_model
    from django.db import connection

    from gamification.maintenance import rebuild

    user = get_user_model().objects.create(username=name)
    values = {"user": user.pk, "activity": activity.pk, "days": days, "a_day": A_DAY}
    with connection.cursor() as cursor:
        cursor.execute(ENTRIES, values)
        cursor.execute(
            "INSERT INTO gamification_usergamification (user_id, total_xp, level,"
            " highest_level, current_streak, longest_streak, highest_streak,"
            " active_days, time_zone, zone_history, is_public, is_excluded,"
            " celebration_mode, version, created_at, updated_at)"
            " VALUES (%s, 0, 1, 1, 0, 0, 0, 0, '', '[]', TRUE, FALSE, 'all', 1, now(),"
            " now())",
            [user.pk],
        )
    rebuild(user)
    return user


def timed(works: Iterator[Callable[[], object]]) -> list[float]:
    """Return the milliseconds that each of ``works`` takes."""
    taken = []
    for work in works:
        began = time.perf_counter()
        work()
        taken.append(1_000 * (time.perf_counter() - began))
    return taken


def show(title: str, taken: list[float]) -> None:
    """Print the median and the 95th percentile."""
    high = quantiles(taken, n=20)[-1]
    print(f"{title:46} {median(taken):8.2f} {high:8.2f}", flush=True)


class Measurement:
    """Verbs on one user, each of them undone before the next."""

    def __init__(self, days: int) -> None:
        from gamification.models import Achievement, Activity

        Achievement.objects.all().delete()
        walk = Activity.objects.create(key="walk", name="Walk", xp_reward=1)
        self.today = datetime.now(UTC).date()
        self.days = dates(days, self.today)
        self.run = days * 2 // 5
        for number in range(20):
            make_user(f"other{number}", self.days[: self.run // 10], walk)
        self.user = make_user("veteran", self.days, walk)

    def record(self, day: date, minute: int = 0) -> Any:
        from gamification.services import record_activity

        at = datetime.combine(day, clock(0, minute), UTC)
        return record_activity(self.user, "walk", occurred_at=at, historical=True)

    def reverse(self, entry_id: int) -> None:
        from gamification.services import reverse_entry

        reverse_entry(self.user, entry_id=entry_id)

    def on(self, back: int) -> date:
        return self.today - timedelta(back)

    def measure(self, times: int) -> None:
        """Print what each verb takes."""
        self.record(self.on(0))
        hole, scattered = self.on(self.run + 1), self.days[-200]
        show("record today", timed(self.recording([self.on(0)] * times)))
        inside = [self.on(2 + n) for n in range(times)]
        show("late, on an active date of the run", timed(self.recording(inside)))
        old = [scattered - timedelta(2 * n) for n in range(times)]
        show("late, on an active date of long ago", timed(self.recording(old)))
        new = [scattered - timedelta(2 * n + 1) for n in range(times)]
        show("late, joins two short runs", timed(self.recording(new)))
        joins, splits = [], []
        for _ in range(times):
            joins += timed(iter([lambda: self.keep(self.record(hole))]))
            splits += timed(iter([lambda: self.reverse(self.entry_id)]))
        show("late, joins the two longest runs", joins)
        show("reversal that splits the longest run", splits)
        ids = [self.record(self.on(9), n % 60).entry.id for n in range(times)]
        show("reversal on a date that stays active", timed(self.reversing(ids)))
        self.measure_rebuilding(max(5, times // 8))

    def measure_rebuilding(self, times: int) -> None:
        """Print how long a rebuild takes, and how long others wait for its locks."""
        from gamification.maintenance import rebuild
        from gamification.maintenance.rebuilding import Rebuilding
        from gamification.models import ActiveDay

        write, held = Rebuilding.write, list[float]()

        def watched(plan: Rebuilding) -> None:
            held.extend(timed(iter([lambda: write(plan)])))

        Rebuilding.write = watched  # type: ignore[method-assign]
        for title, spoil in (
            ("rebuild of what is right", ActiveDay.objects.none()),
            ("rebuild of all active days", ActiveDay.objects.filter(user=self.user)),
        ):
            held.clear()
            taken = []
            for _ in range(times):
                spoil.delete()
                taken += timed(iter([lambda: rebuild(self.user)]))
            show(title, taken)
            show("  while the user is locked", held)

    def keep(self, outcome: Any) -> None:
        self.entry_id = outcome.entry.id

    def recording(self, days: list[date]) -> Iterator[Callable[[], object]]:
        yield from (lambda day=day: self.record(day) for day in days)

    def reversing(self, ids: list[int]) -> Iterator[Callable[[], object]]:
        yield from (lambda pk=pk: self.reverse(pk) for pk in ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=5_000)
    parser.add_argument("--times", type=int, default=40)
    options = parser.parse_args()
    started = use_database()
    from benchmarks.history import empty

    try:
        empty()
        measurement = Measurement(options.days)
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        measurement.measure(options.times)
        from gamification.maintenance import reconcile

        assert not [*reconcile(measurement.user)]
    finally:
        if started:
            from tests.postgres import remove_server

            remove_server(started)


if __name__ == "__main__":
    main()
