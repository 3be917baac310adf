from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamification.strict_json import InvalidJSONError, parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(VALUES.filter(lambda value: "Infinity" not in json.dumps(value)))
def test_what_json_can_say_is_read(value):
    text = json.dumps(value)

    assert parse_json(text) == parse_json(text.encode()) == value


def refusal(data: str | bytes) -> InvalidJSONError:
    with pytest.raises(InvalidJSONError) as raised:
        parse_json(data)
    return raised.value


@pytest.mark.parametrize(
    ("text", "reason", "place"),
    [
        ("", "Expecting value", "line 1, column 1"),
        ('{"a": 1\n "b": 2}', "Expecting ',' delimiter", "line 2, column 2"),
        ("{}\n{}", "Extra data", "line 2, column 1"),
    ],
)
def test_a_text_that_is_not_json_is_refused_with_its_place(text, reason, place):
    error = refusal(text)

    assert (error.reason, error.places) == (reason, (place,))
    assert str(error) == f"{reason}: {place}"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("\ufeff{}", "It begins with a byte order mark"),
        (b"\xef\xbb\xbf{}", "It begins with a byte order mark"),
        ("{}".encode("utf-16"), "It is not UTF-8"),
        ('"\ud800"', "It is not UTF-8"),
        ("[" * 100_000, "It is nested too deeply"),
        ("[NaN]", "NaN is not a number in JSON"),
        ("-Infinity", "-Infinity is not a number in JSON"),
        ("[1e400]", "1e400 is too large a number"),
        ("9" * 101, "99999999999999999999… has more than 100 digits"),
        ("9" * 5_000, "99999999999999999999… has more than 100 digits"),
    ],
)
def test_what_other_readers_do_not_take_is_refused(data, reason):
    error = refusal(data)

    assert (error.reason, error.places, str(error)) == (reason, (), reason)


def test_numbers_of_any_sensible_size_are_read():
    assert parse_json(f"[1e308, {'9' * 100}]") == [1e308, int("9" * 100)]


def test_every_name_that_is_used_twice_is_told_with_its_place():
    error = refusal('{"a": [1, {"b": 1, "b": 2}], "c d": {"e": {}, "e": 1}, "a": []}')

    assert str(error) == 'The name is used twice: a, "c d".e'


def test_a_name_may_come_again_in_another_object():
    assert parse_json('[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]


def test_no_more_places_are_told_than_can_be_read():
    error = refusal("[" + '{"a": 1, "a": 2},' * 200 + "0]")

    assert error.places[0] == "[0].a"
    assert len(error.places) == 100


def test_a_long_or_strange_name_is_shown_in_part_and_escaped():
    member = '"' + "x\u202e" * 300 + '": 1'

    error = refusal("{" + member + "," + member + "}")

    [place] = error.places
    assert place.startswith(r'"x\u202ex\u202e')
    assert len(place) == 256
