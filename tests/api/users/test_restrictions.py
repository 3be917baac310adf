from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from gamification.models import UserGamification
from gamification.services import record_activity
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

ADA = f"{API}users/ada/restrictions/"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOLD = {"kind": "hold", "until": "2026-04-01T00:00:00Z", "reason": "Odd."}


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def ada(db, activity):
    user = UserFactory(username="ada")
    record_activity(user, "walk")
    return user


@pytest.fixture
def api(staff):
    return client_of(staff, "restrict_user")


def row_of(user):
    return UserGamification.objects.get(user=user)


def test_a_user_is_held(api, staff, ada):
    response = api.post(ADA, HOLD)

    assert response.status_code == 201
    assert response.json() == {
        **HOLD,
        "actor": staff.get_username(),
        "created_at": "2026-03-02T12:00:00Z",
        "lifted_at": None,
        "lifted_by": None,
        "lift_reason": "",
    }
    assert row_of(ada).held_until == datetime(2026, 4, 1, tzinfo=UTC)


def test_a_user_is_excluded(api, ada):
    response = api.post(ADA, {"kind": "exclusion", "reason": "Odd."})

    assert (response.status_code, response.json()["until"]) == (201, None)
    assert row_of(ada).is_excluded


def test_a_restriction_is_lifted_and_stays_in_the_list(api, staff, ada):
    api.post(ADA, HOLD)

    lifted = api.post(f"{ADA}hold/lift/", {"reason": "It was an import."})

    assert lifted.status_code == 200
    assert lifted.json()["lifted_at"] == "2026-03-02T12:00:00Z"
    assert lifted.json()["lifted_by"] == staff.get_username()
    assert lifted.json()["lift_reason"] == "It was an import."
    assert row_of(ada).held_until is None
    assert api.get(ADA).json()["results"] == [lifted.json()]


def test_a_restriction_is_lifted_without_a_reason(api, ada):
    api.post(ADA, HOLD)

    lifted = api.post(f"{ADA}hold/lift/", {"reason": ""})

    assert (lifted.status_code, lifted.json()["lift_reason"]) == (200, "")


def test_a_restriction_that_is_not_there_cannot_be_lifted(api, ada):
    assert_problem(api.post(f"{ADA}exclusion/lift/", {}), 404, "not_found")
    assert_problem(api.post(f"{ADA}jail/lift/", {}), 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "hold", "reason": "Odd."},
        {**HOLD, "until": "2026-03-02T12:00:00Z"},
        {**HOLD, "kind": "exclusion"},
    ],
)
def test_a_hold_ends_in_the_future_and_an_exclusion_has_no_end(api, ada, body):
    assert_problem(api.post(ADA, body), 422, "invalid_instant")
    assert api.get(ADA).json()["count"] == 0


def test_a_restriction_needs_a_reason(api, ada):
    response = api.post(ADA, {"kind": "exclusion", "reason": " "})

    assert [*errors_in(response)] == ["/reason"]


def test_the_list_reads_everything_at_once(api, ada, django_assert_num_queries):
    for _ in range(5):
        api.post(ADA, HOLD)

    # The user, the count, and the rows.
    with django_assert_num_queries(3):
        assert len(api.get(ADA).json()["results"]) == 5
