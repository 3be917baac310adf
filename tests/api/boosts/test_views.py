from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from gamification.models import Boost
from gamification.services import record_activity, set_time_zone
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import ActivityFactory, BoostFactory, UserFactory
from tests.inspection import everything

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

BOOSTS = f"{API}boosts/"
LAUNCH = {
    "key": "launch",
    "name": "Launch weekend",
    "factor": "2.00",
    "starts_at": "2026-03-07T00:00:00Z",
    "ends_at": "2026-03-09T00:00:00Z",
    "zone": "Europe/Berlin",
}
DAY = timedelta(days=1)


@pytest.fixture
def api(staff):
    names = ("view_boost", "add_boost", "change_boost", "delete_boost")
    return client_of(staff, *names)


def edit(api, body, tag="*"):
    headers = {"If-Match": tag}
    return api.patch(f"{BOOSTS}launch/", body, format="json", headers=headers)


def running(**fields) -> Boost:
    now = timezone.now()
    times = {"starts_at": now - DAY, "ends_at": now + DAY}
    return BoostFactory(key="launch", **{**times, **fields})


def test_staff_add_a_boost(api):
    ActivityFactory(key="read", attributes={"genre": "string"})
    Group.objects.create(name="Club")
    body = {
        **LAUNCH,
        "activities": ["walk", "read"],
        "group": "Club",
        "where": [["genre", "is", "fantasy"]],
        "boosts_imports": True,
    }

    made = api.post(BOOSTS, body)

    assert made.status_code == 201
    assert made["Location"].endswith("/v1/boosts/launch/")
    assert made.json() == {
        **body,
        "activities": ["read", "walk"],
        "description": "",
        "boosts_achievements": False,
        "boosts_adjustments": False,
        "is_active": True,
        "state": "planned",
    }
    assert [row["key"] for row in api.get(BOOSTS).json()["results"]] == ["launch"]


def test_every_mistake_of_a_boost_has_its_place(api):
    body = {
        **LAUNCH,
        "factor": "1.00",
        "activities": ["swim"],
        "group": "Nobody",
        "zone": "Europe/Bern",
        "where": [["genre", "is", "fantasy"]],
    }

    problem = assert_problem(api.post(BOOSTS, body), 422, "invalid_definition")

    assert {each["pointer"] for each in problem["errors"]} == {
        "/activities",
        "/group",
        "/where",
        "/zone",
        "",
    }


@pytest.mark.parametrize("factor", [2, "2.", "1.234", "-2", "1e1", "٢"])
def test_a_factor_is_a_decimal_number_as_a_text(api, factor):
    response = api.post(BOOSTS, {**LAUNCH, "factor": factor})

    assert [*errors_in(response)] == ["/factor"]


@pytest.mark.parametrize("comparison", ["x", ["genre", "is"], {"genre": "x"}])
def test_a_comparison_has_three_parts(api, comparison):
    response = api.post(BOOSTS, {**LAUNCH, "where": [comparison]})

    assert errors_in(response) == {"/where/0": "invalid"}


def test_a_boost_cannot_begin_in_the_past(api):
    body = {**LAUNCH, "starts_at": "2026-03-02T11:00:00Z"}

    problem = assert_problem(api.post(BOOSTS, body), 422, "invalid_definition")

    assert [each["pointer"] for each in problem["errors"]] == ["/starts_at"]


