from __future__ import annotations

import json

import pytest

from gamification.api.views.achievements import definitions
from gamification.domain.rules import MAX_REWARD, MAX_TOTAL
from gamification.models import Achievement
from gamification.services import award_achievement, record_activity
from gamification.staff import create_streak
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything

pytestmark = pytest.mark.django_db

ACHIEVEMENTS = f"{API}achievements/"
NEW = {"key": "new", "name": "New", "category": "mastery", "criterion": "manual"}


@pytest.fixture
def editor(user):
    return client_of(user, "add_achievement", "change_achievement")


@pytest.fixture
def walker(activity):
    return AchievementFactory(key="walker", name="Walker", xp_reward=50)


def edit(client, changes, tag=None, key="walker"):
    address = f"{ACHIEVEMENTS}{key}/"
    tag = client.get(address).headers.get("ETag", "") if tag is None else tag
    return client.patch(
        address,
        json.dumps(changes),
        content_type="application/json",
        headers={"If-Match": tag},
    )


@pytest.mark.parametrize("address", [ACHIEVEMENTS, f"{ACHIEVEMENTS}preview/"])
@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("starts_at", "0001-01-01T00:00:00+23:59"),
        ("ends_at", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_a_season_is_between_1970_and_3000(editor, address, name, time):
    body = NEW | {"season_zone": "Asia/Tokyo", name: time}
    if address != ACHIEVEMENTS:
        del body["key"]

    problem = assert_problem(editor.post(address, body), 422, "invalid_definition")

    assert [each["pointer"] for each in problem["errors"]] == [f"/{name}"]
    assert not Achievement.objects.filter(key="new").exists()


@pytest.mark.usefixtures("server_clock")
def test_staff_make_an_achievement(editor, activity):
    response = editor.post(
        ACHIEVEMENTS,
        {
            "key": "walker",
            "name": "Walker",
            "description": "Walk ten times.",
            "icon": "🚶",
            "category": "milestones",
            "xp_reward": 40,
            "criterion": "activity_count",
            "activity": "walk",
            "threshold": 10,
            "series": "walks",
            "step": 2,
            "max_times": 3,
            "repeat_every": 10,
            "repeat_period": "",
            "starts_at": "2026-06-01T02:00:00+02:00",
            "ends_at": None,
            "season_zone": "Europe/Berlin",
            "shown_outside_season": True,
            "is_secret": True,
            "revocable": True,
            "status": "draft",
            "position": 7,
        },
    )

    assert response.status_code == 201
    assert response.json() == {
        "key": "walker",
        "name": "Walker",
        "description": "Walk ten times.",
        "icon": "🚶",
        "category": "milestones",
        "xp_reward": 40,
        "series": "walks",
        "step": 2,
        "is_secret": True,
        "progress": {"current": 0, "target": 10, "fraction": 0.0, "conditions": None},
        "times": 0,
        "max_times": 3,
        "season": {
            "state": "upcoming",
            "starts_at": "2026-06-01T00:00:00Z",
            "ends_at": None,
            "zone": "Europe/Berlin",
        },
        "unlocked_at": None,
        "rarity": {
            "fraction": None,
            "holders": 0,
            "of": 0,
            "worked_out_at": "2026-03-02T12:00:00Z",
        },
        "criterion": "activity_count",
        "activity": "walk",
        "streak": None,
        "threshold": 10,
        "repeat_every": 10,
        "repeat_period": "",
        "starts_at": "2026-06-01T00:00:00Z",
        "ends_at": None,
        "season_zone": "Europe/Berlin",
        "shown_outside_season": True,
        "counting": {},
        "conditions": None,
        "requirement": "Users earn it when they have done “Walk” 10 times. Users earn "
        "it again after every 10 more, 3 times at most. Only what happens from June 1, "
        "2026, 2 a.m. on counts (Europe/Berlin).",
        "revocable": True,
        "status": "draft",
        "position": 7,
        "created_at": "2026-03-02T12:00:00Z",
        "updated_at": "2026-03-02T12:00:00Z",
        "met_already": 0,
        "problem": "",
    }


def test_a_new_achievement_is_at_its_location(editor):
    made = editor.post(ACHIEVEMENTS, NEW)

    assert made["Location"] == "http://testserver/api/gamification/v1/achievements/new/"
    found = editor.get(made["Location"])
    reach = {"met_already": 0, "problem": ""}
    assert found.json() | reach == made.json()
    versions = {each["ETag"].partition(".")[0] for each in (found, made)}
    assert len(versions) == 1


def test_an_edit_says_how_many_users_meet_it_already(editor, walker, activity):
    for quantity in (1, 2, 3):
        record_activity(UserFactory(), "walk", quantity=quantity)

    edited = edit(editor, {"criterion": "total_xp", "threshold": 20}).json()

    assert (edited["met_already"], edited["problem"]) == (2, "")


def test_an_edit_says_that_nobody_can_reach_it(editor, walker):
    edited = edit(editor, {"criterion": "level", "threshold": 31}).json()

    problem = "There are only 30 levels, so nobody can reach it."
    assert (edited["met_already"], edited["problem"]) == (0, problem)


def test_a_draft_reaches_nobody(editor, activity):
    record_activity(UserFactory(), "walk")
    new = NEW | {"criterion": "total_xp", "status": "draft"}

    assert editor.post(ACHIEVEMENTS, new).json()["met_already"] == 0


def test_fields_that_are_left_out_have_the_defaults_of_the_model(editor):
    made = editor.post(ACHIEVEMENTS, NEW).json()

    assert (made["xp_reward"], made["threshold"], made["position"]) == (0, 1, 0)
    assert (made["status"], made["is_secret"], made["activity"]) == (
        "active",
        False,
        None,
    )
    assert (made["description"], made["icon"]) == ("", "")


def test_staff_edit_an_achievement(editor, walker):
    response = edit(editor, {"name": "Wanderer", "status": "retired"})

    assert response.status_code == 200
    walker.refresh_from_db()
    assert (walker.name, walker.status, walker.xp_reward) == ("Wanderer", "retired", 50)
    assert (response.json()["name"], response.json()["status"]) == (
        "Wanderer",
        "retired",
    )


def test_an_edit_answers_with_the_tag_of_the_next(editor, walker):
    first = edit(editor, {"xp_reward": 60})
    second = edit(editor, {"xp_reward": 70}, first["ETag"])

    assert second.json()["xp_reward"] == 70
    assert first["ETag"] != second["ETag"]


def test_a_stale_edit_is_refused(editor, walker):
    tag = editor.get(f"{ACHIEVEMENTS}walker/")["ETag"]
    edit(editor, {"xp_reward": 60}, tag)

    response = edit(editor, {"xp_reward": 70}, tag)

    assert_problem(response, 412, "stale_edit")
    walker.refresh_from_db()
    assert walker.xp_reward == 60


@pytest.mark.parametrize("tag", ['"other"', "other", '"a", "b"', 'W/"', ","])
def test_an_edit_of_something_else_is_refused(editor, walker, tag):
    assert_problem(edit(editor, {"xp_reward": 70}, tag), 412, "stale_edit")


@pytest.mark.parametrize("headers", [{}, {"If-Match": ""}, {"If-Match": " "}])
def test_an_edit_needs_If_Match(editor, walker, headers):
    address = f"{ACHIEVEMENTS}walker/"

    response = editor.patch(address, {"name": "X"}, format="json", headers=headers)

    assert_problem(response, 428, "precondition_required")
    walker.refresh_from_db()
    assert walker.name == "Walker"


def test_an_edit_may_be_of_whatever_is_there(editor, walker):
    assert edit(editor, {"xp_reward": 70}, "*").json()["xp_reward"] == 70


def test_a_tag_that_compression_made_weak_is_the_same(editor, walker):
    tag = editor.get(f"{ACHIEVEMENTS}walker/")["ETag"]

    assert edit(editor, {"xp_reward": 70}, f"W/{tag}").status_code == 200


def test_an_edit_of_nothing_changes_nothing(editor, walker):
    before = everything()

    response = edit(editor, {})

    assert response.status_code == 200
    assert everything() == before


def test_an_edit_does_not_change_earlier_awards(editor, user, walker):
    award_achievement(user, "walker")

    edit(editor, {"xp_reward": 900, "status": "retired"})

    [mine] = editor.get(f"{API}me/achievements/").json()["results"]
    assert mine["xp_awarded"] == 50
    assert editor.get(f"{API}me/").json()["total_xp"] == 50


def test_drafts_and_secrets_are_edited_too(editor, walker):
    Achievement.objects.filter(key="walker").update(status="draft", is_secret=True)

    assert edit(editor, {"status": "active"}).json()["status"] == "active"


def test_the_criterion_is_edited_with_its_activity(editor, walker, activity):
    counted = edit(editor, {"criterion": "activity_count", "activity": "walk"}).json()
    by_hand = edit(editor, {"criterion": "manual", "activity": None}).json()

    assert (counted["activity"], by_hand["activity"]) == ("walk", None)


def test_only_editors_receive_the_tag(api, user, walker):
    others = api.get(f"{ACHIEVEMENTS}walker/")
    viewer = client_of(user, "view_achievement", "add_achievement")
    viewers = viewer.get(f"{ACHIEVEMENTS}walker/")

    assert "ETag" not in others.headers
    assert "ETag" not in viewers.headers


def test_the_criterion_is_edited_with_its_streak(editor, walker):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    measured = edit(editor, {"criterion": "longest_streak", "streak": "weekly"}).json()
    daily = edit(editor, {"streak": "daily"}).json()
    unknown = edit(editor, {"streak": "yearly"})

    assert (measured["streak"], daily["streak"]) == ("weekly", None)
    [error] = assert_problem(unknown, 422, "invalid_definition")["errors"]
    assert (error["pointer"], error["code"]) == ("/streak", "unknown_streak")


def test_staff_see_the_definition(user, activity):
    AchievementFactory(
        key="walker", criterion="activity_count", activity=activity, threshold=3
    )
    staff = client_of(user, "view_achievement")

    seen = staff.get(f"{ACHIEVEMENTS}walker/").json()

    assert (seen["criterion"], seen["activity"]) == ("activity_count", "walk")
    assert (seen["threshold"], seen["status"], seen["position"]) == (3, "active", 0)


@pytest.mark.parametrize(
    "name",
    [
        "criterion",
        "activity",
        "streak",
        "threshold",
        "counting",
        "conditions",
        "requirement",
        "revocable",
        "status",
        "position",
        "created_at",
        "updated_at",
    ],
)
def test_users_do_not_see_the_definition(api, walker, name):
    assert name not in api.get(f"{ACHIEVEMENTS}walker/").json()


def test_creating_an_achievement_needs_the_permission(user):
    before = everything()

    response = client_of(user, "change_achievement").post(ACHIEVEMENTS, NEW)

    assert_problem(response, 403, "permission_denied")
    assert everything() == before


@pytest.mark.parametrize("key", ["walker", "nothing"])
def test_editing_an_achievement_needs_the_permission(user, walker, key):
    staff = client_of(user, "add_achievement", "view_achievement")

    response = edit(staff, {"xp_reward": 1}, "*", key)

    assert_problem(response, 403, "permission_denied")


def test_an_unknown_achievement_cannot_be_edited(editor):
    assert_problem(edit(editor, {"name": "X"}, "*", "nothing"), 404, "not_found")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"key": "walker"}, {"pointer": "/key", "code": "unique"}),
        ({"activity": "nothing"}, {"pointer": "/activity", "code": "unknown_activity"}),
        ({"activity": "walk"}, {"pointer": "", "code": "invalid"}),
        ({"criterion": "activity_count"}, {"pointer": "", "code": "invalid"}),
    ],
)
def test_a_definition_that_breaks_a_rule_is_refused(editor, walker, changes, error):
    before = everything()

    response = editor.post(ACHIEVEMENTS, NEW | changes)

    problem = assert_problem(response, 422, "invalid_definition")
    [found] = problem["errors"]
    assert found.pop("detail")
    assert found == error
    assert everything() == before


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"name": ""}, {"/name": "blank"}),
        ({"name": " \n"}, {"/name": "blank"}),
        ({"name": "x" * 101}, {"/name": "max_length"}),
        ({"name": "a\0b"}, {"/name": "unstorable"}),
        ({"name": "\ud800"}, {"/name": "unstorable"}),
        ({"name": 1}, {"/name": "invalid"}),
        ({"name": None}, {"/name": "null"}),
        ({"description": "x" * 1_001}, {"/description": "max_length"}),
        ({"icon": "x" * 51}, {"/icon": "max_length"}),
        ({"category": "hats"}, {"/category": "invalid_choice"}),
        ({"criterion": ["manual"]}, {"/criterion": "invalid_choice"}),
        ({"status": True}, {"/status": "invalid_choice"}),
        ({"xp_reward": -1}, {"/xp_reward": "min_value"}),
        ({"xp_reward": 1_000_001}, {"/xp_reward": "max_value"}),
        ({"xp_reward": True}, {"/xp_reward": "invalid"}),
        ({"xp_reward": 1.0}, {"/xp_reward": "invalid"}),
        ({"xp_reward": "1"}, {"/xp_reward": "invalid"}),
        ({"threshold": 0}, {"/threshold": "min_value"}),
        ({"threshold": 2**53 + 1}, {"/threshold": "max_value"}),
        ({"threshold": 10**99}, {"/threshold": "max_value"}),
        ({"position": 2**31}, {"/position": "max_value"}),
        ({"position": -(2**31) - 1}, {"/position": "min_value"}),
        ({"is_secret": 1}, {"/is_secret": "invalid"}),
        ({"revocable": "no"}, {"/revocable": "invalid"}),
        ({"activity": ""}, {"/activity": "blank"}),
        ({"activity": "a b"}, {"/activity": "invalid"}),
    ],
)
def test_a_value_of_the_wrong_form_is_refused(editor, walker, changes, error):
    before = everything()

    assert errors_in(editor.post(ACHIEVEMENTS, NEW | changes)) == error
    assert errors_in(edit(editor, changes, "*")) == error
    assert everything() == before


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "blank"),
        ("a b", "invalid"),
        ("a/b", "invalid"),
        ("../a", "invalid"),
        ("é", "invalid"),
        ("a\n", "invalid"),
        ("a" * 101, "max_length"),
        (None, "null"),
        (1, "invalid"),
    ],
)
def test_a_key_of_the_wrong_form_is_refused(editor, key, code):
    assert errors_in(editor.post(ACHIEVEMENTS, NEW | {"key": key})) == {"/key": code}


