from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from gamification.management.importing.errors import BadHeaderError
from gamification.management.importing.readers import (
    HISTORY,
    OPTIONAL,
    ImportRow,
    RowReader,
    ignored_columns,
)
from tests.management.imports import HEADER, NOON

ROW = ImportRow("ada", "walk", datetime(2024, 3, 1, 12, tzinfo=UTC))


def rows_of(data: bytes) -> list[tuple[int, object]]:
    """Return the rows by line, and the errors of the others as text."""
    return [
        (line, row if isinstance(row, ImportRow) else str(row))
        for line, row in RowReader(io.BytesIO(data), HISTORY)
    ]


def from_csv(*rows: str) -> list[object]:
    return [row for _, row in rows_of("\n".join([HEADER, *rows, ""]).encode())]


def from_json(*lines: str) -> list[object]:
    return [row for _, row in rows_of("\n".join(["{}", *lines, ""]).encode())[1:]]


def as_json(**values: object) -> str:
    return json.dumps({"user": "ada", "activity": "walk", "occurred_at": NOON} | values)


def test_csv_is_read_by_its_header():
    rows = rows_of(f"occurred_at,user,activity\n{NOON},ada,walk\n".encode())

    assert rows == [(2, ROW)]


def test_json_lines_are_read_without_a_header():
    rows = rows_of(f"\n  {as_json()}\n{as_json()}\n".encode())

    assert rows == [(2, ROW), (3, ROW)]


FULL = ImportRow("ada", "walk", ROW.occurred_at, 3, "k1", "visions.kpi:42")


def test_csv_may_have_quantity_key_and_source():
    assert from_csv(f"ada,walk,{NOON},3,k1,visions.kpi:42") == [FULL]


def test_json_may_have_quantity_key_and_source():
    assert from_json(as_json(quantity=3, key="k1", source="visions.kpi:42")) == [FULL]


def test_an_empty_cell_is_a_value_left_out():
    assert from_csv(f"ada,walk,{NOON},,,") == [ROW]


def test_null_is_a_value_left_out():
    assert from_json(as_json(quantity=None, key=None, source=None)) == [ROW]


def test_a_quoted_cell_may_hold_commas_and_quotes():
    assert from_csv(f'"Ada ""L"", Countess",walk,{NOON},,,') == [
        ImportRow('Ada "L", Countess', "walk", ROW.occurred_at)
    ]


def test_cells_that_a_spreadsheet_would_calculate_are_texts():
    assert from_csv(f"=1+1,@walk,{NOON},,+k,-s") == [
        ImportRow("=1+1", "@walk", ROW.occurred_at, key="+k", source="-s")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2024-03-01T12:00:00Z",
        "2024-03-01 12:00:00+00",
        "2024-03-01T17:30+05:30",
        "20240301T040000-0800",
        "2024-W09-5T12:00:00.000000+00:00",
    ],
)
def test_an_instant_has_any_form_of_iso_8601(text):
    assert from_csv(f"ada,walk,{text},,,") == [ROW]


@pytest.mark.parametrize("text", ["2024-03-01T12:00:00", "2024-03-01"])
def test_an_instant_without_an_offset_is_bad(text):
    assert from_csv(f"ada,walk,{text},,,") == [
        f"occurred_at has no UTC offset: '{text}'."
    ]


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-13-40T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-03-01T12:00:00+99:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "２０２４-03-01T12:00:00Z",
    ],
)
def test_a_text_that_is_no_instant_is_bad(text):
    assert from_csv(f"ada,walk,{text},,,") == [
        f"occurred_at is not an ISO 8601 date and time: '{text}'."
    ]


def test_a_bad_value_is_shown_escaped_and_shortened():
    [reason] = from_csv("ada,walk,\x1b[31m\u202e" + "x" * 200 + ",,,")

    assert reason.startswith(
        r"occurred_at is not an ISO 8601 date and time: '\x1b[31m\u202e"
    )
    assert len(reason) < 150


QUANTITY = "is not a whole number from 1 to 1,000,000."


@pytest.mark.parametrize(
    "cell", ["0", "-1", "1.0", "1e3", " 1 ", "１２", "1_0", "1000001", "9" * 5_000]
)
def test_a_cell_that_is_no_quantity_is_bad(cell):
    [reason] = from_csv(f"ada,walk,{NOON},{cell},,")

    assert reason.startswith("The quantity ")
    assert reason.endswith(QUANTITY)


