from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from gamification.exceptions import (
    InvalidDefinitionError,
    StaleEditError,
    StorageError,
    UnknownAchievementError,
    UnknownActivityError,
    UnknownUserError,
)
from gamification.models import Achievement, Activity
from gamification.services import (
    award_achievement,
)
from gamification.services.catalogue.editing import definition_tag
from gamification.services.catalogue.fields.editable import EDITABLE
from gamification.staff import (
    create_achievement,
    create_activity,
    edit_achievement,
    edit_activity,
)
from tests.factories import AchievementFactory
from tests.inspection import everything
from tests.services.conftest import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

#: The required fields of an achievement.
MEDAL = {"key": "medal", "name": "Medal", "category": "mastery", "criterion": "manual"}


def stored(key="medal"):
    return Achievement.objects.get(key=key)


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", name="Medal", xp_reward=50)


def errors_of(action, *args, **fields):
    """Return the codes of the errors by field; nothing must be written."""
    before = everything()
    with pytest.raises(InvalidDefinitionError) as refusal:
        action(*args, **fields)
    assert everything() == before
    return {
        name: [code for code, _ in problems]
        for name, problems in refusal.value.errors.items()
    }


def test_an_achievement_needs_few_fields(staff):
    achievement = create_achievement(actor=staff, **MEDAL)

    assert achievement == stored()
    assert (stored().name, stored().status, stored().threshold) == (
        "Medal",
        "active",
        1,
    )


def test_an_achievement_is_created_with_all_its_fields(staff, activity):
    fields = {
        "name": "Walker",
        "description": "Walk far.",
        "category": "milestones",
        "icon": "🚶",
        "xp_reward": 70,
        "criterion": "activity_count",
        "threshold": 100,
        "series": "walks",
        "step": 2,
        "counting": {"window": {"days": 7}},
        "conditions": {"criterion": "level", "threshold": 5},
        "max_times": 3,
        "repeat_every": 50,
        "repeat_period": "",
        "starts_at": datetime(2026, 6, 1, tzinfo=UTC),
        "ends_at": datetime(2026, 7, 1, tzinfo=UTC),
        "season_zone": "Europe/Berlin",
        "shown_outside_season": True,
        "is_secret": True,
        "revocable": False,
        "status": "draft",
        "position": -3,
    }

    create_achievement(actor=staff, key="walker", activity="walk", **fields)

    row = stored("walker")
    assert {name: getattr(row, name) for name in fields} == fields
    assert row.activity == activity
    assert {*fields, "activity", "streak"} == set(EDITABLE[Achievement])


def test_a_key_that_is_taken_is_refused(medal, staff):
    errors = errors_of(create_achievement, actor=staff, **MEDAL)

    assert errors == {"key": ["unique"]}


@pytest.mark.parametrize("key", ["a b", "ä", "a/b", "a" * 101, "a\0", "", None, 7])
def test_a_key_is_a_slug(staff, key):
    errors = errors_of(create_achievement, actor=staff, **{**MEDAL, "key": key})

    assert list(errors) == ["key"]


def test_no_key_stands_in_the_place_of_previews(staff):
    errors = errors_of(create_achievement, actor=staff, **{**MEDAL, "key": "preview"})

    assert errors == {"key": ["reserved"]}


def test_every_missing_field_is_reported(staff):
    errors = errors_of(create_achievement, actor=staff)

    assert errors == {
        name: ["blank"] for name in ("key", "name", "category", "criterion")
    }


def test_an_error_names_the_item_the_fields_and_the_reasons(medal, staff):
    with pytest.raises(InvalidDefinitionError) as refusal:
        edit_achievement("medal", actor=staff, expected=None, threshold=0, name=" ")

    assert str(refusal.value) == (
        "The achievement 'medal' cannot be saved. threshold: Ensure this value is "
        "greater than or equal to 1. name: This field cannot be blank."
    )
    assert refusal.value.errors == {
        "threshold": [
            ("min_value", "Ensure this value is greater than or equal to 1.")
        ],
        "name": [("blank", "This field cannot be blank.")],
    }


HUGE = pytest.param(10**5_000, id="5,000 digits")

WHOLE = [True, 1.0, "1", "１２", None, float("nan"), 2**63, -(2**63) - 1, HUGE]


