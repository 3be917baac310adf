from __future__ import annotations

from gamification.components.estimates import format_estimate
from gamification.values import Estimate


def test_an_exact_number_stands_alone():
    assert format_estimate(Estimate.exactly(12_345)) == "12,345"


def test_an_estimate_has_its_range():
    text = format_estimate(Estimate(12_345, 11_000, 13_690))

    assert text == "about 12,345 (11,000 to 13,690)"
