"""Attributes that boosts need stay declared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.core.exceptions import ValidationError

from tests.factories import ActivityFactory, BoostFactory

pytestmark = pytest.mark.django_db

FANTASY = [["genre", "is", "fantasy"]]
DECLARED = {"genre": "string", "pages": "integer"}


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(datetime(2026, 6, 8, tzinfo=UTC), tick=False) as clock:
        yield clock


@pytest.fixture
def review():
    return ActivityFactory(key="review", attributes=DECLARED)


def declare(activity, **attributes):
    activity.attributes = attributes
    activity.full_clean()


@pytest.mark.parametrize("activities", [[], ["review"], ["review", "walk"]])
@pytest.mark.parametrize("attributes", [{}, {"genre": "integer"}])
def test_what_a_boost_needs_stays_declared(review, activities, attributes):
    ActivityFactory(key="walk")
    BoostFactory(key="horror", activities=activities, where=FANTASY)

    with pytest.raises(ValidationError) as caught:
        declare(review, **attributes)

    text = "The boost horror needs the attribute genre as it was."
    assert caught.value.message_dict == {"attributes": [text]}


def test_what_no_boost_needs_may_go(review):
    BoostFactory(activities=["review"], where=FANTASY)
    BoostFactory(activities=["walk"], where=[["pages", "is", 3]])
    BoostFactory(where=[["pages", "is", 3]], is_active=False)

    declare(review, genre="string")


def test_another_activity_may_declare_it(review):
    ActivityFactory(key="read", attributes=DECLARED)
    BoostFactory(activities=["review", "read"], where=FANTASY)

    declare(review)


def test_a_boost_that_is_over_needs_nothing(review, clock):
    BoostFactory(where=FANTASY)
    clock.move_to(datetime(2026, 8, 1, tzinfo=UTC))

    declare(review)
