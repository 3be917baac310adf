from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError

from gamification.exceptions import InvalidDefinitionError, InvalidDefinitionsError
from gamification.models import Achievement, Activity
from gamification.services.catalogue.editing import definition_tag
from gamification.staff import (
    apply_definitions,
    compare_definitions,
    create_achievement,
    create_streak,
    draft_achievement,
    edit_achievement,
    edit_activity,
    export_definitions,
    undo_edit,
)
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

FANTASY = {"where": [["genre", "in", ["fantasy", "horror"]]]}
LEVEL = {"criterion": "level", "threshold": 5}
REVIEWS = {"criterion": "activity_count", "activity": "review", "threshold": 3}


@pytest.fixture
def review(db):
    return ActivityFactory(key="review", attributes={"genre": "string"})


@pytest.fixture
def fan(review):
    return AchievementFactory(
        key="fan", criterion="activity_count", activity=review, counting=FANTASY
    )


def stored(key="fan"):
    return Achievement.objects.get(key=key)


def refused(action, *args, **fields):
    """Return the messages by path; nothing must be written."""
    before = everything()
    with pytest.raises(InvalidDefinitionError) as refusal:
        action(*args, **fields)
    assert everything() == before
    return {path: message for path, [(_code, message)] in refusal.value.errors.items()}


# --- Editing


def test_an_achievement_is_created_with_its_rule(review, staff):
    create_achievement(
        key="fan",
        name="Fan",
        category="mastery",
        criterion="activity_count",
        activity="review",
        counting={**FANTASY, "sum": None},
        conditions={"any": [LEVEL, {"criterion": "total_xp"}]},
        actor=staff,
    )

    assert stored().counting == FANTASY
    assert stored().conditions == {
        "any": [LEVEL, {"criterion": "total_xp", "threshold": 1}]
    }


def test_an_error_names_its_place(fan, staff):
    tree = {"all": [LEVEL, {**LEVEL, "threshold": 0}]}

    with pytest.raises(InvalidDefinitionError) as refusal:
        edit_achievement("fan", actor=staff, expected=None, conditions=tree)

    assert str(refusal.value) == (
        "The achievement 'fan' cannot be saved. conditions.all[1].threshold: This must "
        "be a whole number from 1 to 9,007,199,254,740,992."
    )


def test_every_wrong_place_is_reported(fan, staff):
    counting = {"where": [["genre", "is", 7]], "window": {"days": 0}}
    tree = {"all": [{"holds": "nobody"}]}

    places = refused(
        edit_achievement,
        "fan",
        actor=staff,
        expected=None,
        counting=counting,
        conditions=tree,
    )

    assert list(places) == [
        "counting.where[0]",
        "counting.window.days",
        "conditions.all[0].holds",
    ]


@pytest.mark.parametrize("value", [[], "x", 7, True])
def test_a_rule_is_an_object(fan, staff, value):
    places = refused(
        edit_achievement, "fan", actor=staff, expected=None, conditions=value
    )

    assert list(places) == ["conditions"]


def test_an_edit_is_undone(fan, staff):
    edited = edit_achievement("fan", actor=staff, expected=None, conditions=LEVEL)

    before = {"conditions": None}
    undo_edit(edited, before, actor=staff, expected=definition_tag(edited))

    assert stored().conditions is None


def test_a_tag_does_not_depend_on_the_order_of_names(fan):
    window = {"since": "2026-06-01", "until": "2026-07-01"}
    fan.counting = {**FANTASY, "window": window}
    other = stored()
    other.counting = {"window": dict(reversed(window.items())), **FANTASY}

    assert definition_tag(fan) == definition_tag(other)


def test_achievements_cannot_require_each_other(fan, staff):
    create_achievement(
        key="king",
        name="King",
        category="mastery",
        criterion="level",
        conditions={"holds": "fan"},
        actor=staff,
    )

    places = refused(
        edit_achievement,
        "fan",
        actor=staff,
        expected=None,
        conditions={"all": [{"lacks": "king"}]},
    )

    assert places == {
        "conditions": "Achievements cannot require each other: fan → king → fan."
    }


def test_a_retired_achievement_can_be_required(fan, staff):
    AchievementFactory(key="old", status="retired")

    edited = edit_achievement(
        "fan", actor=staff, expected=None, conditions={"holds": "old"}
    )

    assert edited.conditions == {"holds": "old"}


def test_an_attribute_that_is_needed_cannot_be_undeclared(fan):
    activity = Activity.objects.get(key="review")
    activity.attributes = {}

    with pytest.raises(ValidationError, match="The achievement fan needs it"):
        activity.full_clean()


def test_an_activity_with_conditions_is_edited(fan, staff):
    edit_activity("review", actor=staff, expected=None, xp_reward=7)

    assert Activity.objects.get(key="review").xp_reward == 7


# --- Files


def item(key, **fields):
    required = {"name": key, "category": "mastery", "criterion": "level"}
    return {"key": key, **required, **fields}


