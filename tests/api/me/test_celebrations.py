from __future__ import annotations

from datetime import timedelta

import pytest

from gamification.api.exceptions import MAX_ERRORS
from gamification.api.fields import StrictIntegerField
from gamification.models import Celebration
from gamification.services import (
    acknowledge_celebrations,
    award_achievement,
    claim_celebration,
    record_activity,
    reverse_entry,
    revoke_achievement,
)
from tests.api.assertions import assert_problem, errors_in
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

MINUTE = timedelta(minutes=1)
CELEBRATIONS = "/api/gamification/v1/me/celebrations/"


def celebrate(user) -> list[int]:
    """Let the user reach levels 2, 3 and 4; return the ids of the celebrations."""
    for quantity in (5, 10, 15):
        record_activity(user, "walk", quantity=quantity)
    return list(Celebration.objects.filter(user=user).values_list("id", flat=True))


@pytest.fixture
def shows(user) -> list[int]:
    return celebrate(user)


def pending(api, **query):
    results = api.get(CELEBRATIONS, query).json()["results"]
    return [celebration["id"] for celebration in results]


def claim(api, name):
    return api.post(f"{CELEBRATIONS}{name}/claim/")


def acknowledge(api, name):
    return api.post(f"{CELEBRATIONS}{name}/acknowledge/")


def acknowledge_several(api, body):
    return api.post(f"{CELEBRATIONS}acknowledge/", body, format="json")


def test_a_celebration_has_the_data_to_show(api, user):
    AchievementFactory(key="hero", name="Hero", icon="🦸", xp_reward=20)
    award_achievement(user, "hero")
    record_activity(user, "walk", quantity=5)

    [first, second] = Celebration.objects.order_by("id")
    assert api.get(CELEBRATIONS).json() == {
        "next": None,
        "results": [
            {
                "id": first.id,
                "kind": "achievement",
                "title": "Hero",
                "text": "You unlocked “Hero” and earned 20 XP.",
                "data": {
                    "achievement": "hero",
                    "name": "Hero",
                    "icon": "🦸",
                    "xp": 20,
                },
                "created_at": "2026-03-02T12:00:00Z",
                "expires_at": "2026-03-09T12:00:00Z",
                "claimed_until": None,
            },
            {
                "id": second.id,
                "kind": "level",
                "title": "Level 2",
                "text": "You reached level 2.",
                "data": {"from": 1, "to": 2, "levels": [2]},
                "created_at": "2026-03-02T12:00:00Z",
                "expires_at": "2026-03-09T12:00:00Z",
                "claimed_until": None,
            },
        ],
    }


def test_a_user_without_activities_has_no_celebrations(api):
    assert api.get(CELEBRATIONS).json() == {"next": None, "results": []}


def test_celebrations_are_the_users_own(api, shows):
    others = celebrate(UserFactory())

    assert pending(api) == shows
    assert not {*shows} & {*others}


def test_acknowledged_and_expired_celebrations_are_not_listed(
    api, user, shows, server_clock
):
    acknowledge_celebrations(user, ids=shows[:1])
    acknowledged = pending(api)
    server_clock.shift(timedelta(days=7))

    assert (acknowledged, pending(api)) == (shows[1:], [])


def test_a_level_that_was_lost_again_is_not_celebrated(api, user):
    entry = record_activity(user, "walk", quantity=5).entry
    [level] = pending(api)
    reverse_entry(user, entry_id=entry.id)

    assert pending(api) == []
    assert_problem(claim(api, level), 409, "celebration_over")


def test_an_achievement_that_was_revoked_is_not_celebrated(api, user):
    AchievementFactory(key="hero", xp_reward=0)
    award_achievement(user, "hero")
    [celebration] = pending(api)
    revoke_achievement(user, "hero")

    assert pending(api) == []
    assert_problem(claim(api, celebration), 409, "celebration_over")


