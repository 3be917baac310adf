"""Which tallies of filters a record reads."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gamification.conf import conf
from gamification.services import record_activity
from gamification.storage import StateQuery, store_for
from gamification.storage.postgresql import changed
from tests.conditions.worlds import build_filters, make_catalogue
from tests.conftest import IS_POSTGRESQL
from tests.factories import UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(
        not IS_POSTGRESQL, reason="Others may read more than they need."
    ),
]

FANTASY = {"genre": "fantasy"}
OWN = {
    "criterion": "activity_count",
    "activity": "read",
    "threshold": 5,
    "where": [["genre", "is", "fantasy"]],
}


@pytest.fixture(autouse=True)
def five_readings():
    make_catalogue([{"key": "five", "xp": 10, "own": OWN, "tree": None}])
    build_filters()


def read(user, units):
    """Return the state of a user whose next record has so many units."""
    now = datetime.now(UTC)
    query = StateQuery(
        (user.pk,),
        conf.default_calendar,
        activities=("read",),
        earliest=now,
        latest=now,
        said=FANTASY,
        units=units,
    )
    return store_for("default").read(query).states[user.pk]


@pytest.mark.parametrize(("units", "is_read"), [(2, False), (3, True)])
def test_only_who_may_meet_a_tree_needs_tallies(units, is_read, monkeypatch):
    monkeypatch.setattr(changed, "MAX_PENDING", 0)
    user = UserFactory()
    record_activity(user, "read", quantity=2, attributes=FANTASY)

    state = read(user, units)

    assert bool(state.asked.filters) is is_read
    assert bool(state.filters) is is_read


def test_a_tree_is_met_by_the_last_unit():
    user = UserFactory()
    unlocks = [
        record_activity(user, "read", quantity=units, attributes=FANTASY).unlocks
        for units in (2, 2, 1)
    ]

    assert [len(each) for each in unlocks] == [0, 0, 1]
