"""What staff do for users: award, revoke, adjust, reverse."""

from __future__ import annotations

import pytest

from gamification.api.user_lookup import public_name
from gamification.models import LedgerEntry, UserAchievement
from gamification.services import (
    award_achievement,
    record_activity,
    revoke_achievement,
    set_visibility,
)
from gamification.staff import entry_fingerprint
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, held_by, ledger_of, profile_of

NOTE = "Because."

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", name="Medal", icon="🏅", xp_reward=40)


@pytest.fixture
def to(user):
    """Return a function from the end of an address to that of ``user``."""
    return lambda end, name=user.username: f"{API}users/{name}/{end}/"


#: Each operation with its permission and a body that it takes.
OPERATIONS = {
    "achievements": ("award_achievement", {"achievement": "medal", "note": NOTE}),
    "achievements/medal/revoke": ("revoke_achievement", {"note": NOTE}),
    "adjustments": ("adjust_xp", {"amount": 10, "note": NOTE}),
    "reversals": ("reverse_entry", {"entry": 1, "note": NOTE}),
}
PERMISSIONS = [permission for permission, _ in OPERATIONS.values()]

each_operation = pytest.mark.parametrize(
    ("end", "permission", "body"),
    [(end, *terms) for end, terms in OPERATIONS.items()],
    ids=PERMISSIONS,
)


@pytest.fixture
def clerk(staff):
    """A client who may do all of it."""
    return client_of(staff, *PERMISSIONS)


def test_an_adjustment_names_its_author_in_the_ledger(clerk, staff, user, to):
    response = clerk.post(to("adjustments"), {"amount": 60, "note": "Lost and found."})

    [entry] = ledger_of(user)
    assert (entry.amount, entry.actor, entry.note) == (60, staff, "Lost and found.")
    assert response.status_code == 201
    assert response.json() == {
        "entry": {
            "id": entry.pk,
            "kind": "adjustment",
            "amount": 60,
            "base": 60,
            "factor": "1.00",
            "boosts": [],
            "activity": None,
            "quantity": 0,
            "rewarded": 0,
            "occurred_at": "2026-03-02T12:00:00Z",
            "local_date": "2026-03-02",
            "recorded_at": "2026-03-02T12:00:00Z",
            "key": None,
            "source": "",
            "attributes": None,
            "fingerprint": entry_fingerprint(entry),
        },
        "credited": 60,
        "withheld": None,
        "total_xp": 60,
        "level_before": 1,
        "level": 2,
        "current_streak": 0,
        "longest_streak": 0,
        "unlocks": [],
        "celebrations": [
            {
                "id": user.gamification_celebrations.get().pk,
                "kind": "level",
                "data": {"from": 1, "to": 2, "levels": [2]},
            }
        ],
        "replayed": False,
        "reversed_at": None,
        "corrections": [],
        "lost": [],
    }


@pytest.mark.parametrize("way", ["header", "body"])
def test_an_adjustment_with_a_key_is_made_once(clerk, user, to, way):
    body = {"amount": 10, "note": NOTE} | ({"key": "a"} if way == "body" else {})
    headers = {"Idempotency-Key": "a"} if way == "header" else {}

    first = clerk.post(to("adjustments"), body, headers=headers)
    again = clerk.post(to("adjustments"), body, headers=headers)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again["Idempotent-Replayed"] == "true"
    assert again.json() == {**first.json(), "replayed": True}
    assert [entry.key for entry in ledger_of(user)] == ["a"]


@pytest.mark.parametrize("change", [{"amount": 11}, {"note": "Another."}], ids=str)
def test_a_key_for_another_adjustment_is_a_conflict(clerk, to, change):
    body = {"amount": 10, "note": NOTE, "key": "a"}
    clerk.post(to("adjustments"), body)
    before = everything()

    response = clerk.post(to("adjustments"), body | change)

    assert_problem(response, 422, "idempotency_conflict")
    assert everything() == before


def test_a_key_of_a_colleague_is_a_conflict(clerk, to):
    body = {"amount": 10, "note": NOTE, "key": "a"}
    clerk.post(to("adjustments"), body)

    colleague = client_of(UserFactory(), "adjust_xp")

    assert_problem(colleague.post(to("adjustments"), body), 422, "idempotency_conflict")


