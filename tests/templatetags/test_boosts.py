from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine

from tests.factories import ActivityFactory, BoostFactory

pytestmark = pytest.mark.django_db

TAG = "{% gamification_boosts user %}"

#: Within the boost of the factory.
MONDAY = datetime(2026, 6, 8, 12, tzinfo=UTC)
MAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(MONDAY, tick=False) as clock:
        yield clock


def test_a_boost_that_holds_says_until_when(render, user):
    BoostFactory(description="Everything counts twice.")

    html = render(TAG, user=user)

    assert 'data-state="running"' in html
    assert ">× 2</strong>" in html
    assert ">Launch weekend</h3>" in html
    assert "Everything counts twice." in html
    assert "Until July 1, 2026, midnight" in html


def test_a_boost_that_is_coming_says_when(render, user, clock):
    clock.move_to(MAY)
    BoostFactory(factor=Decimal("0.5"))

    html = render(TAG, user=user)

    assert 'data-state="planned"' in html
    assert ">× 0.5</strong>" in html
    assert "From June 1, 2026, midnight until July 1, 2026, midnight" in html


def test_a_boost_says_what_it_boosts(render, user):
    ActivityFactory(key="read", name="Review", attributes={"genre": "string"})
    where = [["genre", "is", "fantasy"]]
    BoostFactory(activities=["walk", "read"], where=where)

    html = render(TAG, user=user)

    assert "Review · genre is fantasy" in html


def test_without_boosts_there_is_nothing(
    render, user, clock, django_assert_num_queries
):
    BoostFactory()
    clock.move_to(datetime(2026, 8, 1, tzinfo=UTC))

    with django_assert_num_queries(1):
        assert render(TAG, user=user) == ""


def test_several_boosts_take_no_more_queries(
    render, user, django_assert_max_num_queries
):
    ActivityFactory(key="walk")
    for _ in range(3):
        BoostFactory(activities=["walk"])

    with django_assert_max_num_queries(4):
        assert render(TAG, user=user).count("<li") == 3
