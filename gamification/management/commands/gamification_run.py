"""Finishes what staff began in the admin."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.management.meter import Meter
from gamification.models import Run
from gamification.services import step_run
from gamification.services.requests import write_alias

#: Seconds between looks at a run that somebody else steps.
PATIENCE: Final = 1.0


class Command(BaseCommand):
    help = (
        "Finish runs: long work over many users, such as awards in hindsight, that "
        "staff began in the admin. Pages that show a run may stay open. The exit code "
        "is 1 if one cannot be finished; it goes on from there the next time."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "run",
            nargs="*",
            type=int,
            help="The number of a run; without any, all that are not finished.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        terminal = options.get("stderr") or sys.stderr
        unfinished = 0
        for run_id in options["run"] or _unfinished():
            run = self._finish(run_id, terminal)
            self.stdout.write(f"run {run_id}: users: {run.done}, XP: {run.xp}")
            if run.error:
                unfinished += 1
                self.stderr.write(f"run {run_id}: {run.error}")
        if unfinished:
            raise CommandError(f"Runs that could not be finished: {unfinished}.")

    def _finish(self, run_id: int, terminal: Any) -> Run:
        """Step until the run is over, or cannot go on; raise ``CommandError``."""
        try:
            run = step_run(run_id, actor=None)
            with Meter(terminal, " users", run.total) as meter:
                while run.finished_at is None and not run.error:
                    meter.advance(run.done)
                    if run.stepping_until:
                        time.sleep(PATIENCE)
                    run = step_run(run_id, actor=None)
        except (GamificationError, Error) as error:
            raise CommandError(f"run {run_id}: {error}") from error
        return run


def _unfinished() -> list[int]:
    runs = Run.objects.using(write_alias()).filter(finished_at=None)
    return list(runs.order_by("pk").values_list("pk", flat=True))
