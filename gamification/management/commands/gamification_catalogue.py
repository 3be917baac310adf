"""Exports the catalogue to a file, and compares and applies such a file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import Error

from gamification.exceptions import GamificationError, InvalidDefinitionsError
from gamification.management.commands.gamification_import import open_input
from gamification.staff import (
    MAX_FILE_SIZE,
    Differences,
    apply_definitions,
    compare_definitions,
    export_definitions,
    restore_catalogue,
)

#: Exit codes, as those of diff(1).
DIFFERENT: Final = 1
TROUBLE: Final = 2

HELP = (
    "Write all activities and achievements to a JSON file for review, compare such a "
    "file with the catalogue, apply it, or restore the items of the migrations. Items "
    "are identified by key, and none is ever deleted. The exit code is 2 if a file "
    "cannot be used."
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
            help="Add those items of the migrations that are missing, after a flush.",
        )
        apply.add_argument(
            "--dry-run", action="store_true", help="Only show the differences."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        action, path = options["action"], options.get("file", "")
        try:
            if action == "export":
                self._export(path)
            elif action == "diff":
                self._diff(path)
            elif action == "restore":
                self.stdout.write(f"Items added: {restore_catalogue()}.")
            else:
                self._apply(path, dry_run=options["dry_run"])
        except InvalidDefinitionsError as error:
            for place, message in error.errors:
                self.stderr.write(f"{place}: {message}")
            name = "Standard input" if path == "-" else path
            message = f"{name} cannot be used; errors: {len(error.errors)}."
            raise CommandError(message, returncode=TROUBLE) from error
        except (CommandError, GamificationError, Error) as error:
            raise CommandError(str(error), returncode=TROUBLE) from error

    def _export(self, path: str) -> None:
        text = export_definitions()
        try:
            if path != "-":
                Path(path).write_text(text, encoding="utf-8", newline="\n")
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

    def _apply(self, path: str, *, dry_run: bool) -> None:
        text = read_input(path)
        self._show(compare_definitions(text) if dry_run else apply_definitions(text))
        if dry_run:
            self.stdout.write("This was a dry run: nothing was kept.")

    def _show(self, differences: Differences) -> None:
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        for line in differences.lines():
            # Characters that the terminal lacks are shown as numbers.
            data = line.encode(encoding, "backslashreplace")
            self.stdout.write(data.decode(encoding))


def read_input(path: str) -> bytes:
    """Return the bytes of a file, at most one more than a catalogue file may have."""
    with open_input(path) as stream:
        return stream.read(MAX_FILE_SIZE + 1)
