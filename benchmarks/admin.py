"""Measure every page of the admin on a large site.

``python benchmarks/history.py`` creates a site. ``DATABASE_URL=… python
benchmarks/admin.py`` then requests each page three times, in the same process, and
prints the median time and the number of queries. A page should take at most one second,
and a preview or simulation at most five. The cache keeps what earlier pages left in it;
where that matters, the page is also requested with an empty cache. Without
``DATABASE_URL``, the script first creates a site with ``--users`` and ``--entries`` on
its own server.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.history import make_history, use_database  # noqa: E402

ROUNDS = 3


@dataclass(frozen=True)
class Page:
    """An admin page, with the data to post, and its time limit in seconds."""

    name: str
    address: str
    data: dict[str, Any] | None = None
    limit: float = 1.0
    #: Whether to clear the cache before each request.
    is_cold: bool = False


class Visitor:
    """A superuser who requests pages and measures the time."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model
        from django.test import Client
        from django.test.utils import setup_test_environment

        # Responses then have their template contexts.
        setup_test_environment()
        self.client = Client()
        self.admin = get_user_model().objects.filter(is_superuser=True).first()
        self.client.force_login(self.admin)
        self.slow: list[str] = []

    def visit(self, page: Page) -> Any:
        """Request the page, and print the median time; return the last response."""
        from django.core.cache import cache
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        seconds = []
        for _ in range(ROUNDS):
            if page.is_cold:
                cache.clear()
            with CaptureQueriesContext(connection) as queries:
                began = time.perf_counter()
                response = self.request(page)
                seconds.append(time.perf_counter() - began)
        assert response.status_code in {200, 302}, (page, response.status_code)
        time_taken = median(seconds)
        mark = "  SLOW" if time_taken > page.limit else ""
        print(f"{page.name:58}{time_taken:8.2f} s{len(queries):6}{mark}", flush=True)
        if mark:
            self.slow.append(page.name)
        return response

    def request(self, page: Page) -> Any:
        if page.data is None:
            return self.client.get(page.address)
        return self.client.post(page.address, page.data)


def address_of(name: str, *args: Any, **query: Any) -> str:
    from django.urls import reverse
    from django.utils.http import urlencode

    address = reverse(f"admin:{name}", args=args)
    return f"{address}?{urlencode(query)}" if query else address


def visit_lists(visitor: Visitor) -> None:
    """Visit each list with its filters, search and dates, and one row of it."""
    from django.apps import apps
    from django.contrib import admin

    models = apps.get_app_config("gamification").get_models()
    for name in sorted(model._meta.model_name for model in models):
        # Levels are one page, which has a visit of its own.
        if name == "level":
            continue
        model = apps.get_model("gamification", name)
        address = address_of(f"gamification_{name}_changelist")
        response = visitor.visit(Page(f"{name}: list", address))
        changes = response.context["cl"]
        for title, query in narrowings(changes, admin.site.get_model_admin(model)):
            visitor.visit(Page(f"{name}: {title}", address + query))
        row = changes.queryset.first()
        if row is not None:
            for page in ("change", "history"):
                one = address_of(f"gamification_{name}_{page}", row.pk)
                visitor.visit(Page(f"{name}: {page}", one))


def narrowings(changes: Any, model_admin: Any) -> Iterator[tuple[str, str]]:
    """Yield the title and query of each way to narrow a list."""
    yield "third page", "?p=3"
    if model_admin.search_fields:
        yield "search", "?q=user77777"
    for spec in changes.filter_specs:
        choices = [each for each in spec.choices(changes) if not each["selected"]]
        for choice in islice(choices, 3):
            yield f"{spec.title}: {choice['display']}", choice["query_string"]
    if field := model_admin.date_hierarchy:
        first = changes.queryset.values_list(field, flat=True)[0]
        query = f"?{field}__year={first.year}"
        for part in ("month", "day"):
            yield f"dates, {query.count('=')}", query
            query += f"&{field}__{part}={getattr(first, part)}"
        yield "dates, 3", query


def visit_users(visitor: Visitor) -> None:
    """Visit the pages of the two users with most XP, and of their accounts.

    The first one is no longer active, so that their entries are far down in the ledger.
    """
    from django.contrib import admin
    from django.contrib.auth import get_user_model

    from gamification.models import LedgerEntry, UserGamification

    most = UserGamification.objects.order_by("-total_xp")[:2]
    for name, row in zip(("a former user", "the most active user"), most, strict=True):
        user = row.user_id
        address = address_of("gamification_usergamification_for", user)
        visitor.visit(Page(f"progress of {name}", address))
        first = LedgerEntry.objects.filter(user=user).order_by("id")[20].pk
        visitor.visit(Page(f"first entries of {name}", f"{address}?before={first}"))
        if admin.site.is_registered(get_user_model()):
            for page in ("change", "delete"):
                address = address_of(f"auth_user_{page}", user)
                visitor.visit(Page(f"account of {name}: {page}", address))


