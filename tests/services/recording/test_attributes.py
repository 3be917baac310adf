from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import models

from gamification.exceptions import (
    GamificationError,
    IdempotencyConflictError,
    InvalidAttributeError,
    UnknownAttributeError,
)
from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    record_activities,
    record_activity,
    record_each,
    reverse_entry,
)
from gamification.storage import store_for
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import everything, ledger_of

pytestmark = pytest.mark.django_db

REVIEW = {"genre": "fantasy", "pages": 412, "is_signed": True}


class Genre(models.TextChoices):
    HORROR = "horror"


@pytest.fixture(autouse=True)
def review(user):
    types = {"genre": "string", "pages": "integer", "is_signed": "boolean"}
    return ActivityFactory(key="review", daily_limit=1, attributes=types)


def kept(user):
    return [entry.attributes for entry in ledger_of(user)]


def refusal_of(user, attributes):
    before = everything()
    with pytest.raises(GamificationError) as refusal:
        record_activity(user, "review", attributes=attributes)
    assert everything() == before
    return refusal.value


def test_an_entry_keeps_the_attributes_of_its_record(user):
    outcome = record_activity(user, "review", attributes=REVIEW)

    assert outcome.entry.attributes == REVIEW
    assert kept(user) == [REVIEW]


@pytest.mark.parametrize("attributes", [None, {}])
def test_a_record_needs_no_attributes(user, attributes):
    outcome = record_activity(user, "review", attributes=attributes)

    assert outcome.entry.attributes is None
    assert kept(user) == [None]


def test_a_batch_keeps_the_attributes_of_each_record(user):
    given = [REVIEW, None, {"genre": 'b"\\', "pages": -(2**53)}, {"pages": 0}]

    record_activities(ActivityRecord(user, "review", attributes=each) for each in given)

    assert kept(user) == given


def test_a_batch_of_several_users_keeps_whose_attributes_they_are(user):
    other = UserFactory()

    record_each(
        [
            ActivityRecord(user, "review", attributes={"pages": 1}),
            ActivityRecord(other, "review", attributes={"pages": 2}),
        ]
    )

    assert (kept(user), kept(other)) == ([{"pages": 1}], [{"pages": 2}])


def test_a_batch_goes_on_after_attributes_that_it_refuses(user):
    results = record_each(
        [
            ActivityRecord(user, "review", attributes={"gener": "fantasy"}),
            ActivityRecord(user, "review", attributes={"pages": 1.5}),
            ActivityRecord(user, "review", attributes={"pages": 1}),
        ]
    )

    codes = [getattr(result, "code", "recorded") for result in results]
    assert codes == ["unknown_attribute", "invalid_attribute", "recorded"]


def test_a_member_of_choices_is_its_text(user):
    record_activity(user, "review", attributes={"genre": Genre.HORROR})

    [entry] = ledger_of(user)
    assert entry.attributes == {"genre": "horror"}


def test_attributes_that_nobody_declared_are_refused(user):
    error = refusal_of(user, {"gener": "fantasy"})

    assert isinstance(error, UnknownAttributeError)
    assert error.context == {"attribute": "gener"}
    assert str(error) == (
        "The activity 'review' has no attribute 'gener'. Did you mean 'genre'?"
    )


