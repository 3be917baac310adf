"""Measure every page of the admin on a large site.

``python benchmarks/history.py`` creates a site. ``DATABASE_URL=… python
benchmarks/admin.py`` then requests each page three times, in the same process, and
prints the median time and the number of queries. A page should take at most one second,
and a preview or simulation at most five. The cache keeps what earlier pages left in it;
where that matters, the script also requests the page with an empty cache. Without
``DATABASE_URL``, the script first creates a site with ``--users`` and ``--entries`` on
its own server.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.admin_lists import (  # noqa: E402
    visit_entries,
    visit_lists,
    visit_progress,
)
from benchmarks.history import make_history, use_database  # noqa: E402
from benchmarks.visiting import ROUNDS, Page, Visitor, address_of  # noqa: E402


def visit_users(visitor: Visitor) -> None:
    """Visit the pages of the two users with most XP, and the pages of their accounts.

    The first user is no longer active, so their entries are far back in the ledger.
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
        visitor.visit(Page(f"{row.key}: backfill preview", address, limit=5))


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


def visit_safety_nets(visitor: Visitor) -> None:
    """Visit the pages that refuse to delete, that undo, and the index after a change.

    All happens in a transaction that is rolled back.
    """
    from django.db import transaction

    from gamification.models import Achievement, Activity
    from tests.admin.browsing import filled_in

    activity = Activity.objects.get(key="kpi_completed")
    counting = Achievement.objects.filter(criterion="activity_count").first()
    for row in (activity, counting):
        name = f"gamification_{row._meta.model_name}"
        address = address_of(f"{name}_delete", row.pk)
        visitor.visit(Page(f"{row.key}: delete", address))
        chosen = {"action": "delete_selected", "_selected_action": [row.pk]}
        address = address_of(f"{name}_changelist")
        visitor.visit(Page(f"{row.key}: delete from the list", address, chosen))
    with transaction.atomic():
        address = address_of("gamification_achievement_change", counting.pk)
        shown = visitor.client.get(address)
        sent = filled_in(shown, "achievement_form") | {"threshold": "100000"}
        visitor.client.post(address, sent)
        visitor.visit(Page("index after a change", address_of("index")))
        address = address_of("gamification_achievement_history", counting.pk)
        edit = visitor.visit(Page("history", address)).context["edit"]
        address = address_of(
            "gamification_achievement_undo", counting.pk, edit.entry.pk
        )
        visitor.visit(Page("undo: preview", address, {}, 5))
        transaction.set_rollback(True)


def visit_lists_of_jobs(visitor: Visitor) -> None:
    """Visit the pages that act on many users, and their previews."""
    from django.utils import timezone

    today = timezone.localdate()
    few, many = ("\n".join(f"user{n * 7}" for n in range(1, m)) for m in (30, 5_000))
    award = {"achievement": "collector", "_preview": "1"}
    adjust = {"amount": "5", "_preview": "1"}
    week = {"since": today - timezone.timedelta(days=6), "until": today}
    for kind, title, data in (
        ("award", "30 users", award | {"users": few}),
        ("award", "5,000 users", award | {"users": many}),
        ("revocation", "5,000 users", award | {"users": many}),
        ("adjustment", "5,000 users", adjust | {"users": many}),
        ("reversal", "a week of a user", week | {"user": "user77777", "_preview": "1"}),
        ("reversal", "a week of everybody", week | {"_preview": "1"}),
    ):
        address = address_of(f"gamification_job_{kind}")
        visitor.visit(Page(kind, address))
        visitor.visit(Page(f"{kind}, preview: {title}", address, data, 5))


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
    visit_safety_nets,
    visit_lists,
    visit_entries,
    visit_progress,
    visit_users,
    visit_levels,
    visit_lists_of_jobs,
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
