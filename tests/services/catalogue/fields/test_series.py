from __future__ import annotations

import json

import pytest

from gamification.exceptions import InvalidDefinitionError, InvalidDefinitionsError
from gamification.models import Achievement
from gamification.services import pending_celebrations, record_activity
from gamification.staff import (
    apply_definitions,
    compare_definitions,
    create_achievement,
    definition_tag,
    edit_achievement,
    export_definitions,
    undo_edit,
)
from tests.factories import AchievementFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


@pytest.fixture
def medals(activity):
    """Bronze and silver, for ten walks and for twenty."""
    for step, name in enumerate(["bronze", "silver"], 1):
        AchievementFactory(
            key=name,
            name=name.title(),
            criterion="activity_count",
            activity=activity,
            threshold=10 * step,
            series="walks",
            step=step,
        )


def gold(**fields):
    usual = {"key": "gold", "name": "Gold", "category": "milestones"}
    usual |= {"criterion": "activity_count", "activity": "walk", "threshold": 30}
    return create_achievement(actor=None, **usual, series="walks", **fields)


def refusal_of(verb, *args, **fields):
    with pytest.raises(InvalidDefinitionError) as refusal:
        verb(*args, **fields)
    return {name: text for name, [(_, text)] in refusal.value.errors.items()}


def test_a_third_step_is_added(medals):
    made = gold(step=3)

    assert (made.series, made.step) == ("walks", 3)


def test_a_series_and_a_step_go_together(medals):
    errors = refusal_of(
        edit_achievement, "silver", actor=None, expected=None, series=""
    )

    assert errors == {"__all__": "A series and a step go together."}


def test_a_step_is_taken_once(medals):
    errors = refusal_of(gold, step=2)

    assert errors == {"__all__": "The series already has this step."}


def test_both_steps_that_do_not_rise_are_named(medals):
    errors = refusal_of(
        edit_achievement, "silver", actor=None, expected=None, threshold=10
    )

    assert errors == {
        "threshold": "Step 2 “Silver” (10) must ask for more than step 1 “Bronze” (10)."
    }
    assert Achievement.objects.get(key="silver").threshold == 20


def test_a_step_that_is_retired_does_not_count(medals):
    edit_achievement("bronze", actor=None, expected=None, status="retired")

    edited = edit_achievement("silver", actor=None, expected=None, threshold=5)

    assert edited.threshold == 5


def test_steps_that_measure_something_else_may_have_any_threshold(medals):
    made = create_achievement(
        actor=None,
        key="level",
        name="Level",
        category="mastery",
        criterion="level",
        threshold=2,
        series="walks",
        step=3,
    )

    assert made.step == 3


def test_an_edit_of_a_step_is_undone(medals, staff):
    before = Achievement.objects.get(key="silver")
    edited = edit_achievement(
        "silver", actor=staff, expected=None, series="runs", step=7
    )

    undo_edit(
        edited,
        {"series": before.series, "step": before.step},
        actor=staff,
        expected=definition_tag(edited),
    )

    stored = Achievement.objects.get(key="silver")
    assert (stored.series, stored.step) == ("walks", 2)


def test_other_steps_that_do_not_rise_do_not_hinder_an_edit(medals):
    Achievement.objects.filter(key="silver").update(threshold=10)

    made = gold(step=3)

    assert (made.series, made.step) == ("walks", 3)


def test_other_steps_that_do_not_rise_do_not_hinder_a_file(medals):
    Achievement.objects.filter(key="silver").update(threshold=10)
    document = json.loads(export_definitions())
    [bronze, _silver] = document["achievements"]
    bronze |= {"key": "other", "series": "", "step": None}

    apply_definitions(json.dumps(document | {"achievements": [bronze]}))

    assert Achievement.objects.count() == 3


def file_with(**changes):
    document = json.loads(export_definitions())
    for item in document["achievements"]:
        item.update(changes.get(item["key"], {}))
    return json.dumps(document)


def errors_of(text):
    with pytest.raises(InvalidDefinitionsError) as refusal:
        compare_definitions(text)
    return refusal.value.errors


def test_a_file_moves_both_steps(medals):
    text = file_with(bronze={"threshold": 20}, silver={"threshold": 40})

    apply_definitions(text)

    rows = Achievement.objects.order_by("step").values_list("threshold", flat=True)
    assert [*rows] == [20, 40]


def test_a_file_with_steps_that_do_not_rise_is_refused(medals):
    [(place, message)] = errors_of(file_with(bronze={"threshold": 20}))

    assert place == "achievements[1].threshold"
    assert "“Silver” (20)" in message
    assert "“Bronze” (20)" in message


def test_a_file_with_a_step_twice_is_refused(medals):
    assert errors_of(file_with(silver={"step": 1})) == [
        ("achievements[1].step", "“Bronze” and “Silver” are both step 1 of the series.")
    ]


def test_a_file_with_a_step_of_no_series_is_refused(medals):
    [(place, message)] = errors_of(file_with(silver={"series": ""}))

    assert (place, "go together" in message) == ("achievements[1].step", True)


def test_a_file_that_takes_a_stored_step_is_refused_at_its_own_item(medals):
    document = json.loads(file_with(silver={"step": 1}))
    document["achievements"] = document["achievements"][1:]

    [(place, _message)] = errors_of(json.dumps(document))

    assert place == "achievements[0].step"


def test_steps_crossed_by_one_record_are_celebrated_once(medals, user):
    record_activity(user, "walk", quantity=25)

    [celebration] = [
        each for each in pending_celebrations(user) if each.kind == "achievement"
    ]
    assert celebration.text == "You unlocked “Silver” and earned 100 XP."


def test_a_step_added_below_the_held_one_is_not_celebrated(medals, user):
    record_activity(user, "walk", quantity=25)
    edit_achievement("silver", actor=None, expected=None, step=3)
    create_achievement(
        actor=None,
        key="between",
        name="Between",
        category="milestones",
        criterion="activity_count",
        activity="walk",
        threshold=15,
        series="walks",
        step=2,
    )

    outcome = record_activity(user, "walk")

    assert [each.achievement for each in outcome.unlocks] == ["between"]
    assert outcome.celebrations == ()
