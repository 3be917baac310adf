"""Exports, compares and applies catalogue files; restores or removes the examples."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.exceptions import GamificationError, InvalidDefinitionsError
from gamification.management.commands.gamification_job import run_to_end
from gamification.management.importing.command import open_input
from gamification.models import Job, JobKind
from gamification.staff import (
    MAX_FILE_SIZE,
    apply_definitions,
    changed_reach,
    compare_definitions,
    example_definitions,
    export_definitions,
    preview_seed_removal,
    remove_seeds,
    restore_catalogue,
)
from gamification.values import Differences, Reach

#: Exit codes, like those of diff(1).
DIFFERENT: Final = 1
TROUBLE: Final = 2

HELP = (
    "Write all activities, streaks, achievements and levels to a JSON file for review, "
    "compare such a file with the catalogue, or apply it. Restore what a fresh "
    "database gets, or remove the examples. Activities, streaks and achievements are "
    "identified by key, and a file never deletes any; levels are replaced together. "
    "The exit code is 2 if a file cannot be used."
)


class Command(BaseCommand):
    help = HELP

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        export = actions.add_parser("export", help="Write the catalogue to a file.")
        export.add_argument(
            "file", nargs="?", default="-", help="- is standard output, the default."
        )
        diff = actions.add_parser(
            "diff",
            help="Show what apply would do. The exit code is 1 if the file and the "
            "catalogue differ, and 0 if they do not.",
        )
        apply = actions.add_parser(
            "apply", help="Add missing items, and change those that differ."
        )
        for each in (diff, apply):
            each.add_argument("file", help="- is standard input.")
        actions.add_parser(
            "restore",
            help="Add those items of a fresh database that are missing, after a flush.",
        )
        init = actions.add_parser(
            "init", help="Write a commented example of a file, to begin your own with."
        )
        init.add_argument("file", help="A new file. - is standard output.")
        remove = actions.add_parser(
            "remove-seeds",
            help="Delete the app's examples, except those that users have earned or "
            "done, and those that somebody has edited.",
        )
        for each in (apply, remove):
            each.add_argument(
                "--dry-run", action="store_true", help="Only show what would change."
            )

    def handle(self, *args: Any, **options: Any) -> None:
        path = options.get("file", "-")
        try:
            self._act(options["action"], path, options)
        except InvalidDefinitionsError as error:
            for place, message in error.errors:
                self.stderr.write(f"{place}: {message}")
            name = "Standard input" if path == "-" else path
            message = f"{name} cannot be used; errors: {len(error.errors)}."
            raise CommandError(message, returncode=TROUBLE) from error
        except (CommandError, GamificationError, Error) as error:
            raise CommandError(str(error), returncode=TROUBLE) from error

    def _act(self, action: str, path: str, options: Mapping[str, Any]) -> None:
        match action:
            case "export":
                self._write_file(path, export_definitions(), mode="w")
            case "init":
                self._write_file(path, example_definitions(), mode="x")
            case "diff":
                self._diff(path)
            case "apply":
                terminal = options.get("stderr") or sys.stderr
                self._apply(path, terminal, dry_run=options["dry_run"])
            case "restore":
                self.stdout.write(f"Items added: {restore_catalogue()}.")
            case _:
                self._remove_seeds(dry_run=options["dry_run"])

    def _write_file(self, path: str, text: str, *, mode: str) -> None:
        try:
            if path != "-":
                with Path(path).open(mode, encoding="utf-8", newline="\n") as stream:
                    stream.write(text)
            # The file is UTF-8, whatever the terminal is.
            elif buffer := getattr(self.stdout, "buffer", None):
                buffer.write(text.encode())
            else:
                self.stdout.write(text, ending="")
        except OSError as error:
            message = f"{path} cannot be written: {error.strerror}."
            raise CommandError(message) from error

    def _diff(self, path: str) -> None:
        differences = compare_definitions(read_input(path))
        self._show(differences)
        if not differences.is_empty:
            sys.exit(DIFFERENT)

    def _apply(self, path: str, terminal: Any, *, dry_run: bool) -> None:
        text = read_input(path)
        if dry_run:
            self._show(compare_definitions(text))
            self.stdout.write("This was a dry run: nothing was kept.")
            return
        differences = apply_definitions(text)
        self._show(differences)
        self._give_levels(terminal)
        self._warn(changed_reach(differences))

    def _give_levels(self, terminal: Any) -> None:
        """Give users their new levels, also those of a call that was interrupted."""
        jobs = Job.objects.filter(kind=JobKind.LEVELS, finished_at=None, paused_at=None)
        for job_id in [*jobs.order_by("pk").values_list("pk", flat=True)]:
            job = run_to_end(job_id, terminal)
            self.stdout.write(f"job {job.pk}: users with a new level: {job.done}")
            if job.error:
                raise CommandError(f"job {job.pk}: {job.error}")

    def _remove_seeds(self, *, dry_run: bool) -> None:
        removal = preview_seed_removal() if dry_run else remove_seeds(actor=None)
        for row in removal.removed:
            self._write(f"- {row._meta.model_name} {row.key}")
        for row, reason in removal.kept:
            self._write(f"= {row._meta.model_name} {row.key} stays: {reason}")
        if dry_run:
            self.stdout.write("This was a dry run: nothing was removed.")

    def _warn(self, reaches: Iterable[Reach]) -> None:
        """Say how many users already meet what changed, and what nobody can reach."""
        for reach in reaches:
            for text in filter(None, (reach.problem, reach.notice)):
                self._write(f"! achievement {reach.achievement.key}: {text}")

    def _show(self, differences: Differences) -> None:
        for line in differences.lines():
            self._write(line)

    def _write(self, line: str) -> None:
        # Characters that the terminal lacks are shown as numbers.
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        self.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding))


def read_input(path: str) -> bytes:
    """Return the bytes of a file, at most one more than a catalogue file may have."""
    with open_input(path) as stream:
        return stream.read(MAX_FILE_SIZE + 1)