def test_two_different_keys_contradict(clerk, to):
    body = {"amount": 10, "note": NOTE, "key": "a"}

    response = clerk.post(to("adjustments"), body, headers={"Idempotency-Key": "b"})

    assert_problem(response, 422, "keys_differ")


def test_no_more_is_taken_than_there_is(clerk, user, to):
    record_activity(user, "walk")
    before = everything()

    response = clerk.post(to("adjustments"), {"amount": -11, "note": NOTE})

    problem = assert_problem(response, 409, "insufficient_xp")
    assert problem["detail"] == "The user has 10 XP; 11 cannot be taken."
    assert everything() == before


def test_a_total_that_cannot_be_kept_is_refused(clerk, to):
    body = {"amount": 2**53, "note": NOTE}
    clerk.post(to("adjustments"), body)
    before = everything()

    assert_problem(clerk.post(to("adjustments"), body), 409, "out_of_range")
    assert everything() == before


def test_nothing_is_no_amount(clerk, to):
    response = clerk.post(to("adjustments"), {"amount": 0, "note": NOTE})

    assert_problem(response, 400, "invalid_amount")


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (2**53 + 1, "max_value"),
        (-(2**53) - 1, "min_value"),
        (2**63, "max_value"),
        (True, "invalid"),
        (1.0, "invalid"),
        ("1", "invalid"),
        (None, "null"),
    ],
    ids=repr,
)
def test_an_amount_is_a_whole_number_that_json_keeps(clerk, to, amount, code):
    response = clerk.post(to("adjustments"), {"amount": amount, "note": NOTE})

    assert errors_in(response) == {"/amount": code}


def test_an_award_is_given_with_its_xp_and_its_reason(clerk, staff, user, to, medal):
    body = {"achievement": "medal", "note": "Well done."}

    response = clerk.post(to("achievements"), body)

    outcome = response.json()
    entry = LedgerEntry.objects.get(kind="achievement")
    assert response.status_code == 201
    assert (entry.actor, entry.note) == (staff, "Well done.")
    assert (outcome["entry"]["id"], outcome["credited"]) == (entry.pk, 40)
    assert outcome["unlocks"] == [
        {"achievement": "medal", "name": "Medal", "icon": "🏅", "xp": 40, "number": 1}
    ]
    assert held_by(user) == {"medal"}


def test_awarding_an_achievement_again_changes_nothing(clerk, user, to, medal):
    award_achievement(user, "medal")
    before = everything()

    response = clerk.post(
        to("achievements"), {"achievement": "medal", "note": "Again."}
    )

    assert response.status_code == 200
    assert response["Idempotent-Replayed"] == "true"
    assert (response.json()["entry"], response.json()["replayed"]) == (None, True)
    assert everything() == before


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_only_active_achievements_are_awarded(clerk, to, status):
    AchievementFactory(key="gone", status=status)
    body = {"achievement": "gone", "note": NOTE}

    response = clerk.post(to("achievements"), body)

    assert_problem(response, 409, "achievement_not_active")


def test_an_unknown_achievement_is_not_awarded(clerk, to):
    body = {"achievement": "nothing", "note": NOTE}

    response = clerk.post(to("achievements"), body)

    assert_problem(response, 422, "unknown_achievement")


def test_a_revoked_achievement_is_kept_with_who_and_why(clerk, staff, user, to, medal):
    award_achievement(user, "medal")

    response = clerk.post(to("achievements/medal/revoke"), {"note": "By mistake."})

    row = UserAchievement.objects.get()
    outcome = response.json()
    assert response.status_code == 201
    assert (row.revoked_by, row.revoke_reason) == (staff, "By mistake.")
    assert (outcome["credited"], outcome["total_xp"]) == (-40, 0)
    assert outcome["entry"]["kind"] == "reversal"


def test_revoking_an_achievement_again_changes_nothing(clerk, user, to, medal):
    award_achievement(user, "medal")
    revoke_achievement(user, "medal")
    before = everything()

    response = clerk.post(to("achievements/medal/revoke"), {"note": NOTE})

    assert response.status_code == 200
    assert everything() == before