def visit_catalogue(visitor: Visitor) -> None:
    """Visit the pages that edit, import and export the catalogue, and backfills."""
    from gamification.models import Achievement

    Achievement.objects.get_or_create(
        key="collector",
        defaults={"name": "Collector", "criterion": "achievements", "threshold": 2},
    )
    visitor.visit(Page("index", address_of("index")))
    visitor.visit(Page("index of the app", address_of("app_list", "gamification")))
    for name in ("activity", "achievement"):
        for page in ("add", "export", "import"):
            address = address_of(f"gamification_{name}_{page}")
            visitor.visit(Page(f"{name}: {page}", address))
    address = address_of("gamification_achievement_changelist")
    visitor.visit(Page("achievement: list, empty cache", address, is_cold=True))
    for row in Achievement.objects.all():
        address = address_of("gamification_achievement_backfill", row.pk)
        visitor.visit(Page(f"{row.key}: backfill preview", address))


def visit_levels(visitor: Visitor) -> None:
    """Visit the page of levels, and preview two tables."""
    from tests.admin.browsing import filled_in

    address = address_of("gamification_level_changelist")
    response = visitor.visit(Page("levels", address, None, 5))
    shown = filled_in(response, "gam-levels-form")
    for title, step in (("higher", 20), ("lower", 2_000)):
        table = "\n".join(str(step * level) for level in range(40))
        data = shown | {"table": table, "_preview": "1"}
        visitor.visit(Page(f"levels, {title}", address, data, 5))


def visit_tuning(visitor: Visitor) -> None:
    """Visit XP and levels, simulations of other numbers, and recalculations."""
    from django.utils import timezone

    from gamification.models import Activity
    from tests.admin.browsing import filled_in

    keys = [*Activity.objects.values_list("key", flat=True)]
    for days in (7, 30, 90, 365):
        address = address_of("gamification_tuning", days=days)
        page = Page(f"tuning, {days} days, empty cache", address, None, 5, is_cold=True)
        response = visitor.visit(page)
        shown = filled_in(response, "gam-tuning-form")
        rewards = {f"activity-{key}-xp_reward": "7" for key in keys}
        limits = {f"activity-{key}-daily_limit": "2" for key in keys}
        cooldowns = {f"activity-{key}-cooldown": "3600" for key in keys}
        for title, changes in (
            ("rewards", rewards),
            ("limits", rewards | limits),
            ("cooldowns", rewards | limits | cooldowns),
        ):
            sent, name = shown | changes, f"simulation, {days} days, {title}"
            visitor.visit(Page(name, address, sent, limit=5))
    today = timezone.localdate()
    address = address_of("gamification_recalculate")
    visitor.visit(Page("recalculate", address))
    for days in (30, 365):
        since = today - timezone.timedelta(days=days - 1)
        chosen = {"activities": keys, "since": since, "until": today}
        visitor.visit(Page(f"recalculate, preview of {days} days", address, chosen, 5))


def visit_jobs(visitor: Visitor) -> None:
    """Run some steps of a job of each kind, in a transaction that is rolled back."""
    from django.db import transaction

    with transaction.atomic():
        for begin in (_begin_backfill, _begin_recalculation):
            job = begin(visitor)
            page = address_of("gamification_job_progress", job.pk)
            visitor.visit(Page(f"{job.get_kind_display()}: progress", page))
            step = Page(f"{job.get_kind_display()}: step", f"{page}step/", {}, 5)
            visitor.visit(step)
            job.refresh_from_db()
            print(f"{'':4}{job.done:,} of {job.total:,} users in {ROUNDS} steps")
        transaction.set_rollback(True)


def _begin_backfill(visitor: Visitor) -> Any:
    from gamification.models import Achievement, Activity
    from gamification.staff import begin_backfill

    Achievement.objects.create(
        key="benchmark",
        name="Benchmark",
        category="mastery",
        criterion="activity_count",
        activity=Activity.objects.get(key="kpi_completed"),
        xp_reward=5,
    )
    return begin_backfill("benchmark", actor=visitor.admin, note="Measured.")


def _begin_recalculation(visitor: Visitor) -> Any:
    from gamification.models import Activity
    from gamification.staff import (
        RecalculationScope,
        begin_recalculation,
        last_days,
    )

    Activity.objects.filter(key="kpi_completed").update(xp_reward=11)
    scope = RecalculationScope(["kpi_completed"], *last_days(365))
    return begin_recalculation(scope, actor=visitor.admin, note="Measured.")


VISITS: list[Callable[[Visitor], None]] = [
    visit_catalogue,
    visit_lists,
    visit_users,
    visit_levels,
    visit_tuning,
    visit_jobs,
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=10_000_000)
    options = parser.parse_args()
    if use_database():
        make_history(options.users, options.entries)
    visitor = Visitor()
    print(f"{'':60}median   queries")
    for visit in VISITS:
        visit(visitor)
    print(f"Slower than they should be: {', '.join(visitor.slow) or 'none'}.")


if __name__ == "__main__":
    main()
