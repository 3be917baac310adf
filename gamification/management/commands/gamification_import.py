"""Imports histories of any length from CSV or JSON Lines."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, BinaryIO

from django.core.management import BaseCommand, CommandError, CommandParser
from django.core.management.base import DjangoHelpFormatter
from django.db import Error

from gamification.conf import conf
from gamification.exceptions import GamificationError
from gamification.management.importing.distinct import DistinctCounter
from gamification.management.importing.errors import Complaints
from gamification.management.importing.importer import ImportRun
from gamification.management.importing.lookup import ActivityMaker, Resolver, UserFinder
from gamification.management.importing.readers import BadHeaderError, RowReader, shown
from gamification.management.options import check_batch_size, parse_renames
from gamification.management.progress_bar import Meter

HELP = """\
Record what users did, from a file of any length.

The file is CSV with a header, or JSON Lines, in UTF-8. Each line is one row:

  user         what the user signs in with
  activity     key of the activity
  occurred_at  ISO 8601 with a UTC offset
  quantity     whole number of units; 1 if it is not given
  key          makes the row count once for its user, however often it is imported
  source       what it came from, such as visions.kpi:42

The first three are required; columns of other names are ignored. A row without a key
gets one made of its content: rows that are equal are one record, so give them keys if
each of them counts. Importing a file again, or after it was stopped in the middle,
changes nothing that was recorded before. A row that cannot be used is reported, and the
others go on. Where a CSV file does not end with a line break, its last row is used only
if nothing can be cut off it.

A git repository is a history, too:

  git log --format='{"user":"%ae","activity":"commit","occurred_at":"%aI","key":"%H"}' |
    python manage.py gamification_import - --create-users --create-activities
"""

#: Names and helps of the switches.
SWITCHES = {
    "--create-users": "Make users that are missing, without a usable password. They "
    "are made in bulk where Django can, which sends no signals.",
    "--create-activities": "Make activities that are missing, worth 10 XP each.",
    "--celebrate": "Make celebrations and send signals; an import is silent otherwise.",
    "--strict": "Stop at the first row that cannot be used. What was recorded before, "
    "or in one batch with it, stays.",
    "--dry-run": "Do it all in one transaction and take it back: the summary is exact, "
    "and until then the users stay locked.",
}


class HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the lines of the description."""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, formatter_class=HelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The file to import; - is standard input.")
        parser.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FROM=TO",
            help="Record the file's activity FROM as TO; can be repeated.",
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=conf.BATCH_SIZE,
            metavar="N",
            help="Records per transaction, within what suits the database.",
        )
        for name, text in SWITCHES.items():
            parser.add_argument(name, action="store_true", help=text)

    def handle(self, *args: Any, **options: Any) -> None:
        started = perf_counter()
        check_batch_size(options["batch_size"])
        resolver = Resolver(
            UserFinder(create=options["create_users"]),
            ActivityMaker() if options["create_activities"] else None,
            parse_renames(options["map"]),
        )
        with open_input(options["file"]) as stream, DistinctCounter() as users:
            run = self._import(stream, resolver, users, options)
            summary = summarize(run, resolver, users, perf_counter() - started)
        for name, value in summary.items():
            self.stdout.write(f"{name}: {value}")
        if options["dry_run"]:
            self.stdout.write("This was a dry run: nothing of it is kept.")
        if run.fatal:
            raise CommandError("line {}: {}".format(*run.fatal))

    def _import(
        self,
        stream: BinaryIO,
        resolver: Resolver,
        users: DistinctCounter,
        options: Mapping[str, Any],
    ) -> ImportRun:
        reader = self._read_header(stream)
        terminal = options.get("stderr") or sys.stderr
        with Meter(terminal, "B", size_of(options["file"])) as meter:
            complaints, strict = Complaints(meter, self.stderr.write), options["strict"]
            run = ImportRun(reader, resolver, users, complaints, strict=strict)
            with explaining(run, dry_run=options["dry_run"]):
                run.perform(
                    lambda: meter.advance(reader.position),
                    batch_size=options["batch_size"],
                    celebrate=options["celebrate"],
                    dry_run=options["dry_run"],
                )
            complaints.close()
        return run

    def _read_header(self, stream: BinaryIO) -> RowReader:
        try:
            reader = RowReader(stream)
        except (BadHeaderError, OSError) as error:
            raise CommandError(str(error)) from error
        if reader.ignored:
            names = ", ".join(map(shown, reader.ignored))
            self.stderr.write(f"The header has columns that are ignored: {names}.")
        return reader


@contextmanager
def open_input(path: str) -> Iterator[BinaryIO]:
    """Yield the bytes of the file, or of standard input."""
    if path == "-":
        if sys.stdin is None:
            raise CommandError("There is no standard input.")
        yield sys.stdin.buffer
        return
    try:
        with Path(path).open("rb") as stream:
            yield stream
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error


def size_of(path: str) -> int | None:
    """Return how many bytes will come, if that can be known."""
    return None if path == "-" else Path(path).stat().st_size or None


@contextmanager
def explaining(run: ImportRun, *, dry_run: bool) -> Iterator[None]:
    """Turn what stops an import into an error that says how far it came."""
    try:
        yield
    except (GamificationError, Error, OSError, KeyboardInterrupt) as error:
        # Django's errors of the database repeat the words of their cause.
        words = " ".join(dict.fromkeys([str(error), str(error.__cause__ or "")]))
        reason = f"{' '.join(words.split()).rstrip('.') or 'Interrupted'}."
        if dry_run:
            raise CommandError(f"{reason} Nothing of the dry run is kept.") from error
        raise CommandError(
            f"{reason} It is done up to line {run.settled_line}, with "
            f"{run.report.recorded} new records. Job the same import again to go on: "
            "what is recorded stays, and is not recorded twice."
        ) from error


def summarize(
    run: ImportRun, resolver: Resolver, users: DistinctCounter, seconds: float
) -> dict[str, object]:
    """Return the numbers of an import by name."""
    activities = resolver.activities
    return {
        "rows": run.rows,
        "records": run.report.recorded,
        "replays": run.report.replayed,
        "errors": run.errors,
        "users": users.count,
        "users created": resolver.users.created,
        "activities created": activities.created if activities else 0,
        "XP": run.report.xp,
        "unlocks": run.report.unlocks,
        "seconds": f"{seconds:.2f}",
        "rows per second": round(run.rows / seconds),
    }
