from __future__ import annotations

from datetime import timedelta

import pytest

from gamification.models import StreakFreeze
from gamification.services import record_activity
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import UserFactory
from tests.inspection import everything

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

ADA = f"{API}users/ada"


@pytest.fixture
def ada(activity):
    user = UserFactory(username="ada")
    record_activity(user, "walk")
    return user


@pytest.fixture
def api(staff):
    return client_of(staff, "grant_freezes", "pause_streak", "repair_streak")


def test_staff_grant_freezes_as_far_as_there_is_room(api, staff, ada):
    granted = api.post(f"{ADA}/freezes/", {"amount": 3, "note": "Sorry."})

    assert granted.status_code == 201
    assert (granted.json()["added"], granted.json()["status"]["freezes"]) == (2, 2)
    rows = api.get(f"{ADA}/freezes/").json()["results"]
    assert [(row["kind"], row["amount"]) for row in rows] == [
        ("lost", -1),
        ("granted", 3),
    ]
    assert rows[1] == {
        "streak": "daily",
        "kind": "granted",
        "amount": 3,
        "date": "2026-03-02",
        "note": "Sorry.",
        "actor": staff.get_username(),
        "created_at": "2026-03-02T12:00:00Z",
    }


def test_a_key_makes_a_grant_safe_to_repeat(api, ada):
    headers = {"Idempotency-Key": "thanks"}
    first, again = (
        api.post(f"{ADA}/freezes/", {"amount": 1}, headers=headers) for _ in range(2)
    )

    assert (first.status_code, again.status_code) == (201, 200)
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == first.json() | {"replayed": True}
    other = api.post(f"{ADA}/freezes/", {"amount": 2, "key": "thanks"})
    assert_problem(other, 422, "idempotency_conflict")
    assert StreakFreeze.objects.count() == 1


def test_staff_grant_nothing_to_themselves(api, staff):
    address = f"{API}users/{staff.get_username()}/freezes/"

    assert_problem(api.post(address, {"amount": 1}), 403, "self_award")


def test_staff_pause_past_dates_and_end_the_pause(api, staff, ada):
    body = {"start": "2026-02-20", "end": "2026-03-09", "note": "Ill."}

    made = api.post(f"{ADA}/pauses/", body)

    assert (made.status_code, made.json()) == (
        201,
        {
            "streak": None,
            **body,
            "actor": staff.get_username(),
            "created_at": "2026-03-02T12:00:00Z",
        },
    )
    assert api.delete(f"{ADA}/pauses/").status_code == 204
    [left] = api.get(f"{ADA}/pauses/").json()["results"]
    assert left["end"] == "2026-03-01"
    assert_problem(api.delete(f"{ADA}/pauses/"), 404, "not_found")


def test_staff_repair_dates(api, staff, ada, server_clock):
    server_clock.shift(timedelta(days=2))
    body = {"dates": ["2026-03-03"], "note": "The outage."}

    repaired = api.post(f"{ADA}/repairs/", body)

    assert (repaired.status_code, repaired.json()["current"]) == (201, 1)
    assert api.get(f"{ADA}/repairs/").json()["results"] == [
        {
            "streak": "daily",
            "date": "2026-03-03",
            "note": "The outage.",
            "actor": staff.get_username(),
            "created_at": "2026-03-04T12:00:00Z",
        }
    ]


def test_a_repair_of_staff_needs_a_note_and_past_dates(api, ada):
    before = everything()

    response = api.post(f"{ADA}/repairs/", {"dates": ["2026-03-01"], "note": " "})
    assert errors_in(response) == {"/note": "blank"}
    today = {"dates": ["2026-03-02"], "note": "An outage."}
    assert_problem(api.post(f"{ADA}/repairs/", today), 422, "not_repairable")
    assert everything() == before
