from __future__ import annotations

import io
import re
from dataclasses import dataclass, field
from typing import BinaryIO
from unittest import mock

import pytest
from django.core.management import CommandError, call_command

HEADER = "user,activity,occurred_at,quantity,key,source"
NOON = "2024-03-01T12:00:00+00:00"

#: The words of messages about activities, if none has a similar key.
KNOWN = "Known: 'kpi_completed', 'vision_created', 'walk'."


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@dataclass
class CommandResult:
    """The output of a command."""

    stdout: io.StringIO = field(default_factory=io.StringIO)
    stderr: io.StringIO = field(default_factory=io.StringIO)

    @property
    def numbers(self) -> dict[str, float]:
        """The numbers of the summary by name."""
        lines = re.findall(
            r"^([\w ]+): ([\d.]+)$", self.stdout.getvalue(), re.MULTILINE
        )
        return {name: float(number) for name, number in lines}

    @property
    def errors(self) -> list[str]:
        """The lines that went to standard error."""
        return self.stderr.getvalue().splitlines()

    def import_file(self, path: object, *options: str) -> CommandResult:
        call_command(
            "gamification_import",
            str(path),
            *options,
            stdout=self.stdout,
            stderr=self.stderr,
        )
        return self

    def import_stream(self, stream: BinaryIO, *options: str) -> CommandResult:
        with mock.patch("sys.stdin", io.TextIOWrapper(stream)):
            return self.import_file("-", *options)


def import_bytes(data: bytes, *options: str) -> CommandResult:
    """Import ``data`` from standard input."""
    return CommandResult().import_stream(io.BytesIO(data), *options)


def import_lines(*lines: str, options: tuple[str, ...] = ()) -> CommandResult:
    """Import lines, each with a line break."""
    return import_bytes("".join(f"{line}\n" for line in lines).encode(), *options)


def import_rows(*rows: str, options: tuple[str, ...] = ()) -> CommandResult:
    """Import rows of CSV with all columns."""
    return import_lines(HEADER, *rows, options=options)


def errors_of(*rows: str, options: tuple[str, ...] = ()) -> list[str]:
    """Import rows of which none can be recorded, and return their errors."""
    result, data = CommandResult(), "".join(f"{row}\n" for row in (HEADER, *rows))
    with pytest.raises(CommandError, match=r"^Nothing was recorded\.$"):
        result.import_stream(io.BytesIO(data.encode()), *options)
    return result.errors
