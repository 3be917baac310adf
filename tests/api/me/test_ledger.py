from __future__ import annotations

from datetime import timedelta

import pytest

from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
    reverse_entry,
    set_time_zone,
)
from gamification.staff import entry_fingerprint
from tests.api.assertions import errors_in
from tests.api.conftest import NOON
from tests.factories import AchievementFactory, UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]

LEDGER = "/api/gamification/v1/me/ledger/"


def amounts(api, address=LEDGER, **query):
    return [entry["amount"] for entry in api.get(address, query).json()["results"]]


def test_an_entry_has_its_XP_and_dates(api, user):
    record_activity(user, "walk")
    set_time_zone(user, "Pacific/Kiritimati")
    earlier = NOON - timedelta(hours=1)
    entry = record_activity(
        user, "walk", quantity=3, occurred_at=earlier, key="k", source="park:1"
    ).entry

    assert api.get(LEDGER).json()["results"][0] == {
        "id": entry.id,
        "kind": "activity",
        "amount": 30,
        "base": 30,
        "factor": "1.00",
        "boosts": [],
        "activity": "walk",
        "achievement": None,
        "number": None,
        "quantity": 3,
        "rewarded": 3,
        "occurred_at": "2026-03-02T11:00:00Z",
        # 11:00 in the old zone, which was in effect then.
        "local_date": "2026-03-02",
        "recorded_at": "2026-03-02T12:00:00Z",
        "source": "park:1",
        "attributes": None,
        "fingerprint": entry_fingerprint(entry),
        "reverses": None,
        "corrects": None,
        "note": "",
    }


def test_an_entry_hides_the_internal_note_of_staff(api, user, staff):
    adjust_xp(user, amount=25, note="Well done.", internal_note="A bribe.", actor=staff)

    response = api.get(LEDGER)

    assert response.json()["results"][0]["note"] == "Well done."
    assert "bribe" not in response.content.decode()


def test_an_entry_shows_the_note_of_staff_without_its_author(api, user, staff):
    adjust_xp(user, amount=25, note="Well done.", actor=staff)

    [entry] = api.get(LEDGER).json()["results"]

    assert (entry["kind"], entry["amount"]) == ("adjustment", 25)
    assert entry["note"] == "Well done."
    assert "actor" not in entry
    assert staff.username not in str(entry)


def test_a_reversal_names_the_reversed_entry(api, user):
    walk = record_activity(user, "walk").entry
    reverse_entry(user, entry_id=walk.id)

    [reversal, entry] = api.get(LEDGER).json()["results"]

    assert (reversal["kind"], reversal["amount"]) == ("reversal", -10)
    assert reversal["reverses"] == entry["id"] == walk.id


def test_a_correction_names_the_corrected_entry(api, user, activity):
    activity.daily_limit = 1
    activity.save()
    walk, over = [record_activity(user, "walk").entry for _ in range(2)]
    reverse_entry(user, entry_id=walk.id)

    entries = {entry["kind"]: entry for entry in api.get(LEDGER).json()["results"]}

    correction = entries["correction"]
    assert (correction["amount"], correction["corrects"]) == (10, over.id)
    assert (correction["activity"], correction["local_date"]) == ("walk", "2026-03-02")
    assert entries["reversal"]["corrects"] is None


@pytest.mark.parametrize("status", ["active", "retired"])
def test_a_reward_names_its_achievement(api, user, status):
    achievement = AchievementFactory(key="hero")
    award_achievement(user, "hero")
    achievement.status = status
    achievement.save()

    [entry] = api.get(LEDGER).json()["results"]

    assert (entry["kind"], entry["amount"]) == ("achievement", 50)
    assert entry["achievement"] == "hero"


def test_a_draft_is_not_named(api, user):
    achievement = AchievementFactory(key="hero")
    award_achievement(user, "hero")
    achievement.status = "draft"
    achievement.save()

    [entry] = api.get(LEDGER).json()["results"]

    assert (entry["amount"], entry["achievement"]) == (50, None)


def test_a_ledger_is_the_users_own(api, user):
    record_activity(UserFactory(), "walk")

    assert api.get(LEDGER).json() == {"next": None, "results": []}


def test_a_ledger_goes_on_where_the_last_part_ended(api, user):
    for quantity in range(1, 6):
        record_activity(user, "walk", quantity=quantity)

    first = api.get(LEDGER, {"limit": 2}).json()
    # What comes meanwhile does not move what follows.
    record_activity(user, "walk", quantity=9)
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()

    parts = [[entry["amount"] for entry in part["results"]] for part in (first, second)]
    assert parts == [[50, 40], [30, 20]]
    assert [entry["amount"] for entry in third["results"]] == [10]
    assert third["next"] is None


def test_a_ledger_takes_one_query(api, user, staff, django_assert_num_queries):
    AchievementFactory(key="hero")
    for _ in range(3):
        record_activity(user, "walk")
    award_achievement(user, "hero", actor=staff)

    # The user's entries, each with its activity and its achievement.
    with django_assert_num_queries(1):
        assert amounts(api) == [50, 10, 10, 10]


def test_before_the_first_entry_there_is_nothing(api, user):
    first = record_activity(user, "walk").entry

    assert amounts(api, cursor=first.id) == []


@pytest.mark.parametrize(
    "cursor", ["0", "-1", "abc", "", "\0", "1.0", " 1", "１", "9" * 5_000], ids=ascii
)
def test_a_forged_cursor_is_refused(api, cursor):
    assert errors_in(api.get(LEDGER, {"cursor": cursor})).keys() == {"/cursor"}


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1e9", "all", ""])
def test_a_part_has_a_hundred_entries_at_the_most(api, limit):
    assert errors_in(api.get(LEDGER, {"limit": limit})).keys() == {"/limit"}


def test_an_entry_says_which_time_an_achievement_was_earned(api, user):
    again = {"threshold": 10, "repeat_every": 10, "max_times": None, "xp_reward": 0}
    AchievementFactory(key="tens", criterion="total_xp", **again)
    record_activity(user, "walk", quantity=2)

    entries = api.get(LEDGER).json()["results"]

    numbers = [(each["achievement"], each["number"]) for each in entries]
    assert numbers == [("tens", 2), ("tens", 1), (None, None)]