@pytest.mark.parametrize(
    "value", ["0", "-1", "true", "1.0", '"1"', "1e300", "[]", str(2**63), "9" * 100]
)
def test_a_json_value_that_is_no_quantity_is_bad(value):
    [reason] = from_json(as_json(quantity="Q").replace('"Q"', value))

    assert reason.startswith("The quantity ")
    assert reason.endswith(QUANTITY)


@pytest.mark.parametrize(
    ("row", "name"),
    [
        (f",walk,{NOON},,,", "user"),
        (f"ada,,{NOON},,,", "activity"),
        ("ada,walk,,,,", "occurred_at"),
    ],
)
def test_a_row_without_a_required_value_is_bad(row, name):
    assert from_csv(row) == [f"The {name} is missing."]


@pytest.mark.parametrize("name", ["user", "activity", "occurred_at", "key", "source"])
@pytest.mark.parametrize("value", [1, 1.5, True, [], {}])
def test_a_json_value_that_should_be_a_text_is_bad(name, value):
    reasons = from_json(as_json(**{name: value}))

    assert reasons == [f"The {name} {value!r} is not a text."]


@pytest.mark.parametrize("name", ["user", "activity", "key", "source"])
@pytest.mark.parametrize("text", ["a\0", "\ud800"])
def test_a_text_that_cannot_be_stored_is_bad(name, text):
    assert from_json(as_json(**{name: text})) == [
        f"The {name} holds characters that cannot be stored."
    ]


def test_a_text_of_great_length_is_bad():
    assert from_csv(f"ada,walk,{NOON},,{'k' * 256},") == [
        "The key is longer than 255 characters."
    ]


UNREADABLE = "The line cannot be read as JSON."


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[]", "The line is not a JSON object."),
        ("null", "The line is not a JSON object."),
        ('"x"', "The line is not a JSON object."),
        ("{]", f"{UNREADABLE} Expecting property name"),
        ('{"user": NaN}', f"{UNREADABLE} NaN is not a number in JSON."),
        ('{"user": "a", "user": "b"}', f"{UNREADABLE} The name is used twice at user."),
        ('{"x": {"y": 1, "y": 2}}', f"{UNREADABLE} The name is used twice at x.y."),
        ('{"x": %s}' % ("9" * 5_000), f"{UNREADABLE} 99999999999999999999… has more"),
        ('{"x": ' + "[" * 60_000, f"{UNREADABLE} It is nested too deeply."),
    ],
)
def test_a_line_that_is_no_json_object_is_bad(line, reason):
    [found, following] = from_json(line, as_json())

    assert found.startswith(reason)
    assert following == ROW


def test_a_json_error_says_where():
    assert from_json('{"user" "ada"}') == [
        f"{UNREADABLE} Expecting ':' delimiter at column 9."
    ]


@pytest.mark.parametrize("line", ["ada,walk", "ada,walk,,,,,,", "ada"])
def test_a_line_with_other_cells_than_the_header_is_bad(line):
    [reason] = from_csv(line)

    assert reason == (
        f"Expected 6 cells, as in the header, but found {line.count(',') + 1}."
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f'"ada,walk,{NOON},,,', "The line is not CSV: unexpected end of data."),
        (f'"ada"x,walk,{NOON},,,', "The line is not CSV: ',' expected after '\"'."),
        (f"ada\rwalk,{NOON},,,", "The line is not CSV: new-line character seen in "),
    ],
)
def test_a_quote_that_is_never_closed_spoils_its_own_line_alone(line, reason):
    [found, following] = from_csv(line, f"ada,walk,{NOON},,,")

    assert found.startswith(reason)
    assert following == ROW


def test_a_line_that_is_not_utf_8_is_bad():
    good = f"{HEADER}\nada,walk,{NOON},,,\n".encode()

    assert rows_of(good + b"na\xefve,walk,,,,\n") == [
        (2, ROW),
        (3, "The line is not UTF-8."),
    ]


@pytest.mark.parametrize("long_cell", ["x" * 10_000_000, " " * 100_000 + "x"])
def test_a_row_of_great_length_is_bad(long_cell):
    [found, following] = from_csv(long_cell, f"ada,walk,{NOON},,,")

    assert found == "The line is longer than 65,536 bytes."
    assert following == ROW


