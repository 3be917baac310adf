from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gamification.exceptions import InvalidDefinitionError, InvalidDefinitionsError
from gamification.models import Activity, LedgerEntry
from gamification.services import record_activity, reverse_entry
from gamification.services.catalogue.fields.editable import definition_tag
from gamification.staff import (
    apply_definitions,
    compare_definitions,
    create_activity,
    edit_activity,
    export_definitions,
    undo_edit,
)
from tests.factories import ActivityFactory

pytestmark = pytest.mark.django_db

TYPES = {"pages": "integer", "genre": "string", "is_signed": "boolean"}


@pytest.fixture
def review(db):
    return ActivityFactory(key="review", name="Review", attributes=TYPES)


@pytest.fixture
def reviewed(review, user):
    record_activity(user, "review", attributes={"genre": "horror", "pages": 3})
    return review


def declared():
    return Activity.objects.get(key="review").attributes


def declare(**types):
    return edit_activity("review", actor=None, expected=None, attributes=types)


def file_of(attributes):
    activity = {"key": "review", "name": "Review", "attributes": attributes}
    return json.dumps({"format": 1, "activities": [activity], "achievements": []})


def test_an_activity_is_created_with_attributes(staff):
    create_activity(actor=staff, key="review", name="Review", attributes=TYPES)

    assert declared() == TYPES


def test_attributes_can_be_added_and_removed(reviewed):
    declare(genre="string", stars="integer")

    assert declared() == {"genre": "string", "stars": "integer"}


def test_entries_keep_attributes_that_are_no_longer_declared(reviewed):
    declare()

    [entry] = LedgerEntry.objects.filter(activity=reviewed)
    assert entry.attributes == {"genre": "horror", "pages": 3}


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ([], "This is a list, not an object."),
        ("genre", "This is a text, not an object."),
        (None, "This is null, not an object."),
        (
            {"Genre": "string"},
            (
                "'Genre' cannot be the key of an attribute: use 1 to 32 lower-case "
                "letters, digits and underscores, and begin with a letter."
            ),
        ),
        (
            {1: "string"},
            (
                "1 cannot be the key of an attribute: use 1 to 32 lower-case "
                "letters, digits and underscores, and begin with a letter."
            ),
        ),
        (
            {"genre": "strng"},
            (
                "genre: 'strng' is not one of string, integer, boolean. Did you mean "
                "'string'?"
            ),
        ),
        ({"genre": None}, "genre: this value is not one of string, integer, boolean."),
        ({"genre": []}, "genre: this value is not one of string, integer, boolean."),
        (
            {f"a{n}": "string" for n in range(17)},
            "An activity declares at most 16 attributes, not 17.",
        ),
    ],
)
def test_a_declaration_has_a_form(review, attributes, message):
    with pytest.raises(InvalidDefinitionError) as refusal:
        edit_activity("review", actor=None, expected=None, attributes=attributes)

    [(_code, told)] = refusal.value.errors["attributes"]
    assert told == message
    assert declared() == TYPES


@pytest.mark.parametrize("key", ["", "9a", "_a", "a" * 33, "a-b", "a\n", "ä", "A"])
def test_keys_that_no_attribute_can_have_are_refused(review, key):
    with pytest.raises(InvalidDefinitionError):
        declare(**{key: "string"})


@pytest.mark.parametrize("key", ["a", "a9_", "a" * 32])
def test_keys_that_an_attribute_can_have_are_taken(review, key):
    declare(**{key: "string"})

    assert declared() == {key: "string"}


def test_a_type_stays_while_entries_have_the_attribute(reviewed):
    with pytest.raises(InvalidDefinitionError) as refusal:
        declare(genre="integer", pages="boolean", is_signed="string")

    assert refusal.value.errors == {
        "attributes": [
            (
                "in_use",
                (
                    "genre must keep the type string: entries of the ledger have it. "
                    "Declare another attribute instead. "
                    "pages must keep the type integer: entries of the ledger have it. "
                    "Declare another attribute instead."
                ),
            )
        ]
    }


