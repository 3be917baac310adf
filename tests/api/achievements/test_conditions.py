"""What the API says of how far a user is with conditions."""

from __future__ import annotations

from typing import Any

import pytest

from gamification.models import Achievement
from gamification.services import award_achievement, record_activity
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = pytest.mark.django_db

ACHIEVEMENTS = f"{API}achievements/"
WALKER = f"{ACHIEVEMENTS}walker/"
WALKS = {"criterion": "activity_count", "activity": "stroll", "threshold": 4}
LEVEL = {"criterion": "level", "threshold": 5}


@pytest.fixture(autouse=True)
def walker(no_achievements, user):
    ActivityFactory(key="stroll", name="Stroll", xp_reward=0)
    AchievementFactory(key="hidden", name="Hidden", is_secret=True, xp_reward=0)
    record_activity(user, "stroll")
    return AchievementFactory(
        key="walker",
        criterion="active_days",
        threshold=3,
        conditions={"all": [WALKS, {"any": [{"holds": "hidden"}, LEVEL]}]},
    )


def part(kind: str, text: str, current: int, target: int, **more: Any) -> Any:
    return {
        "kind": kind,
        "text": text,
        "current": current,
        "target": target,
        "missing": target - current,
        "fraction": current / target,
        "is_met": current == target,
        "parts": [],
        **more,
    }


EXPECTED = part(
    "all",
    "4 × Stroll, and any of (another achievement held; level 5)",
    0,
    2,
    parts=[
        part("criterion", "4 × Stroll", 1, 4),
        part(
            "any",
            "any of (another achievement held; level 5)",
            1,
            5,
            parts=[
                part("holds", "another achievement held", 0, 1),
                part("criterion", "level 5", 1, 5),
            ],
        ),
    ],
)


def conditions_at(client: Any, address: str) -> Any:
    answer = client.get(address).json()
    [found] = answer.get("results", [answer])
    return found.get("progress", found)["conditions"]


@pytest.mark.parametrize("address", [ACHIEVEMENTS, WALKER, f"{WALKER}explain/"])
def test_each_condition_says_how_far_the_user_is(api, address):
    assert conditions_at(api, address) == EXPECTED


@pytest.mark.parametrize("address", [ACHIEVEMENTS, WALKER, f"{WALKER}explain/"])
def test_without_conditions_there_is_nothing_to_say(api, address):
    Achievement.objects.update(conditions=None)

    assert conditions_at(api, address) is None


@pytest.mark.parametrize("address", [ACHIEVEMENTS, WALKER, f"{WALKER}explain/"])
def test_no_answer_has_the_key_of_a_secret(api, address):
    assert b"hidden" not in api.get(address).content.lower()


@pytest.mark.parametrize("address", [WALKER, f"{WALKER}explain/"])
def test_holders_read_the_name_of_a_secret(api, user, address):
    award_achievement(user, "hidden")

    [_walks, either] = conditions_at(api, address)["parts"]

    assert either["parts"][0] == part("holds", "“Hidden” held", 1, 1)


@pytest.mark.parametrize("address", [WALKER, f"{ACHIEVEMENTS}?status=active"])
def test_staff_read_the_names_of_secrets(user, address):
    staff = client_of(user, "view_achievement")
    rows = staff.get(address).json()
    found = {row["key"]: row for row in rows.get("results", [rows])}

    [_walks, either] = found["walker"]["progress"]["conditions"]["parts"]

    assert either["text"] == "any of (“Hidden” held; level 5)"
