from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from gamification.api.user_lookup import public_name
from gamification.models import Celebration, LedgerEntry, UserAchievement
from gamification.services import record_activity, set_visibility
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, statements

pytestmark = pytest.mark.django_db

BACKFILL = f"{API}achievements/walker/backfill/"


@pytest.fixture
def walkers(no_achievements, activity):
    """Three users, in order of their keys, who walked before that was rewarded."""
    walkers = sorted(UserFactory.create_batch(3), key=lambda user: user.pk)
    for walker in walkers:
        record_activity(walker, "walk", quantity=3)
    AchievementFactory(
        key="walker",
        criterion="activity_count",
        activity=activity,
        threshold=3,
        xp_reward=50,
    )
    return walkers


@pytest.fixture
def staff(user):
    return client_of(user, "award_achievement", "change_achievement")


def exactly(number):
    return {"value": number, "low": number, "high": number}


def test_a_preview_has_users_and_XP(staff, walkers):
    record_activity(UserFactory(), "walk", quantity=2)
    AchievementFactory(
        key="rich", name="Rich", criterion="level", threshold=2, xp_reward=5
    )
    before = everything()

    # 30 XP and 50 more are past the 50 of level 2, which is worth 5.
    assert staff.get(BACKFILL).json() == {
        "users": 3,
        "sample": [public_name(walker) for walker in walkers],
        "xp": 165,
        "level_changes": 3,
        "unlocks": [{"achievement": "rich", "name": "Rich", "users": exactly(3)}],
        "ranges": {
            "users": exactly(3),
            "xp": exactly(165),
            "level_changes": exactly(3),
        },
        "played": 3,
        "is_exact": True,
    }
    assert everything() == before


def test_all_users_who_qualify_receive_it(staff, user, walkers):
    response = staff.post(BACKFILL, {"note": "Walked before."})

    assert response.json() == {
        "awarded": 3,
        "xp": 150,
        "followed": 0,
        "remaining": 0,
        "after": None,
    }
    entries = LedgerEntry.objects.filter(kind="achievement")
    assert {(entry.actor, entry.note, entry.amount) for entry in entries} == {
        (user, "Walked before.", 50)
    }


def test_a_client_repeats_until_all_is_done(staff, walkers):
    first = staff.post(BACKFILL, {"limit": 2}).json()
    second = staff.post(BACKFILL, {"limit": 2, "after": first["after"]}).json()

    assert (first["awarded"], first["remaining"]) == (2, 1)
    assert first["after"] == str(walkers[1].pk)
    assert (second["awarded"], second["remaining"], second["after"]) == (1, 0, None)
    assert UserAchievement.objects.count() == 3


def test_a_batch_that_is_sent_again_changes_nothing(staff, walkers):
    staff.post(BACKFILL, {})
    before = everything()

    again = staff.post(BACKFILL, {}).json()

    assert (again["awarded"], again["xp"], again["after"]) == (0, 0, None)
    assert everything() == before


@pytest.mark.parametrize(("celebrate", "celebrations"), [(False, 0), (True, 6)])
def test_it_is_celebrated_if_asked(staff, walkers, celebrate, celebrations):
    Celebration.objects.all().delete()

    staff.post(BACKFILL, {"celebrate": celebrate})

    # The achievement and level 2, of each.
    assert Celebration.objects.count() == celebrations


def test_a_draft_is_previewed_and_not_given(staff, walkers):
    AchievementFactory(
        key="draft", criterion="active_days", threshold=1, status="draft"
    )
    address = f"{API}achievements/draft/backfill/"

    assert staff.get(address).json()["users"] == 3
    assert_problem(staff.post(address, {}), 409, "achievement_not_active")


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_unknown_achievement_is_not_found(staff, method):
    address = f"{API}achievements/nothing/backfill/"
    body = {"post": [{}]}.get(method, [])

    assert_problem(getattr(staff, method)(address, *body), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "permission"),
    [("get", "award_achievement"), ("post", "change_achievement")],
)
def test_each_needs_a_permission_of_its_own(user, walkers, method, permission):
    before = everything()

    response = getattr(client_of(user, permission), method)(BACKFILL)

    assert_problem(response, 403, "permission_denied")
    assert everything() == before


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"limit": 0}, {"/limit": "min_value"}),
        ({"limit": 1_001}, {"/limit": "max_value"}),
        ({"limit": "1"}, {"/limit": "invalid"}),
        ({"limit": True}, {"/limit": "invalid"}),
        ({"limit": None}, {"/limit": "null"}),
        ({"celebrate": 1}, {"/celebrate": "invalid"}),
        ({"note": "x" * 2_001}, {"/note": "max_length"}),
        ({"note": "\0"}, {"/note": "unstorable"}),
        ({"after": ""}, {"/after": "blank"}),
        ({"after": 5}, {"/after": "invalid"}),
        ({"after": "x" * 256}, {"/after": "max_length"}),
        ({"user": "me"}, {"/user": "unknown"}),
        ([], {"": "invalid"}),
        (None, {"": "null"}),
    ],
)
def test_a_body_of_the_wrong_form_is_refused(staff, walkers, body, error):
    before = everything()

    assert errors_in(staff.post(BACKFILL, body)) == error
    assert everything() == before


@pytest.mark.parametrize("after", ["nobody", "-", "9" * 200, "1.0"])
def test_a_batch_cannot_start_after_an_unknown_user(staff, walkers, after):
    assert_problem(staff.post(BACKFILL, {"after": after}), 422, "unknown_user")


def test_a_preview_names_only_users_whom_the_caller_may_see(user, walkers):
    shown, private, colleague = walkers
    set_visibility(private, is_public=False)
    get_user_model().objects.filter(pk=colleague.pk).update(is_staff=True)

    preview = client_of(user, "change_achievement").get(BACKFILL).json()

    assert (preview["users"], preview["sample"]) == (3, [public_name(shown)])


def test_a_preview_names_everybody_to_staff_who_may_view_progress(user, walkers):
    set_visibility(walkers[0], is_public=False)
    staff = client_of(user, "change_achievement", "view_usergamification")

    sample = staff.get(BACKFILL).json()["sample"]

    assert sample == [public_name(walker) for walker in walkers]


def test_a_preview_takes_as_many_queries_for_more_users(staff, walkers):
    few = statements(lambda: staff.get(BACKFILL))
    for _ in range(9):
        record_activity(UserFactory(), "walk", quantity=3)

    # Permissions of the user and of their groups, the achievement, the count, the
    # sample and who of it is public, and those that play the users.
    assert statements(lambda: staff.get(BACKFILL)) <= few <= 13