@pytest.mark.parametrize("value", WHOLE, ids=ascii)
@pytest.mark.parametrize("name", ["xp_reward", "threshold", "position"])
def test_a_number_is_whole_and_within_bounds(medal, staff, name, value):
    errors = errors_of(
        edit_achievement, "medal", actor=staff, expected=None, **{name: value}
    )

    assert list(errors) == [name]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("a\0b", "not_storable"),
        ("\ud800", "not_storable"),
        ("n" * 10_000, "max_length"),
        (None, "invalid"),
        (7, "invalid"),
        (["n"], "invalid"),
    ],
    ids=lambda value: ascii(value)[:20],
)
@pytest.mark.parametrize("name", ["name", "description", "icon"])
def test_a_text_can_be_stored(medal, staff, name, value, code):
    errors = errors_of(
        edit_achievement, "medal", actor=staff, expected=None, **{name: value}
    )

    assert errors == {name: [code]}


@pytest.mark.parametrize(
    "value", ["no_such", "a\0b", "\ud800", "n" * 10_000], ids=ascii
)
@pytest.mark.parametrize("name", ["category", "criterion", "status"])
def test_a_choice_must_exist(medal, staff, name, value):
    errors = errors_of(
        edit_achievement, "medal", actor=staff, expected=None, **{name: value}
    )

    assert errors == {name: ["invalid_choice"]}


def message_of(name, **changes):
    with pytest.raises(InvalidDefinitionError) as refusal:
        edit_achievement("medal", actor=None, expected=None, **changes)
    [(_code, message)] = refusal.value.errors[name]
    return message


def test_the_choices_are_listed(medal):
    assert message_of("criterion", criterion="streak") == (
        "'streak' is not one of activity_count, active_days, longest_streak, level, "
        "total_xp, achievements, manual. Did you mean 'longest_streak'?"
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("50", "This is a text, not a whole number."),
        (None, "This is null, not a whole number."),
        ((), "This is of the type tuple, not a whole number."),
    ],
    ids=repr,
)
def test_a_value_of_another_type_is_named(medal, value, message):
    assert message_of("threshold", threshold=value) == message


def test_a_misspelt_activity_is_answered_with_a_similar_one(medal, activity):
    assert message_of("activity", criterion="activity_count", activity="walks") == (
        "No activity has the key 'walks'. Did you mean 'walk'?"
    )


def test_a_misspelt_field_is_answered_with_a_similar_one(medal):
    with pytest.raises(TypeError) as refusal:
        edit_achievement("medal", actor=None, expected=None, treshold=1)

    assert str(refusal.value) == (
        "An achievement has no field 'treshold' that can be set. "
        "Did you mean 'threshold'?"
    )


@pytest.mark.parametrize("value", [0, 1, "true", None])
def test_a_secret_is_true_or_false(medal, staff, value):
    errors = errors_of(
        edit_achievement, "medal", actor=staff, expected=None, is_secret=value
    )

    assert errors == {"is_secret": ["invalid"]}


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("fly", "unknown_activity"),
        ("", "unknown_activity"),
        ("a\0b", "not_storable"),
        ("\ud800", "not_storable"),
        (7, "invalid"),
        (True, "invalid"),
    ],
    ids=ascii,
)
def test_an_activity_is_named_by_its_key(medal, staff, key, code):
    errors = errors_of(
        edit_achievement,
        "medal",
        actor=staff,
        expected=None,
        criterion="activity_count",
        activity=key,
    )

    assert errors == {"activity": [code]}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"activity": "walk"},
            "Choose no activity: this criterion does not count one.",
        ),
        (
            {"criterion": "activity_count"},
            "Choose an activity: this criterion counts one.",
        ),
    ],
    ids=str,
)
def test_criterion_and_activity_belong_together(medal, activity, fields, message):
    with pytest.raises(InvalidDefinitionError) as refusal:
        edit_achievement("medal", actor=None, expected=None, **fields)

    assert refusal.value.errors == {"__all__": [("invalid", message)]}
    assert str(refusal.value) == f"The achievement 'medal' cannot be saved. {message}"


def test_the_criterion_of_an_achievement_can_change(staff, activity):
    AchievementFactory(key="medal", criterion="activity_count", activity=activity)

    edit_achievement(
        "medal", actor=staff, expected=None, criterion="level", activity=None
    )

    assert (stored().criterion, stored().activity) == ("level", None)


