"""A site that uses django-unfold, in a separate process.

The base class of the admin pages is chosen when Python imports them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


@contextmanager
def unfolded() -> Iterator[dict[str, Any]]:
    """Serve the site; yield its address, the session of staff, and keys of rows."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TEST_", "PYTEST_", "COV_"))
    }
    environment["DJANGO_SETTINGS_MODULE"] = "tests.browser.unfold_settings"
    command = [sys.executable, "-m", "tests.browser.unfold_site"]
    with subprocess.Popen(  # noqa: S603 - it is this module
        command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def main() -> None:
    import django

    django.setup()
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.management import call_command
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
    from django.core.wsgi import get_wsgi_application

    class Quiet(WSGIRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    call_command("migrate", verbosity=0)
    _use_unfold_for_users()
    rows = _create_rows()
    server = ThreadedWSGIServer(("127.0.0.1", 0), Quiet)
    server.set_app(StaticFilesHandler(get_wsgi_application()))
    rows["url"] = f"http://127.0.0.1:{server.server_port}"
    print(json.dumps(rows), flush=True)  # noqa: T201 - the parent process reads this
    server.serve_forever()


def _use_unfold_for_users() -> None:
    """Register users as django-unfold documents it."""
    from django.contrib import admin
    from django.contrib.auth.admin import UserAdmin
    from django.contrib.auth.models import User
    from unfold.admin import ModelAdmin

    from gamification.admin import GamificationUserAdminMixin

    admin.site.unregister(User)
    parts = (GamificationUserAdminMixin, UserAdmin, ModelAdmin)
    admin.site.register(User, type("UserAdmin", parts, {}))


def _create_rows() -> dict[str, Any]:
    """Create rows in every table; return the session of staff, and keys."""
    from django.apps import apps
    from django.conf import settings
    from django.contrib.admin import site
    from django.contrib.auth.models import User
    from django.test import Client

    from gamification import services, staff
    from gamification.leaderboards import tend_boards
    from tests.factories import AchievementFactory, ActivityFactory

    admin = User.objects.create_superuser("admin")
    grace, alan = (User.objects.create(username=name) for name in ("Grace", "Alan"))
    walk, now = ActivityFactory(key="walk", name="Walk"), datetime.now(UTC)
    walks = [
        services.ActivityRecord(user, "walk", occurred_at=now - timedelta(days=n))
        for user, days in ((grace, 30), (alan, 9))
        for n in range(days)
        if n % 9
    ]
    services.record_activities(walks, historical=True)
    services.adjust_xp(grace, amount=-5, note="A mistake.", actor=admin)
    kind = {"criterion": "activity_count", "activity": walk}
    for key, number in (("ten", 10), ("twenty", 20), ("fifty", 50), ("five", 5)):
        name = f"{key.title()} walks"
        AchievementFactory(key=key, name=name, icon="🥾", threshold=number, **kind)
    services.award_achievement(grace, "ten", actor=admin)
    services.award_achievement(grace, "fifty", actor=admin)
    services.revoke_achievement(grace, "fifty", actor=admin, reason="Too early.")
    staff.hold_user(alan, until=now + timedelta(days=9), reason="Odd.", actor=admin)
    day = timedelta(days=1)
    staff.grant_freezes(grace, 1, actor=admin)
    staff.pause_streak(grace, now.date() + day, now.date() + 2 * day, actor=admin)
    staff.repair_streak(alan, [now.date() - 20 * day], actor=admin, note="An outage.")
    first, *levels = staff.get_levels()
    named = first._replace(name="Newcomer", icon="🌱")
    staff.save_levels([named, *levels], actor=admin, expected=None)
    staff.create_boost(
        actor=admin,
        key="weekend",
        name="Weekend",
        factor=2,
        starts_at=now + day,
        ends_at=now + 2 * day,
        zone="UTC",
    )
    gift = staff.Act(kind="adjustment", amount=5, note="A gift.")
    staff.begin_list(gift, [alan], actor=admin)
    job = staff.begin_backfill("twenty", actor=admin, note="For earlier walks.")
    while not staff.run_next_step(job.pk, actor=admin).finished_at:
        pass
    client = Client()
    client.force_login(admin)
    tend_boards()
    models = apps.get_app_config("gamification").get_models()
    shown = [model for model in models if site.is_registered(model)]
    keys = {model._meta.model_name: model.objects.latest("pk").pk for model in shown}
    return {
        "session": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "keys": {**keys, "user": grace.pk},
    }


if __name__ == "__main__":
    main()