@pytest.mark.parametrize("address", [BOOSTS, f"{BOOSTS}preview/"])
@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("starts_at", "0001-01-01T00:00:00+23:59"),
        ("ends_at", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_a_boost_is_between_1970_and_3000(api, address, name, time):
    body = LAUNCH | {"zone": "", name: time}
    if address != BOOSTS:
        del body["key"]

    problem = assert_problem(api.post(address, body), 422, "invalid_definition")

    assert [each["pointer"] for each in problem["errors"]] == [f"/{name}"]


def test_somebody_elses_boost_is_not_overwritten(api):
    tag = api.post(BOOSTS, LAUNCH)["ETag"]
    saved = edit(api, {"factor": "3.00"}, tag)

    assert saved.json()["factor"] == "3.00"
    assert saved["ETag"] == api.get(f"{BOOSTS}launch/")["ETag"] != tag
    assert_problem(edit(api, {"factor": "4.00"}, tag), 412, "stale_edit")
    assert_problem(edit(api, {"factor": "4.00"}, ""), 428, "precondition_required")


def test_a_running_boost_can_only_be_ended_earlier_or_later(api):
    running()

    refused = edit(api, {"factor": "3.00"})
    extended = edit(api, {"ends_at": "2026-04-01T00:00:00Z"})
    ended = api.post(f"{BOOSTS}launch/end/", headers={"If-Match": "*"})

    assert_problem(refused, 422, "invalid_definition")
    assert extended.json()["ends_at"] == "2026-04-01T00:00:00Z"
    assert (ended.json()["state"], ended.json()["ends_at"]) == (
        "over",
        "2026-03-02T12:00:00Z",
    )


def test_a_boost_on_users_own_clocks_can_be_ended_on_its_first_day(api):
    running(zone="", starts_at=timezone.now() - timedelta(hours=12))

    ended = api.post(f"{BOOSTS}launch/end/", headers={"If-Match": "*"})

    assert (ended.status_code, ended.json()["state"]) == (200, "over")
    assert not ended.json()["is_active"]


def test_a_boost_that_the_ledger_names_stays(api, user):
    running()
    record_activity(user, "walk")

    used = api.delete(f"{BOOSTS}launch/", headers={"If-Match": "*"})

    assert_problem(used, 409, "boost_used")
    assert Boost.objects.count() == 1


def test_middleware_that_compares_tags_answers_304_to_an_equal_body_only(
    api, settings, server_clock
):
    conditional = "django.middleware.http.ConditionalGetMiddleware"
    settings.MIDDLEWARE = [conditional, *settings.MIDDLEWARE]
    known = {"If-None-Match": api.post(BOOSTS, LAUNCH)["ETag"]}
    same = api.get(f"{BOOSTS}launch/", headers=known)
    server_clock.move_to("2026-03-07T12:00:00Z")

    running = api.get(f"{BOOSTS}launch/", headers=known)

    assert (same.status_code, running.json()["state"]) == (304, "running")


def test_a_tag_of_a_version_alone_is_good_for_an_edit(api):
    version = api.post(BOOSTS, LAUNCH)["ETag"].partition(".")[0]

    assert edit(api, {"name": "Launch"}, f'{version}"').status_code == 200


def test_an_unused_boost_can_be_deleted(api):
    tag = api.post(BOOSTS, LAUNCH)["ETag"]

    gone = api.delete(f"{BOOSTS}launch/", headers={"If-Match": tag})

    assert gone.status_code == 204
    assert_problem(api.get(f"{BOOSTS}launch/"), 404, "not_found")


def test_a_preview_says_what_the_last_days_would_have_given(api, user):
    record_activity(user, "walk", quantity=28)
    before = everything()

    body = {name: value for name, value in LAUNCH.items() if name != "key"}
    answer = api.post(f"{BOOSTS}preview/", body).json()

    assert answer.pop("sentence").startswith("Multiplies by 2 the XP of all activities")
    assert answer == {
        "users_a_day": 0,
        "xp_a_day": 10,
        "extra_a_day": 10,
        "days": [{"day": "2026-03-02", "users": 1, "xp": 280, "extra": 280}],
        "every": 1,
        "overlaps": [],
        "together": "2.00",
    }
    assert everything() == before


def test_a_preview_of_a_change_names_what_holds_at_the_same_time(api):
    api.post(BOOSTS, LAUNCH)
    api.post(BOOSTS, {**LAUNCH, "key": "club", "name": "Club", "factor": "1.50"})

    answer = api.post(f"{BOOSTS}launch/preview/", {"factor": "3.00"}).json()

    assert answer["overlaps"] == [{"key": "club", "name": "Club", "factor": "1.50"}]
    assert answer["together"] == "4.50"


def test_a_user_is_told_which_boosts_hold_and_which_are_coming(user):
    set_time_zone(user, "Europe/Berlin")
    now = timezone.now()
    running(factor=Decimal("1.5"))
    BoostFactory(key="own", zone="", starts_at=now + DAY, ends_at=now + 2 * DAY)
    BoostFactory(key="over", starts_at=now - 2 * DAY, ends_at=now - DAY)
    BoostFactory(key="off", ends_at=now + DAY, starts_at=now - DAY, is_active=False)
    group = Group.objects.create(name="Club")
    BoostFactory(key="club", group=group, starts_at=now + DAY, ends_at=now + 2 * DAY)

    found = client_of(user).get(f"{API}me/boosts/").json()["results"]

    assert [(each["key"], each["is_running"]) for each in found] == [
        ("launch", True),
        ("own", False),
    ]
    assert found[0]["factor"] == "1.50"
    # Noon on Berlin's clock.
    assert found[1]["starts_at"] == "2026-03-03T11:00:00Z"


def test_an_answer_says_where_xp_comes_from(user):
    running()
    api = client_of(UserFactory(), "record_activity")

    body = {"user": user.get_username(), "activity": "walk", "key": "a"}
    entry = api.post(f"{API}records/", body).json()["entry"]

    assert (entry["amount"], entry["base"], entry["factor"]) == (20, 10, "2.00")
    assert entry["boosts"] == [
        {"key": "launch", "name": "Launch weekend", "factor": "2.00"}
    ]
    [line] = client_of(user).get(f"{API}me/ledger/").json()["results"]
    assert line["boosts"] == entry["boosts"]
