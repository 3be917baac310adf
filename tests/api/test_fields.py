from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from rest_framework.exceptions import ValidationError

from gamification.api.fields import (
    BodySerializer,
    KeyField,
    NonBlankTextField,
    QueryBooleanField,
    QueryIntegerField,
    StrictBooleanField,
    StrictChoiceField,
    StrictDateField,
    StrictDateTimeField,
    StrictIntegerField,
    TextField,
)
from tests.api.assertions import errors_in
from tests.api.sample_api import THINGS

BOUNDS = {"min_value": -(2**63), "max_value": 2**63 - 1}


def code_of(field, value) -> str:
    """Return why ``field`` refuses ``value``."""
    with pytest.raises(ValidationError) as caught:
        field.run_validation(value)
    [code] = caught.value.get_codes()
    return code


@pytest.mark.parametrize("value", [0, -7, 2**31, 2**63 - 1, -(2**63)])
def test_a_whole_number(value):
    assert StrictIntegerField(**BOUNDS).run_validation(value) == value


@pytest.mark.parametrize(
    "value", [True, 1.0, 1e3, "1", " 1 ", "１２", "", [1], {}, [[]], b"1"]
)
def test_other_values_are_not_integers(value):
    assert code_of(StrictIntegerField(**BOUNDS), value) == "invalid"


@pytest.mark.parametrize(
    ("value", "code"), [(2**63, "max_value"), (-(2**63) - 1, "min_value")]
)
def test_a_whole_number_has_bounds(value, code):
    assert code_of(StrictIntegerField(**BOUNDS), value) == code


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0), ("-7", -7), ("9223372036854775807", 2**63 - 1)]
)
def test_a_whole_number_in_an_address(text, value):
    assert QueryIntegerField(**BOUNDS).run_validation(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " 1",
        "1 ",
        "+1",
        "01",
        "-0",
        "1.0",
        "1e3",
        "1_0",
        "１２",
        "0x1",
        "1\n",
        "9" * 24,
    ],
)
def test_other_texts_are_not_integers_in_a_query(text):
    assert code_of(QueryIntegerField(**BOUNDS), text) == "invalid"


@pytest.mark.parametrize("value", [True, False])
def test_a_flag(value):
    assert StrictBooleanField().run_validation(value) is value


@pytest.mark.parametrize("value", [1, 0, "true", "", "on", [True], {}])
def test_other_values_are_not_booleans(value):
    assert code_of(StrictBooleanField(), value) == "invalid"


def test_a_flag_in_an_address():
    assert QueryBooleanField().run_validation("true") is True
    assert QueryBooleanField().run_validation("false") is False


@pytest.mark.parametrize("text", ["True", "1", "", "yes", "true\n"])
def test_other_texts_are_not_booleans_in_a_query(text):
    assert code_of(QueryBooleanField(), text) == "invalid_choice"


@pytest.mark.parametrize("text", [" kept ", "<b>", "é", "\U0001f600", "\u202e", "\n"])
def test_a_text_is_kept_as_it_is(text):
    assert TextField(max_length=10).run_validation(text) == text


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1, "invalid"),
        (True, "invalid"),
        (["a"], "invalid"),
        ({"a": 1}, "invalid"),
        (None, "null"),
        ("", "blank"),
        ("a\0b", "unstorable"),
        ("\ud800", "unstorable"),
        ("a" * 11, "max_length"),
    ],
)
def test_other_values_are_not_texts(value, code):
    assert code_of(TextField(max_length=10), value) == code


@pytest.mark.parametrize("value", [" ", "\n\t", "\u2003"])
def test_words_are_more_than_white_space(value):
    assert code_of(NonBlankTextField(max_length=10), value) == "blank"


def test_words_are_kept_as_they_are():
    assert (
        NonBlankTextField(max_length=20).run_validation(" well done ") == " well done "
    )


@pytest.mark.parametrize("character", [*map(chr, range(0x80)), "\x85"], ids=ascii)
def test_the_schema_of_a_text_accepts_what_the_field_accepts(character):
    # Of white space, this dialect knows that of all dialects.
    pattern = re.compile(NonBlankTextField.json_schema["pattern"], re.ASCII)
    is_something = bool(character.strip() and character != "\0")

    assert bool(pattern.fullmatch(character)) == is_something


@pytest.mark.parametrize("value", ["a b", "a/b", "é", "a\n", "a" * 101, "%00"])
def test_a_slug_is_a_key_of_the_catalogue(value):
    assert KeyField().run_validation("kpi_10-a") == "kpi_10-a"
    assert code_of(KeyField(), value) in {"invalid", "max_length"}


