"""The text of the pending counts in a user's row."""

from __future__ import annotations

import pytest

from gamification.domain.pending_counts import add_pending, read_pending


def test_it_is_json():
    text = add_pending("", {(3, ""): 1, (8, '2026-06-01|"x"'): 2})

    assert text == '[[3,1],[8,2,"2026-06-01|\\"x\\""]]'


def test_it_grows_at_its_end():
    assert add_pending("[[3,1]]", {(4, "en"): -2}) == '[[3,1],[4,-2,"en"]]'


@pytest.mark.parametrize("text", ["", "[[3,1]]"])
def test_nothing_more_leaves_it_as_it_is(text):
    assert add_pending(text, {}) == text


def test_the_counts_of_a_bucket_are_added_up():
    text = '[[3,1],[4,2,"en"],[3,5],[4,-2,"en"],[4,1,"de"],[5,9]]'

    assert read_pending(text, {3, 4}) == {(3, ""): 6, (4, "en"): 0, (4, "de"): 1}


def test_without_counts_it_is_empty():
    assert read_pending("", {3}) == {}
