from __future__ import annotations

import io

import pytest

from gamification.management.importing.errors import (
    MAX_SHOWN,
    BadRowError,
    ErrorReporter,
    quoted,
)
from gamification.management.progress_bar import ProgressBar
from tests.management.imports import Terminal


def reported(stream: io.StringIO, times: int) -> list[str]:
    """Return the lines that are written for so many bad rows."""
    written = []
    with ProgressBar(stream, "B") as bar:
        reporter = ErrorReporter(bar, written.append)
        for line in range(2, times + 2):
            reporter.report(line, BadRowError())
        reporter.close()
    return written


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_a_bad_row_is_reported_with_its_line_and_reason(stream):
    assert reported(stream, 2) == [
        "line 2: The row cannot be used.",
        "line 3: The row cannot be used.",
    ]


def test_a_file_gets_all_errors():
    assert len(reported(io.StringIO(), MAX_SHOWN + 20)) == MAX_SHOWN + 20


def test_a_terminal_gets_as_many_errors_as_can_be_read():
    written = reported(Terminal(), MAX_SHOWN + 20)

    assert written[-2:] == [
        f"line {MAX_SHOWN + 1}: The row cannot be used.",
        "20 more errors: redirect them with 2> FILE",
    ]


def test_a_text_is_quoted_escaped_and_shortened():
    assert quoted("\x1b[31m" + "x" * 60) == repr("\x1b[31m" + "x" * 55 + "…")