def test_an_edit_changes_only_the_named_fields(medal, staff, server_clock):
    server_clock.shift(timedelta(hours=1))

    achievement = edit_achievement("medal", actor=staff, expected=None, name="Gold")

    assert (achievement.name, stored().name, stored().xp_reward) == ("Gold", "Gold", 50)
    assert stored().updated_at == NOW + timedelta(hours=1)


def test_an_edit_writes_no_other_column(medal, staff, monkeypatch):
    original = Achievement.save

    def save_late(self, **options):
        Achievement.objects.update(description="Written meanwhile.")
        original(self, **options)

    monkeypatch.setattr(Achievement, "save", save_late)
    edit_achievement("medal", actor=staff, expected=None, name="Gold", xp_reward=50)

    assert (stored().name, stored().description) == ("Gold", "Written meanwhile.")


def test_an_edit_that_changes_nothing_writes_nothing(medal, staff, server_clock):
    before = everything()
    server_clock.shift(timedelta(hours=1))

    edit_achievement("medal", actor=staff, expected=None, name="Medal", xp_reward=50)
    edit_achievement("medal", actor=staff, expected=None)

    assert everything() == before


def test_an_edit_changes_no_earlier_award(medal, user, staff):
    award_achievement(user, "medal")

    edit_achievement("medal", actor=staff, expected=None, xp_reward=999)

    assert user.gamification_achievements.get().xp_awarded == 50


def test_a_tag_depends_on_the_editable_fields(medal):
    before = definition_tag(medal)

    tags = [definition_tag(stored())]
    for name, value in {"xp_reward": 51, "is_secret": True, "icon": "x"}.items():
        Achievement.objects.update(**{name: value})
        tags.append(definition_tag(stored()))

    assert tags[0] == before
    assert len(set(tags)) == 4


def test_a_tag_is_the_same_in_every_process():
    achievement = Achievement(**MEDAL, xp_reward=50)

    assert definition_tag(achievement) == "8999566d5f47c724"


def test_an_item_with_the_expected_tag_is_edited(medal, staff):
    made = edit_achievement(
        "medal", actor=staff, expected=definition_tag(medal), name="Gold"
    )

    assert definition_tag(made) == definition_tag(stored())
    assert definition_tag(made) != definition_tag(medal)


@pytest.mark.parametrize("tag", ["", "no tag", "\0", ["no tag"]], ids=ascii)
def test_an_edit_with_another_tag_is_refused(medal, staff, tag):
    before = everything()

    with pytest.raises(
        StaleEditError, match=r"^Somebody else changed it in the meantime\.$"
    ):
        edit_achievement("medal", actor=staff, expected=tag, name="Gold")

    assert everything() == before


def test_the_second_of_two_editors_is_refused(medal, staff):
    tag = definition_tag(medal)
    edit_achievement("medal", actor=staff, expected=tag, xp_reward=60)

    with pytest.raises(StaleEditError):
        edit_achievement("medal", actor=staff, expected=tag, name="Gold")

    assert (stored().xp_reward, stored().name) == (60, "Medal")


@pytest.mark.parametrize("key", ["", "no_such", "a\0b", "\ud800", None, 7], ids=ascii)
def test_an_unknown_achievement_cannot_be_edited(staff, key):
    with pytest.raises(UnknownAchievementError) as refusal:
        edit_achievement(key, actor=staff, expected=None, name="Gold")

    assert refusal.value.context == {"achievement": key}


@pytest.mark.parametrize("name", ["id", "created_at", "activity_id", "holders"])
def test_a_field_that_staff_cannot_edit_is_refused(medal, staff, name):
    message = rf"^An achievement has no field '{name}' that can be set\."

    with pytest.raises(TypeError, match=message):
        create_achievement(actor=staff, **MEDAL, **{name: 1})
    with pytest.raises(TypeError, match=message):
        edit_achievement("medal", actor=staff, expected=None, **{name: 1})


def test_the_actor_must_exist(medal):
    for actor in (0, "somebody", True):
        with pytest.raises(UnknownUserError):
            edit_achievement("medal", actor=actor, expected=None, name="Gold")
        with pytest.raises(UnknownUserError):
            create_achievement(actor=actor, **MEDAL)


