from __future__ import annotations

import pytest

from gamification.suggestions import did_you_mean, did_you_mean_or_known, shown


def test_a_similar_name_is_suggested():
    hint = did_you_mean("kpi_complete", ["merge", "kpi_completed"])

    assert hint == " Did you mean 'kpi_completed'?"


@pytest.mark.parametrize("name", ["xyz", "", None, 7, "kpi_completed" * 1_000])
def test_nothing_is_suggested_for_a_name_like_no_other(name):
    assert did_you_mean(name, ["merge", "kpi_completed"]) == ""


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("merg", ["walk", "merge"], " Did you mean 'merge'?"),
        ("xyz", ["walk", "merge"], " Known: 'merge', 'walk'."),
        ("xyz", "abcdef", " Known: 'a', 'b', 'c', 'd', 'e', …."),
        ("xyz", [], ""),
    ],
)
def test_names_are_listed_where_none_is_similar(name, known, hint):
    assert did_you_mean_or_known(name, known) == hint


@pytest.mark.parametrize(
    ("value", "text"), [("walk", "'walk'"), (5, "5"), (None, "None"), ([1], "[1]")]
)
def test_a_value_is_shown_as_code_would_write_it(value, text):
    assert shown(value) == text


def test_a_long_value_is_cut_short():
    assert shown("a" * 58) == f"'{'a' * 58}'"
    assert shown("a" * 59) == f"'{'a' * 58}…"


def test_a_number_of_very_many_digits_is_shown_too():
    assert len(shown(10**5_000)) <= 60