def test_an_activity_that_declares_no_attributes_takes_none(user, activity):
    with pytest.raises(UnknownAttributeError) as refusal:
        record_activity(user, "walk", attributes={"genre": "fantasy"})

    assert str(refusal.value) == (
        "The activity 'walk' has no attribute 'genre'. It declares none."
    )


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"genre": 1}, "is a text, not 1"),
        ({"genre": True}, "is a text, not True"),
        ({"pages": "412"}, "is a whole number, not '412'"),
        ({"pages": True}, "is a whole number, not True"),
        ({"is_signed": 1}, "is a yes or no, not 1"),
        ({"is_signed": "yes"}, "is a yes or no, not 'yes'"),
    ],
)
def test_an_attribute_has_the_type_that_is_declared(user, attributes, reason):
    [key] = attributes

    error = refusal_of(user, attributes)

    assert isinstance(error, InvalidAttributeError)
    assert error.context == {"attribute": key}
    assert str(error) == f"The attribute '{key}' of 'review' {reason}."


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        (
            [("genre", "x")],
            r"^The attributes are of the type list, not values by key\.$",
        ),
        ("genre", r"^The attributes are of the type str, not values by key\.$"),
        ({1: "x"}, r"^The key 1 of an attribute is not a text that can be stored\.$"),
        ({"a\0": "x"}, r"of an attribute is not a text that can be stored\.$"),
        ({"\ud800": "x"}, r"of an attribute is not a text that can be stored\.$"),
        (
            {"genre": None},
            r"is None: it has to be a text, a whole number or a boolean\. Leave",
        ),
        ({"pages": 1.0}, r"^The attribute 'pages' is 1\.0: it has to be a text"),
        ({"genre": ["x"]}, r"^The attribute 'genre' is of the type list: it has"),
        ({"genre": "x" * 65}, r"^The attribute 'genre' is longer than 64 characters"),
        ({"genre": "a\0"}, r"'genre' holds characters that cannot be stored\.$"),
        ({"genre": "\ud800"}, r"'genre' holds characters that cannot be stored\.$"),
        ({"pages": 2**53 + 1}, r"is not from -9,007,199,254,740,992 to 9,007,199,"),
        ({"pages": -(10**5_000)}, r"^The attribute 'pages' is with thousands of"),
        ({f"a{n}": n for n in range(17)}, r"has at most 16 attributes, not 17\.$"),
        ({f"a{n}": "🦉" * 64 for n in range(9)}, r"more than 2,048 bytes of JSON\.$"),
    ],
)
def test_attributes_have_bounds(user, attributes, message):
    error = refusal_of(user, attributes)

    assert isinstance(error, InvalidAttributeError)
    assert error.code == "invalid_attribute"
    with pytest.raises(InvalidAttributeError, match=message):
        raise error


def test_the_largest_attributes_are_kept(user):
    types = {f"a{n}": "string" for n in range(7)}
    # Seven times 266 bytes, six commas and two braces are 1,870 bytes.
    largest = dict.fromkeys(types, "🦉" * 64)
    ActivityFactory(key="look", attributes=types)

    record_activity(user, "look", attributes=largest)

    assert kept(user) == [largest]


def test_the_same_attributes_in_another_order_are_the_same_request(user):
    first = record_activity(user, "review", attributes=REVIEW, key="a")

    turned = dict(reversed(REVIEW.items()))
    again = record_activity(user, "review", attributes=turned, key="a")

    assert again == replace(first, replayed=True)


@pytest.mark.parametrize(
    "other", [None, {}, {**REVIEW, "pages": 413}, {"genre": "fantasy", "pages": 412}]
)
def test_other_attributes_are_another_request(user, other):
    record_activity(user, "review", attributes=REVIEW, key="a")

    with pytest.raises(IdempotencyConflictError):
        record_activity(user, "review", attributes=other, key="a")


def test_true_is_another_request_than_1(user):
    ActivityFactory(key="look", attributes={"n": "integer"})
    record_activity(user, "look", attributes={"n": 1}, key="a")

    with pytest.raises(IdempotencyConflictError):
        record_activity(user, "look", attributes={"n": True}, key="a")


def test_a_request_without_attributes_has_the_same_digest_as_ever(user):
    record_activity(user, "review", key="a", source="kpi:1", attributes={})

    # Half of BLAKE2b in 16 bytes over ["review", 1, null, "kpi:1"], as of 0.1.
    [entry] = ledger_of(user)
    assert entry.fingerprint == "55c87052b940aa40"


def test_a_replay_needs_no_declaration(user, review):
    first = record_activity(user, "review", attributes=REVIEW, key="a")
    review.attributes = {}
    review.save()

    again = record_activity(user, "review", attributes=REVIEW, key="a")

    assert again == replace(first, replayed=True)


def test_reversals_and_corrections_have_the_attributes_of_their_entry(user):
    first = record_activity(user, "review", attributes={"pages": 1})
    record_activity(user, "review", attributes={"pages": 2})

    reverse_entry(user, entry_id=first.entry.id)

    kinds = [(entry.kind, entry.attributes) for entry in ledger_of(user)]
    assert kinds == [
        ("activity", {"pages": 1}),
        ("activity", {"pages": 2}),
        ("reversal", {"pages": 1}),
        ("correction", {"pages": 2}),
    ]


def test_past_entries_tell_attributes_and_achievements(user):
    record_activity(user, "review", attributes=REVIEW)
    user_id = UserGamification.objects.values_list("user", flat=True).get()

    ledger = store_for("default").ledgers([user_id])[user_id]

    told = [(each.attributes, each.achievement_id) for each in ledger]
    pairs = LedgerEntry.objects.order_by("id").values_list
    assert told == [*pairs("attributes", "achievement_id")]
    assert told[0] == (REVIEW, None)
