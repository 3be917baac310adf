from __future__ import annotations

import pytest

from gamification.models import Activity
from gamification.services import record_activity
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

ACTIVITIES = f"{API}activities/"
TYPES = {"genre": "string", "pages": "integer"}
REVIEW = {"key": "review", "name": "Review", "attributes": TYPES}


@pytest.fixture
def api(user):
    return client_of(user, "view_activity", "add_activity", "change_activity")


@pytest.fixture
def review(db):
    Activity.objects.all().delete()
    return ActivityFactory(**REVIEW)


def edit(api, body, tag=None):
    tag = tag or api.get(f"{ACTIVITIES}review/")["ETag"]
    headers = {"If-Match": tag}
    return api.patch(f"{ACTIVITIES}review/", body, format="json", headers=headers)


def test_staff_add_an_activity_with_attributes(api):
    made = api.post(ACTIVITIES, REVIEW)

    assert made.status_code == 201
    assert made["Location"].endswith("/v1/activities/review/")
    assert made.json() == {
        **REVIEW,
        "description": "",
        "xp_reward": 0,
        "daily_limit": None,
        "cooldown": None,
        "extends_streak": True,
        "is_active": True,
    }
    assert api.get(made["Location"]).json() == made.json()


def test_activities_are_listed_by_key(api, review):
    ActivityFactory(key="film", name="Film", is_active=False)

    page = api.get(ACTIVITIES).json()

    shown = [(row["key"], row["attributes"]) for row in page["results"]]
    assert shown == [("film", {}), ("review", TYPES)]


def test_staff_edit_the_attributes_of_an_activity(api, review):
    answer = edit(api, {"attributes": {"genre": "string", "stars": "integer"}})

    assert answer.json()["attributes"] == {"genre": "string", "stars": "integer"}
    assert answer.json()["name"] == "Review"


def test_the_second_of_two_editors_is_refused(api, review):
    tag = api.get(f"{ACTIVITIES}review/")["ETag"]
    edit(api, {"xp_reward": 7}, tag)

    assert_problem(edit(api, {"attributes": {}}, tag), 412, "stale_edit")


def test_a_type_that_entries_have_stays(api, review):
    record_activity(UserFactory(), "review", attributes={"genre": "horror"})
    before = everything()

    answer = edit(api, {"attributes": {"genre": "boolean"}})

    [error] = assert_problem(answer, 422, "invalid_definition")["errors"]
    assert (error["pointer"], error["code"]) == ("/attributes", "in_use")
    assert everything() == before


@pytest.mark.parametrize("kind", ["text", None, [[]], True])
def test_a_type_is_one_of_three(api, kind):
    answer = api.post(ACTIVITIES, {**REVIEW, "attributes": {"genre": kind}})

    assert errors_in(answer) == {"/attributes/genre": "invalid"}


def test_a_wrong_declaration_is_pointed_at(api):
    answer = api.post(ACTIVITIES, {**REVIEW, "attributes": {"Genre": "string"}})

    [error] = assert_problem(answer, 422, "invalid_definition")["errors"]
    assert error["pointer"] == "/attributes"


@pytest.mark.parametrize("attributes", [None, [], "genre"])
def test_a_declaration_is_an_object(api, attributes):
    answer = api.post(ACTIVITIES, {**REVIEW, "attributes": attributes})

    assert [*errors_in(answer)] == ["/attributes"]
