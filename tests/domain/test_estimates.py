from __future__ import annotations

from math import sqrt

import pytest

from gamification.domain.estimates import Estimate, Sample


def sample_of(numbers, population):
    sample = Sample(population)
    for number in numbers:
        sample.size += 1
        sample.add({"xp": number})
    return sample


def test_all_users_give_an_exact_number():
    estimate = sample_of([3, 4], population=2).estimate("xp")

    assert (estimate, estimate.is_exact) == (Estimate(7, 7, 7), True)


def test_users_who_are_alike_leave_no_doubt():
    assert sample_of([5, 5, 5], population=30).estimate("xp") == (150, 150, 150)


def test_a_sample_is_scaled_up_with_its_range():
    estimate = sample_of([0, 10] * 50, population=1_000).estimate("xp")

    # A sample variance of 2500 / 99, less the share of users who are known.
    margin = round(1.96 * 1_000 * sqrt(2_500 / 99 * 0.9 / 100))
    assert estimate == (5_000, 5_000 - margin, 5_000 + margin)
    assert not estimate.is_exact


def test_what_was_counted_is_the_least():
    estimate = sample_of([0] * 99 + [10], population=1_000).estimate("xp")

    assert (estimate.value, estimate.low) == (100, 10)


def test_what_may_be_lost_has_no_least():
    estimate = sample_of([0] * 98 + [-1, 10], population=1_000).estimate("xp")

    assert estimate.low < 0


def test_a_number_that_nobody_has_is_0():
    assert sample_of([1, 2], population=4).estimate("other") == (0, 0, 0)


@pytest.mark.parametrize("population", [0, 1])
def test_a_sample_of_everybody_is_exact(population):
    sample = sample_of([1] * population, population)

    assert (sample.is_exact, sample.estimate("xp").value) == (True, population)


def test_pairs_are_found_by_their_first_part():
    sample = Sample(1)
    sample.add({"xp": 1, ("unlock", "a"): 1, ("unlock", "b"): 0, ("move", (1, 2)): 1})

    assert sample.names("unlock") == ["a", "b"]
