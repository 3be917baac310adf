"""The note of counts in a user's row."""

from __future__ import annotations

import pytest

from gamification.domain.pending_counts import add_to_note, counts_in


def test_a_note_is_json():
    note = add_to_note("", {(3, ""): 1, (8, '2026-06-01|"x"'): 2})

    assert note == '[[3,1],[8,2,"2026-06-01|\\"x\\""]]'


def test_a_note_grows_at_its_end():
    assert add_to_note("[[3,1]]", {(4, "en"): -2}) == '[[3,1],[4,-2,"en"]]'


@pytest.mark.parametrize("note", ["", "[[3,1]]"])
def test_nothing_more_leaves_a_note_as_it_is(note):
    assert add_to_note(note, {}) == note


def test_the_counts_of_a_bucket_are_added_up():
    note = '[[3,1],[4,2,"en"],[3,5],[4,-2,"en"],[4,1,"de"],[5,9]]'

    assert counts_in(note, {3, 4}) == {(3, ""): 6, (4, "en"): 0, (4, "de"): 1}


def test_an_empty_note_has_no_counts():
    assert counts_in("", {3}) == {}
