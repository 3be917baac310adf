from __future__ import annotations

import io

import pytest

from gamification.management.importing.errors import BadRowError
from gamification.management.importing.stream import MAX_LINE, LineReader, TextLine


def lines_of(data: bytes) -> list[TextLine]:
    return list(LineReader(io.BytesIO(data)))


def test_lines_are_numbered_from_1():
    lines = lines_of(b"a\n\nb\n")

    assert [(line.number, line.data) for line in lines] == [
        (1, b"a\n"),
        (2, b"\n"),
        (3, b"b\n"),
    ]


def test_the_reader_knows_how_much_it_read():
    reader = LineReader(io.BytesIO(b"abc\ndef\n"))

    next(iter(reader))

    assert reader.position == 4


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_the_text_of_a_line_is_without_its_end(end):
    [line] = lines_of(b"na\xc3\xafve" + end)

    assert line.text == "naïve"


@pytest.mark.parametrize(("data", "is_ended"), [(b"a\r\n", True), (b"a", False)])
def test_a_line_knows_whether_it_is_ended(data, is_ended):
    [line] = lines_of(data)

    assert line.is_ended is is_ended


def test_a_byte_order_mark_is_no_part_of_the_first_line():
    [line] = lines_of(b"\xef\xbb\xbfuser\n")

    assert line.text == "user"


def test_a_line_that_is_not_utf_8_has_no_text():
    [line] = lines_of(b"na\xefve\n")

    with pytest.raises(BadRowError, match=r"^The line is not UTF-8\.$"):
        _ = line.text


@pytest.mark.parametrize("size", [MAX_LINE + 1, 3 * MAX_LINE, 10_000_000])
def test_a_line_that_is_too_long_ends_where_it_ends(size):
    [first, second] = lines_of(b"x" * size + b"\nnext\n")

    assert (len(first.data), first.is_too_long) == (MAX_LINE, True)
    assert (second.number, second.text) == (2, "next")


def test_a_line_that_is_too_long_has_no_text():
    [line] = lines_of(b"x" * (MAX_LINE + 1))

    with pytest.raises(BadRowError, match=r"^The line is longer than 65,536 bytes\.$"):
        _ = line.text


@pytest.mark.parametrize("data", [b"x" * MAX_LINE, b"x" * (MAX_LINE - 1) + b"\n"])
def test_a_line_may_be_as_long_as_the_limit(data):
    [line] = lines_of(data)

    assert line.is_too_long is False