def test_an_achievement_that_is_not_held_is_not_revoked(clerk, to, medal):
    response = clerk.post(to("achievements/medal/revoke"), {"note": NOTE})

    assert_problem(response, 409, "achievement_not_held")


@pytest.mark.parametrize("key", ["nothing", "a%00b", "%F0%9F%8E%89", "x" * 5_000])
def test_an_unknown_achievement_is_not_found_for_revoking(clerk, to, key):
    response = clerk.post(to(f"achievements/{key}/revoke"), {"note": NOTE})

    assert_problem(response, 404, "not_found")


def test_a_reversal_takes_back_the_XP_of_an_entry(clerk, staff, user, to):
    entry = record_activity(user, "walk", quantity=3, source="watch:7").entry

    response = clerk.post(to("reversals"), {"entry": entry.id, "note": "A dream."})

    _, reversal = ledger_of(user)
    assert (reversal.reverses, reversal.actor) == (entry.id, staff)
    assert reversal.note == "A dream."
    assert response.status_code == 201
    assert response.json()["total_xp"] == 0
    assert response.json()["entry"] == {
        "id": reversal.pk,
        "kind": "reversal",
        "amount": -30,
        "base": -30,
        "factor": "1.00",
        "boosts": [],
        "activity": "walk",
        "quantity": -3,
        "rewarded": -3,
        "occurred_at": "2026-03-02T12:00:00Z",
        "local_date": "2026-03-02",
        "recorded_at": "2026-03-02T12:00:00Z",
        "key": None,
        "source": "watch:7",
        "attributes": None,
        "fingerprint": entry_fingerprint(reversal),
    }


def test_an_entry_that_took_the_id_of_another_is_not_reversed(clerk, user, to):
    entry = record_activity(user, "walk").entry
    body = {"entry": entry.id, "note": "A dream.", "fingerprint": "of another"}

    response = clerk.post(to("reversals"), body)

    assert_problem(response, 422, "unknown_entry")
    assert len(ledger_of(user)) == 1


def test_an_adjustment_is_taken_back_too(clerk, user, to):
    made = clerk.post(to("adjustments"), {"amount": 10, "note": NOTE}).json()

    body = {"entry": made["entry"]["id"], "note": NOTE}
    response = clerk.post(to("reversals"), body)

    assert response.json()["entry"]["activity"] is None
    assert profile_of(user).total_xp == 0


def test_a_reversal_tells_what_it_made_room_for(clerk, user, to, activity):
    activity.daily_limit = 1
    activity.save()
    first, over = [record_activity(user, "walk").entry for _ in range(2)]

    outcome = clerk.post(to("reversals"), {"entry": first.id, "note": NOTE}).json()

    correction = LedgerEntry.objects.get(kind="correction")
    assert (outcome["credited"], outcome["total_xp"]) == (-10, 10)
    assert outcome["corrections"] == [
        {
            "id": correction.pk,
            "corrects": over.id,
            "amount": 10,
            "local_date": "2026-03-02",
        }
    ]


def test_a_reversal_tells_which_achievements_are_lost(clerk, user, to):
    AchievementFactory(
        key="first", name="First", icon="👣", criterion="active_days", revocable=True
    )
    entry = record_activity(user, "walk").entry

    outcome = clerk.post(to("reversals"), {"entry": entry.id, "note": NOTE}).json()

    assert outcome["lost"] == [
        {"achievement": "first", "name": "First", "icon": "👣", "xp": 50, "number": 1}
    ]
    assert (outcome["total_xp"], held_by(user)) == (0, set())


def test_a_correction_is_not_taken_back_by_itself(clerk, user, to, activity):
    activity.daily_limit = 1
    activity.save()
    first, _ = [record_activity(user, "walk").entry for _ in range(2)]
    outcome = clerk.post(to("reversals"), {"entry": first.id, "note": NOTE}).json()

    [correction] = outcome["corrections"]
    response = clerk.post(to("reversals"), {"entry": correction["id"], "note": NOTE})

    assert_problem(response, 409, "not_reversible")


