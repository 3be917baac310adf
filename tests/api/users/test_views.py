from __future__ import annotations

import pytest
import time_machine
from django.contrib.auth import get_user_model

from gamification.api.user_lookup import find_users, public_name
from gamification.models import Achievement
from gamification.services import (
    award_achievement,
    get_progress,
    record_activity,
    revoke_achievement,
    set_visibility,
)
from tests.api.assertions import assert_problem, errors_in
from tests.api.clients import API, client_of
from tests.api.conftest import NOON
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything

USERS = f"{API}users/"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("server_clock", "activity", "no_achievements"),
]


@pytest.fixture
def friend(activity):
    """A public user who did something."""
    friend = UserFactory()
    record_activity(friend, "walk", quantity=10)
    return friend


@pytest.fixture
def page(friend):
    return f"{USERS}{friend.username}/"


@pytest.fixture
def held(page):
    return f"{page}achievements/"


def grant(user, **fields):
    """Give ``user`` an achievement."""
    achievement = AchievementFactory(**fields)
    award_achievement(user, achievement.key)
    return achievement


def test_a_public_user_shows_where_they_stand(api, friend, page):
    grant(friend, xp_reward=0)

    assert api.get(page).json() == {
        "user": friend.username,
        "level": 2,
        "level_name": "",
        "level_icon": "",
        "total_xp": 100,
        "streak": {"state": "active", "current": 1, "longest": 1},
        "active_days": 1,
        "achievements": 1,
    }


def test_a_streak_is_told_as_of_now(api, page):
    with time_machine.travel(NOON.replace(day=4), tick=False):
        streak = api.get(page).json()["streak"]

    assert streak == {"state": "broken", "current": 0, "longest": 1}


def hide(user):
    set_visibility(user, is_public=False)


def deactivate(user):
    get_user_model().objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("address", ["", "achievements/"])
@pytest.mark.parametrize("change", [hide, deactivate])
def test_a_user_who_is_not_public_is_not_found(api, friend, page, change, address):
    unknown = api.get(f"{USERS}nobody/{address}")
    change(friend)

    response = api.get(f"{page}{address}")

    assert_problem(response, 404, "not_found")
    assert response.json() == unknown.json()


@pytest.mark.parametrize("address", ["", "achievements/"])
def test_a_user_without_activities_is_not_found(api, user, address):
    address = f"{USERS}{UserFactory().username}/{address}"

    assert_problem(api.get(address), 404, "not_found")


def test_private_users_do_not_find_themselves(friend, page):
    hide(friend)

    assert_problem(client_of(friend).get(page), 404, "not_found")


def test_staff_do_not_see_profiles_of_private_users(friend, page, held):
    hide(friend)
    staff = client_of(UserFactory(is_staff=True, is_superuser=True))

    for address in (page, held):
        assert_problem(staff.get(address), 404, "not_found")


def test_a_profile_takes_three_queries(api, page, django_assert_num_queries):
    # The user, if they are public; what they hold that the viewer may see; where they
    # stand.
    with django_assert_num_queries(3):
        api.get(page)


def test_a_hidden_user_takes_as_many_queries_as_an_unknown_one(
    api, friend, page, django_assert_num_queries
):
    hide(friend)

    for address in (page, f"{USERS}nobody/"):
        # The user, if they are public.
        with django_assert_num_queries(1):
            api.get(address)


def test_a_user_may_have_any_name(api, activity):
    for name in ("ada.lovelace@example", "ädä", "+x-y_z", "a b", "%41"):
        record_activity(UserFactory(username=name), "walk")
        address = api.get(f"{USERS}{name.replace('%', '%25')}/")
        assert address.json()["user"] == name


@pytest.mark.parametrize(
    "name",
    ["a%00b", "%ED%A0%80", "a%0A", "9" * 5_000, "..%2f", "%F0%9F%8E%89", "%25", "'--"],
)
def test_a_name_of_nobody_is_not_found(api, name):
    assert_problem(api.get(f"{USERS}{name}/"), 404, "not_found")


def test_users_are_not_listed(api):
    assert api.get(USERS).status_code == 404


