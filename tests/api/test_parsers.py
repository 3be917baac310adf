from __future__ import annotations

import json

import pytest
from rest_framework.exceptions import ParseError, ValidationError

from gamification.api.parsers import MAX_BODY, read_parameters
from tests.api.assertions import assert_problem, errors_in
from tests.api.sample_api import THINGS

pytestmark = pytest.mark.django_db

JSON = "application/json"


def send(api, body: bytes | str, content_type: str = JSON):
    raw = body.encode() if isinstance(body, str) else body
    return api.generic("POST", THINGS, raw, content_type=content_type)


def test_a_good_body_reaches_the_operation(api, sample):
    response = send(api, '{"name": "\\u00e9 \U0001f600"}')

    assert response.status_code == 201
    assert sample.calls == [{"body": {"name": "é 😀"}}]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('{"name": "a"', id="cut off"),
        pytest.param('{"name": "a"} {}', id="two values"),
        pytest.param('{"name": "a", "name": "b"}', id="a name twice"),
        pytest.param('{"name": {"a": 1, "a": 1}}', id="a name twice further down"),
        pytest.param('{"amount": NaN}', id="NaN"),
        pytest.param('{"amount": -Infinity}', id="Infinity"),
        pytest.param('{"amount": 1e400}', id="1e400"),
        pytest.param('{"amount": %s}' % ("9" * 5_000), id="5,000 digits"),
        pytest.param('{"name": "\0"}', id="a bare NUL"),
        pytest.param("\ufeff" + '{"name": "a"}', id="BOM"),
        pytest.param('{"name": "a"}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"name": "\xff"}', id="Latin-1"),
        pytest.param(b'{"name": "\xed\xa0\x80"}', id="a surrogate in UTF-8"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="100,000 deep"),
        pytest.param("[" * 100_000, id="100,000 deep, cut off"),
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, id="objects"),
        pytest.param(" ", id="white space"),
    ],
)
def test_invalid_JSON_is_refused(api, sample, body):
    assert_problem(send(api, body), 400, "parse_error")

    assert sample.calls == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"name" "a"}', "Expecting ':' delimiter: line 1, column 9"),
        ('{"amount": NaN}', "NaN is not a number in JSON"),
        ('{"name": "a", "name": "b"}', "The name is used twice: name"),
        (
            '{"a": 1, "a": 1, "b": 1, "b": 1, "c": 1, "c": 1, "d": 1, "d": 1}',
            "The name is used twice: a, b, c",
        ),
    ],
)
def test_invalid_JSON_is_refused_with_the_reason(api, sample, body, reason):
    problem = assert_problem(send(api, body), 400, "parse_error")

    assert problem["detail"] == f"The body is not valid JSON. {reason}."


@pytest.mark.parametrize("depth", [900, 3_000])
def test_no_field_accepts_nested_values(api, sample, depth):
    response = send(api, '{"name": ' + "[" * depth + "]" * depth + "}")

    # Some versions of Python read this deep, others do not.
    assert response.json()["code"] in {"invalid", "parse_error"}
    assert (response.status_code, sample.calls) == (400, [])


@pytest.mark.parametrize("depth", [900, 3_000])
@pytest.mark.parametrize("name", ["amount", "is_on", "at", "on", "kind", "tags"])
def test_no_other_kind_of_field_fails_on_nested_values(api, sample, name, depth):
    nested = '{"a":' * depth + "1" + "}" * depth
    response = send(api, f'{{"name": "a", "{name}": {nested}}}')

    assert response.json()["code"] in {"invalid", "parse_error"}
    assert (response.status_code, sample.calls) == (400, [])


@pytest.mark.parametrize(
    ("body", "code"),
    [("[]", "invalid"), ("null", "null"), ('"x"', "invalid"), ("7", "invalid")],
)
def test_a_body_is_an_object(api, sample, body, code):
    assert errors_in(send(api, body)) == {"": code}
    assert sample.calls == []


@pytest.mark.parametrize("content_type", [JSON, "", "multipart/form-data; boundary=x"])
def test_there_is_a_body(api, sample, content_type):
    assert_problem(send(api, "", content_type), 400, "parse_error")

    assert sample.calls == []


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json; charset=bogus",
        "application/json; charset=utf-16",
        "application/json; charset=base64",
    ],
)
def test_no_other_type_is_taken(api, sample, content_type):
    response = send(api, '{"name": "a"}', content_type)

    assert_problem(response, 415, "unsupported_media_type")
    assert sample.calls == []


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=UTF-8", "Application/JSON"]
)
def test_the_type_may_name_the_charset_and_is_read_in_any_case(
    api, sample, content_type
):
    assert send(api, '{"name": "a"}', content_type).status_code == 201


def test_a_body_has_a_largest_size(api, sample):
    fitting = json.dumps({"name": "a", "tags": []}).ljust(MAX_BODY)

    assert send(api, fitting).status_code == 201
    assert_problem(send(api, fitting + " "), 413, "body_too_large")
    assert_problem(send(api, "x" * 10_000_000), 413, "body_too_large")


def test_a_body_of_many_names_is_refused_in_few_words(api, sample):
    response = send(api, json.dumps({f"n{number}": 1 for number in range(100_000)}))

    assert len(errors_in(response)) == 20
    assert sample.calls == []


def test_parameters_come_in_utf_8():
    assert read_parameters("a=%C3%A9&b=&c=1+2") == {"a": "é", "b": "", "c": "1 2"}


@pytest.mark.parametrize(
    "text",
    ["a=%ED%A0%80", "a=%FF", "%FF=a", "a=\xe9", "&".join(["a=1"] * 2_000)],
)
def test_parameters_that_cannot_be_read(text):
    with pytest.raises(ParseError):
        read_parameters(text)


def test_a_parameter_comes_once():
    with pytest.raises(ValidationError) as caught:
        read_parameters("a=1&b=1&a=1")

    assert caught.value.get_codes() == {"a": ["repeated"]}
