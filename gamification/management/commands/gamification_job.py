"""Finishes jobs that staff began in the admin."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.management.progress_bar import ProgressBar
from gamification.models import Job, write_alias
from gamification.staff import run_next_step

#: Seconds to wait while another process runs a step of the job.
PATIENCE: Final = 1.0


class Command(BaseCommand):
    help = (
        "Finish jobs, such as backfills, that staff began in the admin. Pages that "
        "show a job may stay open. The exit code is 1 if a job cannot be finished; the "
        "next call continues it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "job",
            nargs="*",
            type=int,
            help="The number of a job; by default all jobs that are not finished.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        terminal = options.get("stderr") or sys.stderr
        unfinished = 0
        for job_id in options["job"] or _unfinished():
            job = self._finish(job_id, terminal)
            self.stdout.write(f"job {job_id}: users: {job.done}, XP: {job.xp}")
            if job.error:
                unfinished += 1
                self.stderr.write(f"job {job_id}: {job.error}")
        if unfinished:
            raise CommandError(f"Jobs that could not be finished: {unfinished}.")

    def _finish(self, job_id: int, terminal: Any) -> Job:
        """Run steps until the job is finished or fails; raise ``CommandError``."""
        try:
            job = run_next_step(job_id, actor=None)
            with ProgressBar(terminal, " users", job.total) as progress:
                while job.finished_at is None and not job.error:
                    progress.move_to(job.done)
                    if job.stepping_until:
                        time.sleep(PATIENCE)
                    job = run_next_step(job_id, actor=None)
        except (GamificationError, Error) as error:
            raise CommandError(f"job {job_id}: {error}") from error
        return job


def _unfinished() -> list[int]:
    jobs = Job.objects.using(write_alias()).filter(finished_at=None)
    return list(jobs.order_by("pk").values_list("pk", flat=True))