def test_a_key_that_is_taken_since_the_check_is_refused(staff, monkeypatch):
    original = Achievement.full_clean

    def clean_early(self, **options):
        original(self, **options)
        Achievement.objects.get_or_create(**MEDAL)

    monkeypatch.setattr(Achievement, "full_clean", clean_early)
    with transaction.atomic():
        errors = errors_of(create_achievement, actor=staff, **MEDAL)

    assert errors == {"key": ["unique"]}


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_a_refusal_by_the_database_is_a_storage_error(monkeypatch):
    def taken(self, **options):
        raise IntegrityError

    monkeypatch.setattr(Achievement, "save", taken)

    with pytest.raises(StorageError):
        create_achievement(actor=None, **MEDAL)


def test_edits_are_logged_with_who_made_them(
    staff, caplog, django_capture_on_commit_callbacks
):
    caplog.set_level(logging.INFO, "gamification")

    with django_capture_on_commit_callbacks(execute=True):
        create_achievement(actor=staff, **MEDAL)
        edit_achievement("medal", actor=None, expected=None, icon="x", xp_reward=7)

    assert caplog.messages == [
        f"Achievement medal: created by user {staff.pk}.",
        "Achievement medal: icon '' → 'x', xp_reward 0 → 7 by user None.",
    ]


def test_an_activity_is_created_with_all_its_fields(staff):
    fields = {
        "name": "Swim",
        "description": "In water.",
        "xp_reward": 7,
        "daily_limit": 3,
        "cooldown": 60,
        "extends_streak": False,
        "attributes": {"metres": "integer"},
        "is_active": False,
    }

    create_activity(actor=staff, key="swim", **fields)

    row = Activity.objects.get(key="swim")
    assert {name: getattr(row, name) for name in fields} == fields
    assert {*fields} == set(EDITABLE[Activity])


def test_an_edit_of_an_activity_changes_only_the_named_fields(activity, staff):
    made = edit_activity("walk", actor=staff, expected=None, xp_reward=25)

    activity.refresh_from_db()
    assert (made.xp_reward, activity.xp_reward, activity.name) == (25, 25, "Walk")


def test_a_limit_may_be_set_and_lifted(activity, staff):
    edit_activity("walk", actor=staff, expected=None, daily_limit=3, cooldown=60)
    edit_activity("walk", actor=staff, expected=None, daily_limit=None)

    activity.refresh_from_db()
    assert (activity.daily_limit, activity.cooldown) == (None, 60)


def test_the_second_of_two_editors_of_an_activity_is_refused(activity, staff):
    tag = definition_tag(activity)
    edit_activity("walk", actor=staff, expected=tag, xp_reward=60)

    with pytest.raises(StaleEditError):
        edit_activity("walk", actor=staff, expected=tag, name="Stroll")

    activity.refresh_from_db()
    assert (activity.xp_reward, activity.name) == (60, "Walk")


@pytest.mark.parametrize(
    "values",
    [
        {"xp_reward": None},
        {"xp_reward": 1_000_001},
        {"daily_limit": 0},
        {"daily_limit": True},
        {"cooldown": 31_536_001},
        {"is_active": 1},
        {"name": ""},
    ],
    ids=str,
)
def test_a_bad_value_of_an_activity_is_reported(activity, staff, values):
    errors = errors_of(edit_activity, "walk", actor=staff, expected=None, **values)

    assert list(errors) == list(values)


def test_an_error_of_a_new_item_says_so(staff):
    with pytest.raises(InvalidDefinitionError) as refusal:
        create_activity(actor=staff, key="a b", name="Walk")

    assert str(refusal.value) == (
        "The new activity cannot be saved. key: Enter a valid “slug” consisting of "
        "letters, numbers, underscores or hyphens."
    )


@pytest.mark.parametrize("key", ["", "no_such", "a\0b", None], ids=ascii)
def test_an_unknown_activity_cannot_be_edited(staff, key):
    with pytest.raises(UnknownActivityError) as refusal:
        edit_activity(key, actor=staff, expected=None, name="Swim")

    assert refusal.value.context == {"activity": key}


def test_a_field_that_no_activity_has_is_refused(activity, staff):
    with pytest.raises(
        TypeError, match=r"^An activity has no field 'threshold' that can be set\.$"
    ):
        edit_activity("walk", actor=staff, expected=None, threshold=1)


def test_a_tag_of_an_activity_is_the_same_in_every_process():
    activity = Activity(key="walk", name="Walk", xp_reward=10)

    assert definition_tag(activity) == "1143fd6a11456e35"
