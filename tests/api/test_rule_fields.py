from __future__ import annotations

import pytest

from gamification.models import Achievement
from gamification.services import award_achievement, explain_achievement
from tests.api.clients import client_of
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

ACHIEVEMENTS = "/api/gamification/v1/achievements/"
BOOKS = {"where": [["genre", "in", ["fantasy", "horror"]]]}
NEW = {
    "key": "fan",
    "name": "Fan",
    "category": "mastery",
    "criterion": "activity_count",
    "activity": "review",
    "threshold": 10,
    "counting": BOOKS,
    "conditions": {"all": [{"holds": "newcomer"}]},
}
SENTENCE = (
    "Users earn it when they have done “Review” 10 times with genre fantasy or horror, "
    "and hold “Newcomer”."
)


@pytest.fixture
def editor(db):
    ActivityFactory(key="review", name="Review", attributes={"genre": "string"})
    AchievementFactory(key="newcomer", name="Newcomer")
    user = UserFactory(is_staff=True)
    return client_of(user, "add_achievement", "change_achievement")


def test_an_achievement_is_created_and_read_with_its_rule(editor):
    made = editor.post(ACHIEVEMENTS, NEW)

    assert made.status_code == 201
    shown = {name: made.json()[name] for name in ("counting", "conditions")}
    assert shown == {"counting": BOOKS, "conditions": NEW["conditions"]}
    assert made.json()["requirement"] == SENTENCE


def test_an_error_points_to_its_place(editor):
    body = {**NEW, "conditions": {"all": [{"holds": "nobody"}]}}

    answer = editor.post(ACHIEVEMENTS, body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_definition"
    assert answer.json()["errors"] == [
        {
            "pointer": "/conditions/all/0/holds",
            "code": "invalid",
            "detail": "No achievement has the key 'nobody'.",
        }
    ]


@pytest.mark.parametrize("value", [[], "x", 7, True])
def test_a_rule_is_an_object(editor, value):
    answer = editor.post(ACHIEVEMENTS, {**NEW, "conditions": value})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/conditions"


def test_conditions_are_taken_away(editor):
    editor.post(ACHIEVEMENTS, NEW)

    none = {"conditions": None}
    answer = editor.patch(
        f"{ACHIEVEMENTS}fan/", none, format="json", headers={"If-Match": "*"}
    )

    assert answer.json()["conditions"] is None
    assert Achievement.objects.get(key="fan").conditions is None


def test_a_new_achievement_is_previewed_in_words(editor):
    body = {name: value for name, value in NEW.items() if name != "key"}
    body |= {"counting": {}, "conditions": None}
    before = everything()

    answer = editor.post(f"{ACHIEVEMENTS}preview/", body)

    assert answer.status_code == 200
    assert everything() == before
    assert answer.json()["requirement"].endswith("“Review” 10 times.")
    assert (answer.json()["problem"], answer.json()["effect"]["users"]) == ("", 0)


def test_other_fields_of_an_achievement_are_previewed(editor):
    AchievementFactory(key="king", criterion="level", threshold=5)
    before = everything()

    answer = editor.post(f"{ACHIEVEMENTS}king/preview/", {"threshold": 99})

    assert everything() == before
    assert answer.json()["requirement"] == "Users earn it when they reach level 99."
    assert answer.json()["problem"].startswith("There are only")


def test_an_invalid_preview_is_refused(editor):
    answer = editor.post(f"{ACHIEVEMENTS}newcomer/preview/", {"conditions": {}})

    assert answer.json()["code"] == "invalid_definition"


# --- What users read


@pytest.fixture
def fan(db):
    AchievementFactory(key="shy", name="Shy", is_secret=True)
    return AchievementFactory(
        key="fan",
        name="Fan",
        criterion="level",
        threshold=9,
        conditions={"holds": "shy"},
    )


def test_a_secret_achievement_is_not_named(fan, user):
    text = explain_achievement(user, "fan").text

    assert "Shy" not in text
    assert text.startswith("“Fan” requires level 9, and another achievement held.")


def test_a_secret_achievement_is_named_to_whoever_holds_it(fan, user):
    award_achievement(user, "shy")

    assert "“Shy” held" in explain_achievement(user, "fan").text


def test_users_do_not_read_definitions(fan, user):
    answer = client_of(user).get(f"{ACHIEVEMENTS}fan/").json()

    assert answer.keys().isdisjoint({"conditions", "counting", "requirement"})
