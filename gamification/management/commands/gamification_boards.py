"""Builds the kept leaderboards, and compares them with the ledger."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.leaderboards import Window, count_drifts, rebuild_boards
from gamification.management.options import check_batch_size
from gamification.management.progress_bar import ProgressBar
from gamification.models import UserGamification, write_alias


class Command(BaseCommand):
    help = (
        "Build the leaderboards of the current periods from the ledger ('rebuild'), or "
        "check that their counts add up ('check'). Records go on meanwhile; until a "
        "board is built, the ledger answers for it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=["rebuild", "check"])
        parser.add_argument(
            "--window",
            choices=Window.values,
            help="Rebuild only this one; all of them by default.",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=1_000,
            metavar="N",
            help="Users per transaction.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["action"] == "check":
                self._check()
            else:
                self._rebuild(**options)
        except (GamificationError, Error) as error:
            raise CommandError(str(error)) from error

    def _check(self) -> None:
        drifts = count_drifts()
        for drift in drifts:
            self.stdout.write(drift)
        if drifts:
            raise CommandError(f"Wrong counts: {len(drifts)}; 'rebuild' mends them.")

    def _rebuild(self, window: str | None, batch_size: int, **options: Any) -> None:
        windows = [*Window] if window is None else [Window(window)]
        size = check_batch_size(batch_size)
        users = UserGamification.objects.using(write_alias()).count()
        terminal = options.get("stderr") or sys.stderr
        with ProgressBar(terminal, " users", users * len(windows)) as bar:
            done = 0

            def progress(count: int) -> None:
                nonlocal done
                done += count
                bar.move_to(done)

            for each in windows:
                rebuild_boards(window=each, batch_size=size, progress=progress)
        self.stdout.write(f"boards: {len(windows)}")
