from __future__ import annotations

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db.models import ProtectedError

from gamification.models import Achievement, Activity, StreakDefinition
from tests.factories import AchievementFactory, ActivityFactory, BoostFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LEVEL = {"criterion": "level", "threshold": 5}
FANTASY = {"where": [["genre", "is", "fantasy"]]}


@pytest.fixture
def review(db):
    return ActivityFactory(key="review", attributes={"genre": "string"})


def fan(review, **fields):
    """Return an achievement that counts reviews, which is not saved."""
    return AchievementFactory.build(
        key="fan", criterion="activity_count", activity=review, **fields
    )


def errors_of(item):
    with pytest.raises(ValidationError) as refusal:
        item.full_clean()
    return {
        name: [(getattr(each, "path", ""), each.messages[0]) for each in errors]
        for name, errors in refusal.value.error_dict.items()
    }


def test_a_rule_is_brought_into_the_form_in_which_it_is_stored(review):
    tree = {"all": [{"criterion": "level"}]}
    item = fan(review, counting={**FANTASY, "window": None}, conditions=tree)

    item.full_clean()

    assert item.counting == FANTASY
    assert item.conditions == {"all": [{"criterion": "level", "threshold": 1}]}


@pytest.mark.parametrize("counting", [None, [], ""])
def test_nothing_in_particular_is_stored_as_an_empty_object(review, counting):
    item = fan(review, counting=counting)

    item.full_clean()

    assert item.counting == {}


def test_no_rule_takes_no_further_statement(review, django_assert_num_queries):
    item = fan(review)

    # The key as it is stored, and the constraints.
    with django_assert_num_queries(2):
        item.clean()
        item.validate_unique()


def test_errors_are_those_of_the_fields_with_their_places(review):
    item = fan(
        review,
        counting={"where": [["genre", "is", 7]]},
        conditions={"any": [{"holds": "nobody"}]},
    )

    assert errors_of(item) == {
        "counting": [("counting.where[0]", "The value 7 is not of the type string.")],
        "conditions": [
            ("conditions.any[0].holds", "No achievement has the key 'nobody'."),
        ],
    }


def test_a_criterion_that_is_none_is_reported_alone(review):
    item = fan(review, conditions={"holds": "nobody"})
    item.criterion = "nothing"

    assert "conditions" not in errors_of(item)


def test_a_threshold_is_measured_by_what_is_counted():
    counting = {"window": {"days": 7}}
    item = AchievementFactory.build(
        criterion="active_days", threshold=8, counting=counting
    )

    assert errors_of(item) == {
        "threshold": [("threshold", "Nobody can reach this: 7 is the most.")]
    }


def test_an_achievement_that_staff_award_has_no_rule():
    item = AchievementFactory.build(conditions=LEVEL)

    message = "Staff award it by hand, so this does not count. Leave it empty."
    assert errors_of(item) == {"conditions": [("conditions", message)]}


def test_achievements_cannot_require_each_other():
    a, b = (AchievementFactory(key=key, criterion="level") for key in "ab")
    Achievement.objects.filter(key="b").update(conditions={"lacks": "a"})
    a.conditions = {"all": [{"holds": "b"}, LEVEL]}

    assert errors_of(a) == {
        "conditions": [
            ("conditions", "Achievements cannot require each other: a → b → a.")
        ]
    }
    b.conditions = LEVEL
    b.full_clean()


# --- Attributes


@pytest.mark.parametrize("attributes", [{}, {"genre": "integer"}])
def test_an_attribute_that_is_needed_stays_as_it_is_declared(review, attributes):
    fan(review, counting=FANTASY).save()
    review.attributes = attributes

    [(_path, message)] = errors_of(review)["attributes"]

    assert message.startswith("The achievement fan needs it: counting.where[0]: The ")


def test_an_attribute_that_a_condition_needs_stays_as_it_is_declared(review):
    leaf = {"criterion": "activity_count", "activity": "review", **FANTASY}
    AchievementFactory(key="fan", criterion="level", conditions={"any": [leaf]})
    review.attributes = {}

    [(_path, message)] = errors_of(review)["attributes"]

    assert "conditions.any[0].where[0]: The activity declares no" in message


def test_other_attributes_may_change(review):
    fan(review, counting=FANTASY).save()
    review.attributes = {"genre": "string", "pages": "integer"}

    review.full_clean()


def test_what_is_no_declaration_is_reported_elsewhere(review):
    fan(review, counting=FANTASY).save()
    review.attributes = "genre"

    review.clean()


# --- Deletion


@pytest.fixture
def named(review):
    """Items that the conditions of an achievement name."""
    items = [
        review,
        StreakDefinition.objects.create(key="training", name="Training"),
        AchievementFactory(key="newcomer", name="Newcomer"),
    ]
    tree = {
        "all": [
            {"criterion": "activity_count", "activity": "review"},
            {"criterion": "longest_streak", "streak": "training"},
            {"holds": "newcomer"},
        ]
    }
    AchievementFactory(key="fan", name="Fan", criterion="level", conditions=tree)
    return items


@pytest.mark.parametrize("index", range(3))
def test_what_conditions_name_cannot_be_deleted(named, index):
    item = named[index]

    with pytest.raises(ProtectedError) as refusal:
        item.delete()

    assert refusal.value.args[0] == "The conditions of “Fan” name it."
    assert type(item).objects.filter(pk=item.pk).exists()


def test_what_conditions_name_cannot_be_deleted_with_others(named):
    with pytest.raises(ProtectedError):
        Activity.objects.all().delete()


def test_achievements_that_name_each_other_are_deleted_together(named):
    Achievement.objects.all().delete()

    named[0].delete()
    assert not Activity.objects.filter(key="review").exists()


def test_an_achievement_with_conditions_can_be_deleted(named):
    Achievement.objects.get(key="fan").delete()

    named[2].delete()
    assert not Achievement.objects.exists()


@time_machine.travel("2026-06-08T00:00Z")
def test_an_activity_that_streaks_and_boosts_choose_cannot_be_deleted(review):
    ActivityFactory(key="walk")
    chosen = ["review", "walk"]
    StreakDefinition.objects.create(key="s", name="Training", activities=chosen)
    BoostFactory(activities=chosen)

    for remove in (review.delete, Activity.objects.all().delete):
        with pytest.raises(ProtectedError) as refusal:
            remove()
        text = "It is chosen by “Training”, “Launch weekend”."
        assert refusal.value.args[0] == text


@time_machine.travel("2026-08-01T00:00Z")
def test_an_activity_that_only_a_boost_of_the_past_chooses_can_be_deleted(review):
    BoostFactory(activities=["review"])

    review.delete()

    assert not Activity.objects.filter(key="review").exists()
