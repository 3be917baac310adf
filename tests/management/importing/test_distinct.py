from __future__ import annotations

from gamification.management.importing.distinct import DistinctCounter


def test_what_was_counted_before_is_not_counted_again():
    with DistinctCounter() as counter:
        counter.add(["a", "b"])
        counter.add({"b", "c"})

        assert counter.count == 3


def test_nothing_counts_as_nothing():
    with DistinctCounter() as counter:
        counter.add([])

        assert counter.count == 0