def test_a_site_chooses_the_public_names(api, friend, settings):
    settings.GAMIFICATION = {"PUBLIC_USER_FIELD": friend._meta.pk.name}

    assert api.get(f"{USERS}{friend.pk}/").json()["user"] == str(friend.pk)
    assert_problem(api.get(f"{USERS}{friend.username}/"), 404, "not_found")


def test_users_are_found_by_the_names_that_they_are_answered_with(
    friend, settings, django_assert_num_queries
):
    settings.GAMIFICATION = {"PUBLIC_USER_FIELD": friend._meta.pk.name}
    name = public_name(friend)
    others = [f" {name}", f"0{name}", "١", "-1", "1" * 30, "\0", "x"]

    # The users with these keys.
    with django_assert_num_queries(1):
        assert find_users([name, *others, name]) == {name: friend}


@pytest.mark.parametrize(
    ("fields", "is_seen"),
    [
        ({}, True),
        ({"is_secret": True}, False),
        ({"status": "retired"}, False),
        ({"status": "draft"}, False),
    ],
    ids=["open", "secret", "retired", "draft"],
)
def test_others_see_only_public_achievements(api, friend, page, held, fields, is_seen):
    achievement = grant(friend)
    Achievement.objects.filter(pk=achievement.pk).update(**fields)

    assert api.get(page).json()["achievements"] == is_seen
    assert api.get(held).json()["count"] == is_seen
    assert len(api.get(held).json()["results"]) == is_seen


@pytest.mark.parametrize("fields", [{"is_secret": True}, {"status": "retired"}])
def test_another_holder_sees_a_hidden_achievement(
    api, user, friend, page, held, fields
):
    achievement = grant(friend)
    award_achievement(user, achievement.key)
    Achievement.objects.filter(pk=achievement.pk).update(**fields)

    assert api.get(page).json()["achievements"] == 1
    assert api.get(held).json()["results"][0]["key"] == achievement.key


def test_revoked_achievements_are_not_shown(api, friend, page, held):
    revoke_achievement(friend, grant(friend).key)

    assert api.get(page).json()["achievements"] == 0
    assert api.get(held).json()["results"] == []


def test_a_secret_is_hidden_again_from_a_viewer_who_lost_it(api, user, friend, held):
    secret = grant(friend, is_secret=True)
    award_achievement(user, secret.key)
    revoke_achievement(user, secret.key)

    assert api.get(held).json()["count"] == 0


def test_achievements_of_a_user_come_latest_first(api, friend, held):
    grant(friend, key="early")
    with time_machine.travel(NOON.replace(hour=13), tick=False):
        grant(
            friend,
            key="late",
            name="Late",
            description="Be late.",
            icon="⏰",
            category="streaks",
            xp_reward=70,
        )

    late, early = api.get(held).json()["results"]
    assert early["key"] == "early"
    assert late == {
        "key": "late",
        "name": "Late",
        "description": "Be late.",
        "icon": "⏰",
        "series": "",
        "step": None,
        "number": 1,
        "period": None,
        "category": "streaks",
        "xp_awarded": 70,
        "unlocked_at": "2026-03-02T13:00:00Z",
    }


def test_achievements_come_in_pages(api, friend, held, django_assert_num_queries):
    for number in range(5):
        grant(friend, key=f"a{number}", xp_reward=0)

    # The user, how many they hold, and those of the page with their names.
    with django_assert_num_queries(3):
        answer = api.get(held, {"page": 2, "page_size": 2}).json()

    assert answer["count"] == 5
    assert [each["key"] for each in answer["results"]] == ["a2", "a1"]
    assert answer["next"] == f"http://testserver{held}?page=3&page_size=2"
    assert answer["previous"] == f"http://testserver{held}?page=1&page_size=2"


@pytest.mark.parametrize("query", ["page=0", "page_size=101", "page=x", "user=1"])
def test_a_wrong_page_is_refused(api, held, query):
    [pointer] = errors_in(api.get(f"{held}?{query}"))

    assert pointer == f"/{query.partition('=')[0]}"


def test_a_page_after_the_last_is_not_there(api, held):
    assert_problem(api.get(held, {"page": 2}), 404, "not_found")


def test_looking_changes_nothing(api, friend, page, held):
    grant(friend)
    before = everything()

    for address in (page, held):
        api.get(address)

    assert everything() == before
    assert get_progress(friend).achievements == 1