def test_a_first_line_of_json_may_be_too_long():
    data = as_json(x="x" * 100_000) + "\n" + as_json() + "\n"

    assert rows_of(data.encode()) == [
        (1, "The line is longer than 65,536 bytes."),
        (2, ROW),
    ]


@pytest.mark.parametrize("header", [HEADER, as_json()])
def test_a_byte_order_mark_and_windows_line_breaks_are_fine(header):
    body = as_json() if header != HEADER else f"ada,walk,{NOON},,,"

    rows = rows_of(f"\ufeff{header}\r\n\r\n{body}\r\n".encode())

    assert rows[-1] == (3, ROW)


@pytest.mark.parametrize("data", [b"", b"\n \r\n\t\n", b"\xef\xbb\xbf"])
def test_a_file_with_nothing_in_it_has_no_rows(data):
    assert rows_of(data) == []


def test_columns_of_other_names_are_ignored_and_named():
    reader = RowReader(
        io.BytesIO(f"user,,mail,activity,occurred_at,\nada,,,walk,{NOON},\n".encode()),
        HISTORY,
    )

    assert reader.ignored == ["", "mail"]
    assert list(reader) == [(2, ROW)]


def test_an_ignored_column_that_is_misspelt_is_answered_with_a_similar_one():
    assert ignored_columns(["mail", "quantitiy"], OPTIONAL) == (
        "Ignored columns: 'mail'. 'quantitiy'. Did you mean 'quantity'?"
    )


def test_fields_of_other_names_are_ignored():
    assert from_json(as_json(mail="a@example.org", tags=["x", {"y": None}])) == [ROW]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"user,activity", "The header has no column 'occurred_at': 'user,activity'."),
        (b"a,walk,2024", "The header has no column 'user': 'a,walk,2024'."),
        (b"[" * 300, "The header has no column 'user': '%s…'." % ("[" * 200)),
        (b"user,activity,occurred_at,user", "The header has the column 'user' twice."),
        (
            b"user,activity,occurred_at,key,key",
            "The header has the column 'key' twice.",
        ),
        (b"us\xffer", "The header cannot be read: The line is not UTF-8."),
        (
            '{"user": "ada"}'.encode("utf-16"),
            "The header cannot be read: The line is not UTF-8.",
        ),
        (
            b'user,"activity',
            "The header cannot be read: The line is not CSV: unexpected end of data.",
        ),
        (
            b"u" * 70_000,
            "The header cannot be read: The line is longer than 65,536 bytes.",
        ),
    ],
)
def test_a_header_that_cannot_be_used_is_an_error(header, reason):
    with pytest.raises(BadHeaderError) as raised:
        RowReader(io.BytesIO(header + b"\n"), HISTORY)

    assert str(raised.value) == reason


CUT = "The last line has no line break, so it may have been cut off."


@pytest.mark.parametrize(
    ("header", "row", "found"),
    [
        ("user,activity,occurred_at", f"ada,walk,{NOON}", ROW),
        ("user,activity,occurred_at", "ada,walk,2024-03-01T12:00:00Z", ROW),
        ("user,activity,occurred_at", "ada,walk,2024-03-01T17:30:00+05", CUT),
        ("user,activity,occurred_at", "ada,walk,2024-03-01T17:30", CUT),
        ("user,activity,occurred_at,key", f"ada,walk,{NOON},k", CUT),
        ("user,activity,occurred_at,quantity", f"ada,walk,{NOON},1", CUT),
        ("activity,occurred_at,user", f"walk,{NOON},ad", CUT),
        ("user,activity,occurred_at,mail", f"ada,walk,{NOON},a@exam", ROW),
    ],
)
def test_a_last_row_without_a_line_break_must_be_whole(header, row, found):
    assert rows_of(f"{header}\n{row}".encode()) == [(2, found)]


@pytest.mark.parametrize("length", range(1, len(as_json())))
def test_a_json_line_that_is_cut_is_bad(length):
    rows = rows_of(f"{as_json()}\n{as_json()[:length]}".encode())

    assert [isinstance(row, ImportRow) for _, row in rows] == [True, False]


def test_json_needs_no_line_break_at_the_end():
    assert rows_of(as_json().encode()) == [(1, ROW)]
