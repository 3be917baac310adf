from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from gamification.models import Boost, CountFilter, FilterTally
from tests.inspection import violates

pytestmark = pytest.mark.django_db


def make_boost(**fields):
    now = timezone.now()
    usual = {"factor": 2, "starts_at": now, "ends_at": now + timedelta(days=1)}
    return Boost.objects.create(key="double", name="Double", **{**usual, **fields})


@pytest.mark.parametrize("factor", ["0.09", "10.01", "1.00"])
def test_a_factor_changes_something_within_bounds(factor):
    name = "gamification_boost_factor"
    assert violates(name, lambda: make_boost(factor=factor))


def test_a_boost_ends_after_it_starts():
    name = "gamification_boost_order"
    assert violates(name, lambda: make_boost(ends_at=timezone.now()))


def test_a_user_has_one_tally_of_a_filter_for_each_bucket(user):
    counted = CountFilter.objects.create(
        digest="a" * 32, definition={"criterion": "active_days"}
    )
    tally = {"user": user, "filter": counted, "bucket": "2026-06-01"}
    FilterTally.objects.create(**tally)

    name = "gamification_filtertally_once"
    assert violates(name, lambda: FilterTally.objects.create(**tally))
