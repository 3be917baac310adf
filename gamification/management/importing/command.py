"""The base of the commands that import a file."""

from __future__ import annotations

import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from django.core.management import BaseCommand, CommandError, CommandParser
from django.core.management.base import DjangoHelpFormatter
from django.db import Error

from gamification.exceptions import GamificationError
from gamification.management.importing.errors import BadHeaderError
from gamification.management.importing.readers import (
    Columns,
    Row,
    RowReader,
    ignored_columns,
)


class HelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the line breaks of the description."""


class ImportCommand(BaseCommand):
    """A command that reads rows of users from a file."""

    #: More help for ``--user-field``.
    more_on_users: ClassVar[str] = ""

    def create_parser(self, *args: Any, **kwargs: Any) -> CommandParser:
        return super().create_parser(*args, formatter_class=HelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The file to import; - is standard input.")
        parser.add_argument(
            "--user-field",
            action="append",
            default=[],
            metavar="FIELD",
            help="Find users by this field of the user model instead of the one with "
            f"which they sign in.{self.more_on_users}",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Do everything in one transaction and roll it back. The summary is "
            "exact, and users stay locked until the end.",
        )

    def read_header(self, stream: BinaryIO, columns: Columns[Row]) -> RowReader[Row]:
        """Return a reader of the rows; warn of columns that nothing reads."""
        try:
            reader = RowReader(stream, columns)
        except (BadHeaderError, OSError) as error:
            raise CommandError(str(error)) from error
        if reader.ignored:
            self.stderr.write(ignored_columns(reader.ignored, columns.optional))
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


@contextmanager
def explaining(rest: Callable[[], str], *, dry_run: bool) -> Iterator[None]:
    """Turn what interrupts an import into an error that says how to go on.

    ``rest`` returns what to say of an import that is no dry run.
    """
    try:
        yield
    except (GamificationError, Error, OSError, KeyboardInterrupt) as error:
        # Django's database errors repeat the text of their cause.
        words = " ".join(dict.fromkeys([str(error), str(error.__cause__ or "")]))
        reason = f"{' '.join(words.split()).rstrip('.') or 'Interrupted'}."
        said = "The dry run kept nothing." if dry_run else rest()
        raise CommandError(f"{reason} {said}") from error


def size_of(path: str) -> int | None:
    """Return how many bytes the file has, if that is known."""
    return None if path == "-" else Path(path).stat().st_size or None