def test_a_type_that_no_entry_has_can_be_changed(reviewed):
    declare(genre="string", pages="integer", is_signed="string")

    assert declared()["is_signed"] == "string"


def test_an_attribute_returns_only_with_the_type_that_entries_have(reviewed):
    declare()

    with pytest.raises(InvalidDefinitionError):
        declare(genre="boolean")
    declare(genre="string")

    assert declared() == {"genre": "string"}


def test_reversed_entries_have_their_attributes_still(reviewed, user):
    [entry] = LedgerEntry.objects.filter(activity=reviewed)
    reverse_entry(user, entry_id=entry.pk)

    with pytest.raises(InvalidDefinitionError):
        declare(genre="integer")


def test_other_activities_have_types_of_their_own(reviewed):
    ActivityFactory(key="film")

    edit_activity("film", actor=None, expected=None, attributes={"genre": "integer"})

    assert Activity.objects.get(key="film").attributes == {"genre": "integer"}


def test_the_order_of_attributes_is_no_difference(review):
    tag = definition_tag(review)
    review.attributes = dict(reversed(TYPES.items()))

    assert definition_tag(review) == tag
    assert tag != definition_tag(ActivityFactory.build(key="review", name="Review"))


def test_an_edit_of_attributes_is_logged_in_words(staff, review):
    edit_activity("review", actor=staff, expected=None, attributes={"genre": "string"})
    edit_activity("review", actor=staff, expected=None, attributes={})

    told = [entry.get_change_message() for entry in LogEntry.objects.order_by("pk")]
    all_three = "genre: string, is_signed: boolean, pages: integer"
    assert told == [
        f"Changed Attributes: {all_three} → genre: string.",
        "Changed Attributes: genre: string → –.",
    ]


def test_an_edit_of_attributes_can_be_undone(staff, review):
    edited = declare(genre="string")

    undo_edit(
        review, {"attributes": TYPES}, actor=staff, expected=definition_tag(edited)
    )

    assert declared() == TYPES


def test_a_file_has_attributes_in_order(review):
    document = json.loads(export_definitions())

    [shown] = [each for each in document["activities"] if each["key"] == "review"]
    assert [*shown["attributes"].items()] == sorted(TYPES.items())


def test_a_file_changes_attributes(staff, review):
    differences = apply_definitions(file_of({"genre": "string"}), actor=staff)

    [item] = differences.edits
    assert [str(change) for change in item.fields] == [
        (
            'attributes {"genre": "string", "is_signed": "boolean", "pages": "integer"}'
            ' → {"genre": "string"}'
        )
    ]
    assert declared() == {"genre": "string"}


def test_a_file_adds_an_activity_with_attributes():
    apply_definitions(file_of(TYPES))

    assert declared() == TYPES


def test_a_file_without_attributes_leaves_them_alone(review):
    text = '{"format": 1, "activities": [{"key": "review", "name": "Book"}], %s}'

    apply_definitions(text % '"achievements": []')

    assert declared() == TYPES


@pytest.mark.parametrize("act", [compare_definitions, apply_definitions])
def test_a_file_cannot_change_a_type_that_entries_have(reviewed, act):
    with pytest.raises(InvalidDefinitionsError) as refusal:
        act(file_of({"genre": "boolean"}))

    assert refusal.value.errors == [
        (
            "activities[0].attributes",
            (
                "genre must keep the type string: entries of the ledger have it. "
                "Declare another attribute instead."
            ),
        )
    ]
    assert declared() == TYPES


def test_a_file_tells_where_a_declaration_is_wrong(review):
    with pytest.raises(InvalidDefinitionsError) as refusal:
        compare_definitions(file_of({"genre": "strng"}))

    assert refusal.value.errors == [
        (
            "activities[0].attributes",
            (
                "genre: 'strng' is not one of string, integer, boolean. Did you mean "
                "'string'?"
            ),
        )
    ]


def test_many_attributes_take_as_many_statements_as_one(reviewed):
    def statements(count):
        with CaptureQueriesContext(connection) as sent:
            declare(**{f"a{number}": "string" for number in range(count)})
        return len(sent)

    assert statements(1) == statements(16)