def test_a_list_goes_on_where_the_last_part_ended(api, shows):
    first = api.get(CELEBRATIONS, {"limit": 2}).json()
    second = api.get(first["next"]).json()

    assert [each["id"] for each in first["results"]] == shows[:2]
    assert [each["id"] for each in second["results"]] == shows[2:]
    assert second["next"] is None


def test_a_list_takes_one_query(api, shows, django_assert_num_queries):
    # The user's celebrations that wait.
    with django_assert_num_queries(1):
        assert pending(api) == shows


@pytest.mark.parametrize("cursor", ["0", "-1", "abc", "", "\0", "9" * 5_000], ids=ascii)
def test_a_forged_cursor_is_refused(api, cursor):
    assert errors_in(api.get(CELEBRATIONS, {"cursor": cursor})).keys() == {"/cursor"}


def test_polling_says_that_nothing_has_changed(api, shows):
    first = api.get(CELEBRATIONS)
    second = api.get(CELEBRATIONS, headers={"If-None-Match": first["ETag"]})

    assert (second.status_code, second.content) == (304, b"")


def test_polling_returns_changes(api, shows):
    tags = [api.get(CELEBRATIONS)["ETag"]]
    claim(api, shows[0])
    tags.append(api.get(CELEBRATIONS)["ETag"])
    acknowledge(api, shows[0])
    tags.append(api.get(CELEBRATIONS)["ETag"])

    assert len({*tags}) == 3
    answer = api.get(CELEBRATIONS, headers={"If-None-Match": ", ".join(tags[:2])})
    assert answer.status_code == 200


def test_an_ETag_of_one_user_does_not_match_for_another(api, shows):
    first = api.get(CELEBRATIONS)
    other = UserFactory()
    celebrate(other)
    api.force_authenticate(other)
    second = api.get(CELEBRATIONS, headers={"If-None-Match": first["ETag"]})

    assert second.status_code == 200
    assert second["ETag"] != first["ETag"]


def test_a_screen_claims_a_celebration_for_a_minute(api, shows):
    answer = claim(api, shows[1])

    assert answer.status_code == 200
    assert answer.json() == {
        "id": shows[1],
        "kind": "level",
        "title": "Level 3",
        "text": "You reached level 3.",
        "data": {"from": 2, "to": 3, "levels": [3]},
        "created_at": "2026-03-02T12:00:00Z",
        "expires_at": "2026-03-09T12:00:00Z",
        "claimed_until": "2026-03-02T12:01:00Z",
    }
    assert api.get(CELEBRATIONS).json()["results"][1] == answer.json()


def test_a_claimed_celebration_cannot_be_claimed_by_another_screen(
    api, shows, server_clock
):
    claim(api, shows[0])
    server_clock.shift(MINUTE / 2)

    problem = assert_problem(claim(api, shows[0]), 409, "celebration_claimed")

    assert problem["claimed_until"] == "2026-03-02T12:01:00Z"


def test_an_expired_claim_can_be_claimed_again(api, shows, server_clock):
    claim(api, shows[0])
    server_clock.shift(MINUTE)

    assert claim(api, shows[0]).json()["claimed_until"] == "2026-03-02T12:02:00Z"


def test_an_acknowledged_celebration_cannot_be_claimed(api, user, shows):
    acknowledge_celebrations(user, ids=shows)

    assert_problem(claim(api, shows[0]), 409, "celebration_over")


def test_a_celebration_is_acknowledged_once_however_often(api, shows, server_clock):
    first = acknowledge(api, shows[0])
    before = everything()
    server_clock.shift(MINUTE)
    second = acknowledge(api, shows[0])

    assert (first.status_code, first.content) == (204, b"")
    assert (second.status_code, second.content) == (204, b"")
    assert everything() == before
    assert pending(api) == shows[1:]


