from __future__ import annotations

from gamification.models import CatalogueStamp, CountFilter, FilterTally


def test_a_tally_is_shown_with_its_filter():
    row = CountFilter(digest="0a1b")

    assert str(FilterTally(filter=row, count=3)) == "3 × 0a1b"


def test_a_stamp_is_a_number():
    assert str(CatalogueStamp(stamp=5)) == "5"