@pytest.mark.parametrize("name", ["key", "name", "category", "criterion"])
def test_required_fields_of_a_new_achievement(editor, name):
    without = {other: value for other, value in NEW.items() if other != name}

    assert errors_in(editor.post(ACHIEVEMENTS, without)) == {f"/{name}": "required"}


@pytest.mark.parametrize(
    "name",
    ["id", "created_at", "updated_at", "progress", "rarity", "unlocked_at", "holders"],
)
def test_fields_that_are_not_editable_are_refused(editor, walker, name):
    error = {f"/{name}": "unknown"}

    assert errors_in(editor.post(ACHIEVEMENTS, NEW | {name: 1})) == error
    assert errors_in(edit(editor, {name: 1}, "*")) == error


def test_a_key_is_not_edited(editor, walker):
    assert errors_in(edit(editor, {"key": "other"}, "*")) == {"/key": "unknown"}


def test_limits_are_those_of_the_model():
    def longest(name):
        return Achievement._meta.get_field(name).max_length

    body = definitions.EditAchievementBody().fields
    assert body["xp_reward"].max_value == MAX_REWARD
    assert body["threshold"].max_value == MAX_TOTAL
    for name in ("name", "description", "icon"):
        assert body[name].max_length == longest(name)
    assert definitions.NewAchievementBody().fields["name"].max_length == longest("name")


def test_the_categories_are_those_of_the_site(editor, settings):
    settings.GAMIFICATION = {
        "CATEGORIES": {"habits": {"name": "habits"}, "exploration": None}
    }

    made = editor.post(ACHIEVEMENTS, NEW | {"category": "habits"})
    refused = editor.post(ACHIEVEMENTS, NEW | {"category": "exploration"})

    assert made.json().get("category") == "habits", made.text
    assert "is not one of milestones, streaks, mastery, habits." in refused.text
