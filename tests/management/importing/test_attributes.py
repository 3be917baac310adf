from __future__ import annotations

import json

import pytest
from django.core.management import CommandError

from gamification.management.importing.attributes import AttributeTypes
from gamification.models import LedgerEntry
from tests.factories import ActivityFactory, UserFactory
from tests.management.imports import NOON, import_lines

pytestmark = pytest.mark.django_db

TYPES = {"genre": "string", "pages": "integer", "is_signed": "boolean"}
SAID = {"genre": "fantasy", "pages": 412, "is_signed": True}
ROW = {"user": "ada", "activity": "review", "occurred_at": NOON}
REQUIRED = f"ada,review,{NOON}"
COLUMNS = "user,activity,occurred_at"


@pytest.fixture(autouse=True)
def ada(db):
    ActivityFactory(key="review", attributes=TYPES)
    return UserFactory(username="ada")


def kept():
    entries = LedgerEntry.objects.filter(kind="activity").order_by("id")
    return [entry.attributes for entry in entries]


def csv_cell(value):
    return '"{}"'.format(json.dumps(value).replace('"', '""'))


def test_json_lines_have_attributes_as_an_object():
    lines = [json.dumps({**ROW, **more}) for more in ({"attributes": SAID}, {})]

    import_lines(*lines)

    assert kept() == [SAID, None]


def test_csv_may_have_attributes_as_json():
    header = f"{COLUMNS},attributes"

    import_lines(header, f"{REQUIRED},{csv_cell(SAID)}", f"{REQUIRED},")

    assert kept() == [SAID, None]


def test_csv_may_have_a_column_for_each_attribute():
    header = f"{COLUMNS},attribute:genre,attribute:pages,attribute:is_signed"

    import_lines(
        header,
        f"{REQUIRED},fantasy,412,True",
        f"{REQUIRED},412,-1,false",
        f"{REQUIRED},,,",
    )

    others = {"genre": "412", "pages": -1, "is_signed": False}
    assert kept() == [SAID, others, None]


def test_csv_may_have_columns_and_json():
    header = f"{COLUMNS},attributes,attribute:pages"

    import_lines(header, f"{REQUIRED},{csv_cell({'genre': 'horror'})},7")

    assert kept() == [{"genre": "horror", "pages": 7}]


def test_renamed_activities_have_the_types_of_their_new_name():
    header = f"{COLUMNS},attribute:pages"

    import_lines(header, f"ada,old,{NOON},7", options=("--map", "old=review"))

    assert kept() == [{"pages": 7}]


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("attributes", "{", "The attributes cannot be read as JSON. Expecting"),
        ("attributes", "[]", "The attributes are not a JSON object."),
        (
            "attributes",
            '"{""pages"": 1, ""pages"": 2}"',
            "The attributes cannot be read as JSON. The name is used twice: pages.",
        ),
        (
            "attributes",
            csv_cell({"gener": "x"}),
            "The activity 'review' has no attribute 'gener'. Did you mean 'genre'?",
        ),
        (
            "attributes",
            csv_cell({"pages": 7.5}),
            "The attribute 'pages' is 7.5: it has to be a text,",
        ),
        (
            "attribute:pages",
            "7.5",
            "The attribute 'pages' of 'review' is a whole number, not '7.5'.",
        ),
        (
            "attribute:is_signed",
            "yes",
            "The attribute 'is_signed' of 'review' is a yes or no, not 'yes'.",
        ),
        (
            "attribute:stars",
            "5",
            "The activity 'review' has no attribute 'stars'.",
        ),
    ],
)
def test_attributes_that_cannot_be_used_are_reported_by_line(column, cell, reason):
    result = import_lines(f"{COLUMNS},{column}", f"{REQUIRED},{cell}", f"{REQUIRED},")

    [error] = result.errors
    assert error.startswith(f"line 2: {reason}")
    assert kept() == [None]


def test_an_attribute_comes_only_once():
    header = f"{COLUMNS},attributes,attribute:pages"

    result = import_lines(
        header, f"{REQUIRED},{csv_cell({'pages': 7})},7", f"{REQUIRED},,"
    )

    assert result.errors == ["line 2: The attribute 'pages' is given twice."]


def test_a_column_of_an_attribute_comes_only_once():
    with pytest.raises(CommandError) as refusal:
        import_lines(f"{COLUMNS},attribute:pages,attribute:pages")

    assert str(refusal.value) == "The header has the column 'attribute:pages' twice."


def test_rows_that_differ_in_attributes_alone_both_count():
    rows = [json.dumps({**ROW, "attributes": {"pages": n}}) for n in (1, 2, 1)]

    import_lines(*rows)
    again = import_lines(*rows)

    assert kept() == [{"pages": 1}, {"pages": 2}, {"pages": 1}]
    assert again.numbers["replays"] == 3


def test_many_rows_ask_once_for_types(django_assert_max_num_queries):
    types = AttributeTypes()
    types.load({"review"})

    with django_assert_max_num_queries(0):
        types.load({"review"})
