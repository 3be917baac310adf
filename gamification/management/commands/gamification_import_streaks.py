"""Imports freezes and pauses of users from CSV or JSON Lines."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, BinaryIO

from django.core.management import CommandError

from gamification.management.importing.command import (
    ImportCommand,
    explaining,
    open_input,
    size_of,
)
from gamification.management.importing.counter import DiskCounter
from gamification.management.importing.errors import ErrorReporter
from gamification.management.importing.streaks import (
    STREAKS,
    StreakImporter,
)
from gamification.management.importing.users import UserLookup
from gamification.management.progress_bar import ProgressBar

HELP = """\
Grant freezes and make pauses from a file of any length.

The file is CSV with a header, or JSON Lines, in UTF-8. Each line is one row:

  user    the name with which the user signs in; see --user-field
  kind    freeze or pause
  streak  key of the streak; empty means daily for freezes, and all for pauses
  amount  of freezes, 1 by default; they cover only dates that end from now on
  start   first date of a pause, such as 2026-03-02, past or future
  end     last date of the pause
  key     makes freezes count once for their user, however often they are imported
  note    the reason, which the user can read

A row of freezes without a key gets one made from its content, and equal rows count
each. Import the same file again, or a longer version of it, and only new rows change
anything. A row that cannot be used is reported and does not stop the others. Import
histories first: see gamification_import.
"""


GO_ON = "Run it again to continue: rows that were imported are not imported again."


class Command(ImportCommand):
    help = HELP

    def handle(self, *args: Any, **options: Any) -> None:
        lookup = UserLookup(options["user_field"])
        with open_input(options["file"]) as stream, DiskCounter() as repeats:
            importer = self._import(stream, lookup, repeats, options)
        for name, value in importer.counts.items():
            self.stdout.write(f"{name}: {value}")
        self.stdout.write(f"errors: {importer.errors}")
        if options["dry_run"]:
            self.stdout.write("This was a dry run: nothing was kept.")
        if importer.errors and not importer.done:
            raise CommandError("Nothing was imported.")

    def _import(
        self,
        stream: BinaryIO,
        lookup: UserLookup,
        repeats: DiskCounter,
        options: Mapping[str, Any],
    ) -> StreakImporter:
        reader = self.read_header(stream, STREAKS)
        terminal = options.get("stderr") or sys.stderr
        with ProgressBar(terminal, "B", size_of(options["file"])) as progress:
            errors = ErrorReporter(progress, self.stderr.write)
            importer = StreakImporter(reader, lookup, repeats, errors.report)
            with explaining(lambda: GO_ON, dry_run=options["dry_run"]):
                importer.run(
                    lambda: progress.move_to(reader.position),
                    dry_run=options["dry_run"],
                )
            errors.close()
        return importer
