"""Make a few hundred demo users with months of history."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from example_project.visions.demo.attributes import (
    ask_for_attributes,
)
from example_project.visions.demo.boosts import make_boosts
from example_project.visions.demo.levels import name_levels
from example_project.visions.demo.rarities import make_rarities
from example_project.visions.demo.series import make_series
from example_project.visions.demo.stories import VISITOR, all_stories
from example_project.visions.demo.streaks import make_streaks
from example_project.visions.demo.telling import tell
from gamification.services import (
    BatchReport,
)

ADMIN = "admin"
LOGINS = f"""
  http://127.0.0.1:8000/        {VISITOR} / {VISITOR}    (so for demo-001, demo-002, …)
  http://127.0.0.1:8000/admin/  {ADMIN} / {ADMIN}
"""


class Command(BaseCommand):
    help = (
        "Make a few hundred demo users with months of history, through the services. "
        "The same people every time; who exists already is left alone."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("It makes an admin whose password is known: only DEBUG.")
        began = time.monotonic()
        self._make_admin()
        people, report = self._tell_all()
        make_rarities()
        make_series()
        ask_for_attributes()
        name_levels()
        make_streaks()
        make_boosts()
        seconds = time.monotonic() - began
        self.stdout.write(
            f"{people} new people, {report.recorded:,} records, "
            f"{report.unlocks:,} achievements unlocked, in {seconds:.1f} s."
        )
        self.stdout.write(LOGINS)

    def _make_admin(self) -> None:
        users = get_user_model().objects
        if not users.filter(username=ADMIN).exists():
            users.create_superuser(ADMIN, password=ADMIN)

    def _tell_all(self) -> tuple[int, BatchReport]:
        """Tell the stories of people who do not exist yet; count them and records."""
        known = set(get_user_model().objects.values_list("username", flat=True))
        stories = [s for s in all_stories(timezone.now()) if s.username not in known]
        password, report = make_password(VISITOR), BatchReport()
        for number, story in enumerate(stories, start=1):
            report += tell(story, password)
            people = f"{number} of {len(stories)} people"
            self._show(f"{people}, {report.recorded:,} records")
        return len(stories), report

    def _show(self, progress: str) -> None:
        """Write a line over the last one, on a terminal."""
        if self.stdout.isatty():
            self.stdout.write(progress, ending="\r")