def file_of(*achievements, activities=(), streaks=()):
    sections = {"activities": activities, "achievements": achievements}
    return json.dumps({"format": 1, "streaks": streaks, **sections})


def errors_of(text):
    before = everything()
    with pytest.raises(InvalidDefinitionsError) as refusal:
        apply_definitions(text)
    assert everything() == before
    return refusal.value.errors


def test_an_achievement_may_name_a_later_one_of_the_file(no_achievements):
    first = item("first", conditions={"all": [{"holds": "second"}]})

    apply_definitions(file_of(first, item("second")))

    assert stored("first").conditions == {"all": [{"holds": "second"}]}
    assert stored("second").conditions is None


def test_a_file_has_activities_and_streaks_that_its_conditions_name():
    leaf = {**REVIEWS, **FANTASY}
    run = {"criterion": "longest_streak", "streak": "training"}
    review = {"key": "review", "name": "R", "attributes": {"genre": "string"}}
    streak = {"key": "training", "name": "Training", "unit": "week"}
    tree = {"all": [leaf, run]}

    apply_definitions(
        file_of(item("fan", conditions=tree), activities=[review], streaks=[streak])
    )

    assert stored().conditions == {"all": [leaf, {**run, "threshold": 1}]}


def test_an_exported_rule_differs_in_nothing(fan):
    create_streak(key="training", name="Training", actor=None)
    tree = {"all": [LEVEL, {"criterion": "longest_streak", "streak": "training"}]}
    edit_achievement("fan", actor=None, expected=None, conditions=tree)

    text = export_definitions()

    assert '"where": [' in text
    assert compare_definitions(text).is_empty


def test_another_way_to_write_a_rule_changes_nothing(fan):
    text = file_of(item("fan", name=fan.name, conditions=None, counting={}))
    plain = json.loads(text)["achievements"][0]
    same = {**FANTASY, "window": {}, "sum": None}
    changed = {"criterion": "activity_count", "activity": "review", "counting": same}

    differences = compare_definitions(file_of({**plain, **changed}))

    names = {change.name for each in differences.edits for change in each.fields}
    assert names == {"category"}


def test_an_error_in_a_file_names_its_place(review):
    tree = {"all": [{"holds": "nobody"}]}

    errors = errors_of(file_of(item("a"), item("b", conditions=tree)))

    assert errors == [
        (
            "achievements[1].conditions.all[0].holds",
            "No achievement has the key 'nobody'.",
        )
    ]


def test_two_achievements_of_a_file_cannot_require_each_other():
    a = item("a", conditions={"all": [{"holds": "b"}]})
    b = item("b", conditions={"lacks": "a"})

    assert errors_of(file_of(a, b)) == [
        (
            "achievements[0].conditions",
            "Achievements cannot require each other: a → b → a.",
        ),
        (
            "achievements[1].conditions",
            "Achievements cannot require each other: b → a → b.",
        ),
    ]


def test_a_cycle_that_a_file_resolves_is_none():
    AchievementFactory(key="a", criterion="level", conditions={"holds": "b"})
    AchievementFactory(key="b", criterion="level")

    apply_definitions(
        file_of(
            item("a", conditions=None),
            item("b", conditions={"holds": "a"}),
        )
    )

    assert stored("b").conditions == {"holds": "a"}


def test_a_file_cannot_take_away_an_attribute_that_is_needed(fan):
    activity = {"key": "review", "name": "R", "attributes": {}}

    [(place, message)] = errors_of(file_of(activities=[activity]))

    assert place == "activities[0].attributes"
    assert message.startswith("The achievement fan needs it: counting.where[0]: The")


def test_a_file_can_take_away_an_attribute_that_it_no_longer_needs(fan):
    activity = {"key": "review", "name": "R", "attributes": {}}
    counted = {"criterion": "activity_count", "activity": "review"}

    apply_definitions(
        file_of(item("fan", counting={}, **counted), activities=[activity])
    )

    assert stored().counting == {}


@pytest.mark.parametrize("value", [[], "x", 7])
def test_a_rule_of_another_type_is_reported_once(review, value):
    errors = errors_of(file_of(item("a", conditions=value)))

    assert [place for place, _message in errors] == ["achievements[0].conditions"]


def test_attributes_of_another_type_are_reported_once(fan):
    activity = {"key": "review", "name": "R", "attributes": "genre"}
    leaf = {**REVIEWS, **FANTASY}

    errors = errors_of(file_of(item("a", conditions=leaf), activities=[activity]))

    assert ("activities[0].attributes", "This is a text, not an object.") in errors


def test_an_item_that_a_file_leaves_alone_keeps_its_rule(fan):
    apply_definitions(file_of(item("other")))

    assert stored().counting == FANTASY


def test_a_draft_that_cannot_be_saved_is_a_new_achievement():
    with pytest.raises(InvalidDefinitionError, match=r"^The new achievement cannot be"):
        draft_achievement(None, name="Fan", counting={"a": 1})
