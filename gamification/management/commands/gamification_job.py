"""Finishes jobs that staff began, or pauses, abandons and takes them back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.management.progress_bar import ProgressBar
from gamification.models import Job, JobState
from gamification.staff import (
    abandon_job,
    begin_undo,
    pause_job,
    resume_job,
    run_next_step,
)

#: Seconds to wait while another process runs a step of the job.
PATIENCE: Final = 1.0

#: The verb for each option.
CONTROLS: Final[Mapping[str, Callable[..., Job]]] = {
    "pause": pause_job,
    "resume": resume_job,
    "abandon": abandon_job,
    "undo": begin_undo,
}


class Command(BaseCommand):
    help = (
        "Finish jobs, such as backfills, that staff began in the admin. Pages that "
        "show a job may stay open. The exit code is 1 if a job cannot be finished; the "
        "next call continues it. Paused jobs are passed over until they are resumed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "job",
            nargs="*",
            type=int,
            help="The number of a job; by default all jobs that are not finished.",
        )
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--pause", action="store_true", help="Pause the jobs instead."
        )
        what.add_argument(
            "--resume", action="store_true", help="Resume paused jobs, and finish them."
        )
        what.add_argument(
            "--abandon",
            action="store_true",
            help="End the jobs for good; what they have done stays.",
        )
        what.add_argument(
            "--undo",
            action="store_true",
            help="Take back all that the jobs did. They must be over.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        what = next((name for name in CONTROLS if options.get(name)), "")
        if what and not options["job"]:
            raise CommandError(f"--{what} needs the number of a job.")
        unfinished = 0
        for job_id in options["job"] or _unfinished():
            goes_on = control(job_id, what) if what else job_id
            if goes_on and not self.finish(goes_on, options):
                unfinished += 1
        if unfinished:
            raise CommandError(f"Jobs that could not be finished: {unfinished}.")

    def finish(self, job_id: int, options: Any) -> bool:
        """Run a job to its end; say whether it got there."""
        job = run_to_end(job_id, options.get("stderr") or sys.stderr)
        self.stdout.write(f"job {job_id}: users: {job.done}, XP: {job.xp}")
        if job.error:
            self.stderr.write(f"job {job_id}: {job.error}")
        return not job.error


def control(job_id: int, what: str) -> int | None:
    """Do ``what`` to a job; return the number of a job that is to be run then.

    Raises ``CommandError``.
    """
    try:
        job = CONTROLS[what](job_id, actor=None)
    except (GamificationError, Error) as error:
        raise CommandError(f"job {job_id}: {error}") from error
    return job.pk if what in {"resume", "undo"} else None


def run_to_end(job_id: int, terminal: Any) -> Job:
    """Run steps until the job is over, is paused, or fails; raise ``CommandError``."""
    try:
        job = run_next_step(job_id, actor=None)
        with ProgressBar(terminal, " users", job.total) as progress:
            while job.state in {JobState.READY, JobState.BUSY}:
                progress.move_to(job.done)
                if job.stepping_until:
                    time.sleep(PATIENCE)
                job = run_next_step(job_id, actor=None)
    except (GamificationError, Error) as error:
        raise CommandError(f"job {job_id}: {error}") from error
    return job


def _unfinished() -> list[int]:
    """Return the numbers of the jobs to finish; raise ``CommandError``."""
    try:
        jobs = Job.objects.filter(finished_at=None, paused_at=None)
        return list(jobs.order_by("pk").values_list("pk", flat=True))
    except Error as error:
        raise CommandError(str(error)) from error