def test_a_choice_is_made_by_its_text():
    assert StrictChoiceField(choices=["1", "a"]).run_validation("1") == "1"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1, "This value is not one of 1, quiet."),
        (True, "This value is not one of 1, quiet."),
        (["quiet"], "This value is not one of 1, quiet."),
        ("", "'' is not one of 1, quiet."),
        ("2", "'2' is not one of 1, quiet."),
        ("Quiet", "'Quiet' is not one of 1, quiet. Did you mean 'quiet'?"),
        ("quiet ", "'quiet ' is not one of 1, quiet. Did you mean 'quiet'?"),
        ("x" * 9_999, f"'{'x' * 58}… is not one of 1, quiet."),
    ],
)
def test_an_invalid_choice_is_told_with_the_valid_ones(value, message):
    field = StrictChoiceField(choices=["1", "quiet"])
    with pytest.raises(ValidationError) as caught:
        field.run_validation(value)

    assert caught.value.get_full_details() == [
        {"message": message, "code": "invalid_choice"}
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-02T12:00:00Z", datetime(2026, 3, 2, 12, tzinfo=UTC)),
        ("2026-03-02T12:00:00.5Z", datetime(2026, 3, 2, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-03-02T12:00:00.1234567Z", datetime(2026, 3, 2, 12, 0, 0, 123_456, UTC)),
        (
            "2026-03-02T12:00:00+05:30",
            datetime(2026, 3, 2, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))),
        ),
    ],
)
def test_an_instant(text, value):
    assert StrictDateTimeField().run_validation(text) == value


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-02T12:00:00",
        "2026-03-02 12:00:00Z",
        "2026-03-02",
        "2026-13-40T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-03-02T24:00:01Z",
        "2026-03-02T12:00:60Z",
        "2026-03-02T12:00:00+99:99",
        "2026-W10-1T12:00:00Z",
        "٢٠٢٦-03-02T12:00:00Z",
        "",
        1_772_452_800,
        None,
        ["2026-03-02T12:00:00Z"],
    ],
)
def test_other_values_are_not_dates_with_times(value):
    assert code_of(StrictDateTimeField(), value) in {"invalid", "null"}


def test_a_day():
    assert StrictDateField().run_validation("9999-12-31") == date(9999, 12, 31)


@pytest.mark.parametrize(
    "value",
    ["2026-13-40", "2026-02-29", "0000-01-01", "20260302", "2026-3-2", "", 2026, [1]],
)
def test_other_values_are_not_dates(value):
    assert code_of(StrictDateField(), value) == "invalid"


class Answer(BodySerializer):
    """A body with a field that a name of errors has, too."""

    code = TextField(max_length=5)


def test_names_that_nobody_knows_are_errors():
    with pytest.raises(ValidationError) as caught:
        Answer().run_validation({"code": "a", "is_staff": True, "message": "a"})

    assert caught.value.get_codes() == {"is_staff": ["unknown"], "message": ["unknown"]}


def test_an_error_of_a_field_called_code_is_no_error_by_itself():
    with pytest.raises(ValidationError) as caught:
        Answer().run_validation({"code": "too long"})

    assert caught.value.get_codes() == {"code": ["max_length"]}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        ({}, {"/name": "required"}),
        ({"name": "\0"}, {"/name": "unstorable"}),
        ({"name": "\ud800"}, {"/name": "unstorable"}),
        ({"name": "a", "amount": 1.5}, {"/amount": "invalid"}),
        ({"name": "a", "tags": "a"}, {"/tags": "not_a_list"}),
        ({"name": "a", "tags": ["a", 1]}, {"/tags/1": "invalid"}),
        ({"name": "a", "tags": ["a"] * 100_000}, {"/tags": "max_length"}),
        (
            {"name": "a", "id": 1, "total_xp": 9},
            {"/id": "unknown", "/total_xp": "unknown"},
        ),
        ({"name": "a", "\0": 1}, {"/\0": "unknown"}),
        ({"name": "a", "\ud800": 1}, {"/?": "unknown"}),
        ({"name": "a", "a/b~c": 1}, {"/a~1b~0c": "unknown"}),
        ({"name": "a", "n" * 999: 1}, {"/" + "n" * 100: "unknown"}),
    ],
)
def test_a_body_that_is_refused_says_where_and_why(api, sample, sent, errors):
    body = json.dumps(sent)

    response = api.generic("POST", THINGS, body, content_type="application/json")

    assert errors_in(response) == errors
    assert sample.calls == []