def test_an_expired_celebration_may_still_be_acknowledged(api, shows, server_clock):
    server_clock.shift(timedelta(days=30))

    assert acknowledge(api, shows[0]).status_code == 204


def test_a_screen_acknowledges_its_claimed_celebration(api, user, shows):
    claim_celebration(user, id=shows[0])

    assert acknowledge(api, shows[0]).status_code == 204


@pytest.mark.parametrize("ask", [claim, acknowledge])
def test_a_celebration_of_another_user_is_none(api, ask):
    others = celebrate(UserFactory())
    before = everything()

    assert_problem(ask(api, others[0]), 404, "unknown_celebration")

    assert everything() == before


@pytest.mark.parametrize("ask", [claim, acknowledge])
@pytest.mark.parametrize("name", [0, 999_999_999, 2**63 - 1, 2**63, "9" * 19])
def test_a_celebration_that_is_not_there_is_unknown(api, shows, ask, name):
    assert_problem(ask(api, name), 404, "unknown_celebration")


@pytest.mark.parametrize("ask", [claim, acknowledge])
@pytest.mark.parametrize(
    "name",
    [-1, "+1", 10**24, "9" * 5_000, "1.0", "abc", "%00", "1%00", "１", "%ED%A0%80"],
    ids=ascii,
)
def test_an_invalid_id_is_not_found(api, shows, ask, name):
    before = everything()

    assert_problem(ask(api, name), 404, "not_found")

    assert everything() == before


def test_several_are_acknowledged_at_once(api, user, shows):
    others = celebrate(UserFactory())
    acknowledge_celebrations(user, ids=shows[:1])

    answer = acknowledge_several(api, {"ids": [*shows, *shows, others[0], 2**63 - 1]})

    assert (answer.status_code, answer.json()) == (200, {"acknowledged": 2})
    assert pending(api) == []
    assert Celebration.objects.get(id=others[0]).acknowledged_at is None


def test_a_hundred_may_be_acknowledged_at_once(api):
    answer = acknowledge_several(api, {"ids": list(range(1, 101))})

    assert answer.json() == {"acknowledged": 0}


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"/ids": "required"}),
        ({"ids": None}, {"/ids": "null"}),
        ({"ids": []}, {"/ids": "min_length"}),
        ({"ids": [1] * 101}, {"/ids": "max_length"}),
        ({"ids": "1"}, {"/ids": "not_a_list"}),
        ({"ids": {"1": 1}}, {"/ids": "not_a_list"}),
        ({"ids": 1}, {"/ids": "not_a_list"}),
        ({"ids": [1, "1"]}, {"/ids/1": "invalid"}),
        ({"ids": [True]}, {"/ids/0": "invalid"}),
        ({"ids": [1.0]}, {"/ids/0": "invalid"}),
        ({"ids": [None]}, {"/ids/0": "null"}),
        ({"ids": [0]}, {"/ids/0": "min_value"}),
        ({"ids": [2**63]}, {"/ids/0": "max_value"}),
        ({"ids": [1], "user": 1}, {"/user": "unknown"}),
        ([1], {"": "invalid"}),
    ],
    ids=ascii,
)
def test_ids_are_a_list_of_ids(api, shows, body, errors):
    before = everything()

    assert errors_in(acknowledge_several(api, body)) == errors

    assert everything() == before


def test_a_list_that_is_too_long_is_refused_before_its_ids_are_checked(
    api, monkeypatch
):
    checked = []
    monkeypatch.setattr(StrictIntegerField, "run_validation", checked.append)

    response = acknowledge_several(api, {"ids": [0] * 200_000})

    assert errors_in(response) == {"/ids": "max_length"}
    assert len(response.content) < 1_000
    assert checked == []


def test_of_many_wrong_ids_only_some_are_told(api):
    errors = errors_in(acknowledge_several(api, {"ids": [0] * 100}))

    assert errors == {f"/ids/{n}": "min_value" for n in range(MAX_ERRORS)}