def test_an_entry_is_taken_back_once(clerk, user, to):
    entry = record_activity(user, "walk").entry
    first = clerk.post(to("reversals"), {"entry": entry.id, "note": NOTE}).json()
    before = everything()

    again = clerk.post(to("reversals"), {"entry": entry.id, "note": "Again."})

    assert again.status_code == 200
    assert again.json()["entry"] == first["entry"]
    assert everything() == before


def test_a_reward_is_not_taken_back_by_itself(clerk, user, to, medal):
    entry = award_achievement(user, "medal").entry

    response = clerk.post(to("reversals"), {"entry": entry.id, "note": NOTE})

    assert_problem(response, 409, "not_reversible")


def test_an_entry_of_somebody_else_is_unknown(clerk, to):
    entry = record_activity(UserFactory(), "walk").entry

    for number in (entry.id, 2**63 - 1):
        response = clerk.post(to("reversals"), {"entry": number, "note": NOTE})
        assert_problem(response, 422, "unknown_entry")


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**24, "1", True, 1.5, None])
def test_an_entry_is_named_by_a_whole_number(clerk, to, number):
    response = clerk.post(to("reversals"), {"entry": number, "note": NOTE})

    assert errors_in(response).keys() == {"/entry"}


@each_operation
def test_all_other_permissions_do_not_suffice(user, to, end, permission, body):
    others = [other for other in PERMISSIONS if other != permission]
    client = client_of(user, *others, "record_activity", "change_ledgerentry")
    before = everything()

    for name in (user.username, "nobody"):
        assert_problem(client.post(to(end, name), body), 403, "permission_denied")

    assert everything() == before


@each_operation
def test_nobody_can_be_given_anything(clerk, to, medal, end, permission, body):
    assert_problem(clerk.post(to(end, "nobody"), body), 404, "not_found")


@each_operation
def test_staff_find_private_users(clerk, user, to, medal, end, permission, body):
    record_activity(user, "walk")
    entry = record_activity(user, "walk").entry
    if permission == "revoke_achievement":
        award_achievement(user, "medal")
    set_visibility(user, is_public=False)

    body = body | ({"entry": entry.id} if "entry" in body else {})

    assert clerk.post(to(end), body).status_code == 201


@each_operation
@pytest.mark.parametrize(
    ("note", "code"),
    [
        ("", "blank"),
        (" \n", "blank"),
        ("x" * 2_001, "max_length"),
        ("a\0", "unstorable"),
        ("\ud800", "unstorable"),
        (1, "invalid"),
        (None, "null"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_staff_say_why(clerk, to, medal, end, permission, body, note, code):
    before = everything()

    response = clerk.post(to(end), body | {"note": note})

    assert errors_in(response) == {"/note": code}
    assert everything() == before


@each_operation
def test_staff_do_not_forget_to_say_why(clerk, to, medal, end, permission, body):
    without = {name: value for name, value in body.items() if name != "note"}

    assert errors_in(clerk.post(to(end), without)) == {"/note": "required"}


@each_operation
@pytest.mark.parametrize(
    "name",
    [
        "user",
        "id",
        "actor",
        "xp",
        "total_xp",
        "level",
        "is_staff",
        "created_at",
        "unlocked_at",
        "celebrate",
        "anything",
    ],
)
def test_nothing_else_is_said(clerk, to, medal, end, permission, body, name):
    before = everything()

    response = clerk.post(to(end), body | {name: 1_000})

    assert errors_in(response) == {f"/{name}": "unknown"}
    assert everything() == before


@each_operation
@pytest.mark.parametrize("body_", [[], [{}], "x", None, 1], ids=repr)
def test_a_body_is_one_object(clerk, to, medal, end, permission, body, body_):
    before = everything()

    assert clerk.post(to(end), body_).status_code == 400
    assert everything() == before


def test_staff_give_themselves_nothing(user):
    AchievementFactory(key="medal")
    staff = client_of(user, "adjust_xp", "award_achievement")
    own = f"{API}users/{public_name(user)}/"

    adjusted = staff.post(f"{own}adjustments/", {"amount": 5, "note": "Mine."})
    awarded = staff.post(
        f"{own}achievements/", {"achievement": "medal", "note": "Mine."}
    )

    for response in (adjusted, awarded):
        assert_problem(response, 403, "self_award")
