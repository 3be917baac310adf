from __future__ import annotations

from gamification.management.importing.counter import DiskCounter


def test_equal_texts_are_numbered():
    with DiskCounter() as counter:
        assert [counter.add(text) for text in "abaab"] == [1, 1, 2, 3, 2]


def test_equal_texts_are_one_distinct_text():
    with DiskCounter() as counter:
        for text in "abaab":
            counter.add(text)

        assert counter.distinct == 2


def test_nothing_counts_as_nothing():
    with DiskCounter() as counter:
        assert counter.distinct == 0
