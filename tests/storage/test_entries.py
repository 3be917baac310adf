"""The entries that matter for a reversal, in both stores."""

from __future__ import annotations

import pytest
from django.utils import timezone

from gamification.services import record_activity, reverse_entry
from gamification.storage import store_for
from tests.factories import ActivityFactory, UserFactory

pytestmark = pytest.mark.django_db

SAID = {"mood": "good"}


@pytest.fixture
def swim():
    return ActivityFactory(key="swim", daily_limit=1, attributes={"mood": "string"})


@pytest.fixture
def ids(user, swim, no_achievements):
    """A record, one that a limit withheld, the reversal and what it made room for."""
    first, second = (
        record_activity(user, "swim", attributes=SAID).entry for _ in range(2)
    )
    record_activity(UserFactory(), "swim")
    outcome = reverse_entry(user, entry_id=first.id)
    [correction] = outcome.corrections
    return first.id, second.id, outcome.entry.id, correction.id


@pytest.fixture
def store():
    return store_for("default")


def test_an_entry_comes_with_its_reversal_and_its_corrections(user, ids, store):
    first, second, reversal, correction = ids

    found = [[e.id for e in store.entries_about(user.pk, pk)] for pk in ids]

    assert found == [[first, reversal], [second, correction], [reversal], [correction]]


def test_entries_of_others_are_left_out(ids, store):
    assert store.entries_about(UserFactory().pk, ids[0]) == []


def test_entries_near_are_those_with_room(user, ids, swim, store):
    today = timezone.localdate()

    few = store.entries_near(user.pk, [today], [swim.pk], [])
    every = store.entries_near(user.pk, [today], [swim.pk], [swim.pk])

    assert tuple(entry.id for entry in few) == ids[1:]
    assert tuple(entry.id for entry in every) == ids


def test_entries_are_those_that_the_models_have(user, ids, store):
    assert store.entries_about(user.pk, ids[0]) == store.entries(
        [user.pk], pk__in=[ids[0], ids[2]]
    )
    assert store.entries_about(user.pk, ids[0])[0].attributes == SAID
