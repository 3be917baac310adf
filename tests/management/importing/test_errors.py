from __future__ import annotations

import io

import pytest

from gamification.management.importing.errors import MOST, Complaints
from gamification.management.importing.stream import BadRowError
from gamification.management.progress_bar import Meter
from tests.management.imports import Terminal


def complain(stream: io.StringIO, times: int) -> list[str]:
    """Return what is written about so many bad rows."""
    written = []
    with Meter(stream, "B") as meter:
        complaints = Complaints(meter, written.append)
        for line in range(2, times + 2):
            complaints(line, BadRowError())
        complaints.close()
    return written


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()])
def test_a_bad_row_is_told_with_its_line_and_reason(stream):
    assert complain(stream, 2) == [
        "line 2: The row cannot be used.",
        "line 3: The row cannot be used.",
    ]


def test_a_file_is_told_of_all_bad_rows():
    assert len(complain(io.StringIO(), MOST + 20)) == MOST + 20


def test_a_terminal_is_told_of_so_many_bad_rows_as_can_be_read():
    written = complain(Terminal(), MOST + 20)

    assert written[-2:] == [
        f"line {MOST + 1}: The row cannot be used.",
        "and 20 more: 2> FILE writes all to a file",
    ]
