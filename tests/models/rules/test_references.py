"""Attributes that boosts need stay declared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from gamification.models import Activity
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


def test_the_last_activity_with_an_attribute_that_a_boost_needs_stays(review):
    ActivityFactory(key="walk", attributes={"genre": "integer"})
    BoostFactory(name="Horror", where=FANTASY * 2)

    with pytest.raises(ProtectedError) as refusal:
        Activity.objects.filter(key="review").delete()

    text = "The conditions of “Horror” need its attributes."
    assert refusal.value.args[0] == text


def test_one_of_two_activities_with_the_attribute_may_go(review):
    ActivityFactory(key="read", attributes=DECLARED)
    BoostFactory(where=FANTASY)

    review.delete()

    assert not Activity.objects.filter(key="review").exists()
