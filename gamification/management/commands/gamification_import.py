"""Imports histories of any length from CSV or JSON Lines."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import Any, BinaryIO, Final

from django.core.management import CommandError, CommandParser

from gamification.conf import conf
from gamification.management.importing.command import (
    ImportCommand,
    explaining,
    open_input,
    size_of,
)
from gamification.management.importing.counter import DiskCounter
from gamification.management.importing.errors import ErrorReporter
from gamification.management.importing.importer import Importer
from gamification.management.importing.readers import HISTORY
from gamification.management.importing.records import ActivityCreator, RecordBuilder
from gamification.management.importing.users import UserLookup
from gamification.management.options import check_batch_size, parse_renames
from gamification.management.progress_bar import ProgressBar

HELP = """\
Record a history of activities from a file of any length.

The file is CSV with a header, or JSON Lines, in UTF-8. Each line is one row:

  user         the name with which the user signs in; see --user-field
  activity     key of the activity
  occurred_at  ISO 8601 with a UTC offset
  quantity     whole number of units, 1 by default
  key          makes the row count once for its user, however often it is imported
  source       the object that the row is about, such as visions.kpi:42
  attributes   what else the row says, as JSON: {"genre": "fantasy", "pages": 412}

The first three are required; other columns are ignored. In CSV, an attribute can have a
column of its own, such as attribute:genre. A row without a key gets one
made from its content, and each of several equal rows counts. Import the same file
again, or a longer version of it, and only new rows are recorded, even after an
interrupted import. A row that cannot be used is reported and does not stop the others.
If a CSV file does not end with a line break, its last row is used only if it is certain
to be complete.

A git repository is a history, too:

  git log --format='{"user":"%ae","activity":"commit","occurred_at":"%aI","key":"%H"}' |
    python manage.py gamification_import - --create-users --create-activities
"""

#: Records per transaction by default: with many new users, more need much memory.
BATCH_SIZE: Final = 5_000

#: Names and help texts of the switches.
SWITCHES = {
    "--create-users": "Create missing users, without a usable password. Where "
    "possible they are created in bulk, which sends no signals.",
    "--create-activities": "Create missing activities, worth 10 XP each.",
    "--celebrate": "Create celebrations and send signals; by default an import does "
    "neither.",
    "--strict": "Stop at the first row that cannot be used. Records before it, or in "
    "the same batch, remain.",
}

#: Hints at the end, by the code of an error, with the option that they are about.
HINTS = {
    "unknown_user": ("create_users", "--create-users creates missing users."),
    "unknown_activity": (
        "create_activities",
        "--create-activities creates missing activities.",
    ),
}


class Command(ImportCommand):
    help = HELP
    more_on_users = (
        " --create-users fills both. Can be repeated: users are found by the first, "
        "and all are filled."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FROM=TO",
            help="Record the activity FROM of the file as TO; can be repeated.",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=min(conf.BATCH_SIZE, BATCH_SIZE),
            metavar="N",
            help="Records per transaction; larger batches need more memory. The "
            "database may need smaller ones.",
        )
        for name, text in SWITCHES.items():
            parser.add_argument(name, action="store_true", help=text)

    def handle(self, *args: Any, **options: Any) -> None:
        started = perf_counter()
        check_batch_size(options["batch_size"])
        lookup = UserLookup(options["user_field"], create=options["create_users"])
        activities = ActivityCreator() if options["create_activities"] else None
        renames = parse_renames(options["map"])
        with (
            open_input(options["file"]) as stream,
            DiskCounter() as users,
            DiskCounter() as repeats,
        ):
            builder = RecordBuilder(lookup, repeats, activities, renames)
            importer = self._import(stream, builder, users, options)
            summary = summarize(importer, builder, users, perf_counter() - started)
        for name, value in summary.items():
            self.stdout.write(f"{name}: {value}")
        if options["dry_run"]:
            self.stdout.write("This was a dry run: nothing was kept.")
        self._give_hints(importer, lookup, options)
        check_result(importer)

    def _import(
        self,
        stream: BinaryIO,
        builder: RecordBuilder,
        users: DiskCounter,
        options: Mapping[str, Any],
    ) -> Importer:
        reader = self.read_header(stream, HISTORY)
        terminal = options.get("stderr") or sys.stderr
        with ProgressBar(terminal, "B", size_of(options["file"])) as progress:
            errors = ErrorReporter(progress, self.stderr.write)
            importer = Importer(
                reader, builder, users, errors.report, strict=options["strict"]
            )
            rest = partial(what_is_done, importer)
            with explaining(rest, dry_run=options["dry_run"]):
                importer.run(
                    lambda: progress.move_to(reader.position),
                    batch_size=options["batch_size"],
                    celebrate=options["celebrate"],
                    dry_run=options["dry_run"],
                )
            errors.close()
        return importer

    def _give_hints(
        self, importer: Importer, lookup: UserLookup, options: Mapping[str, Any]
    ) -> None:
        """Write, once, which option would have helped."""
        for code, (option, hint) in HINTS.items():
            if code in importer.codes and not options[option]:
                self.stderr.write(hint)
        for field, value in lookup.taken.items():
            self.stderr.write(
                f"Users could not be created because {field} {value!r} is already "
                f"taken: --user-field {field} fills it from the file."
            )


def check_result(importer: Importer) -> None:
    """Raise ``CommandError`` if the import was stopped, or recorded nothing."""
    if importer.first_error:
        raise CommandError("line {}: {}".format(*importer.first_error))
    if importer.rows and not importer.done:
        raise CommandError("Nothing was recorded.")


def what_is_done(importer: Importer) -> str:
    """Say how far an import came that was interrupted, and how it goes on."""
    return (
        f"The import is done up to line {importer.committed_line}, with "
        f"{importer.report.recorded} new records. Run it again to continue: rows "
        "that were recorded are not recorded again."
    )


def summarize(
    importer: Importer, builder: RecordBuilder, users: DiskCounter, seconds: float
) -> dict[str, object]:
    """Return the numbers of an import by name."""
    activities = builder.activities
    return {
        "rows": importer.rows,
        "records": importer.report.recorded,
        "replays": importer.report.replayed,
        "errors": importer.errors,
        "users": users.distinct,
        "users created": builder.users.created,
        "activities created": activities.created if activities else 0,
        "XP": importer.report.xp,
        "unlocks": importer.report.unlocks,
        "seconds": f"{seconds:.2f}",
        "rows per second": round(importer.rows / seconds),
    }
