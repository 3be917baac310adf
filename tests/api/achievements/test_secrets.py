from __future__ import annotations

import pytest

from gamification.models import Achievement
from gamification.services import (
    award_achievement,
    revoke_achievement,
)
from tests.api.assertions import assert_problem
from tests.api.clients import API, client_of
from tests.conftest import IS_POSTGRESQL
from tests.factories import AchievementFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

ACHIEVEMENTS = f"{API}achievements/"

#: What nobody sees who does not hold it.
every_hidden = pytest.mark.parametrize(
    "hidden", [{"is_secret": True}, {"status": "draft"}, {"status": "retired"}]
)


@every_hidden
@pytest.mark.parametrize(
    "query",
    [
        "",
        "?search=hidden",
        "?category=mastery",
        "?unlocked=false",
        "?ordering=rarity",
        "?ordering=-xp_reward&page_size=1",
    ],
)
def test_a_list_does_not_reveal_hidden_achievements(api, hidden, query):
    AchievementFactory(key="known")
    before = api.get(ACHIEVEMENTS + query).json()

    AchievementFactory(key="x", name="Hidden", category="mastery", **hidden)

    assert api.get(ACHIEVEMENTS + query).json() == before


@every_hidden
@pytest.mark.parametrize("below", ["", "explain/"])
def test_an_address_does_not_reveal_hidden_achievements(api, hidden, below):
    AchievementFactory(key="x", **hidden)

    there = api.get(f"{ACHIEVEMENTS}x/{below}")
    nowhere = api.get(f"{ACHIEVEMENTS}y/{below}")

    assert_problem(there, 404, "not_found")
    assert (there.content, there.headers) == (nowhere.content, nowhere.headers)


@every_hidden
@pytest.mark.parametrize(
    ("method", "below"),
    [("patch", ""), ("get", "backfill/"), ("post", "backfill/")],
)
def test_operations_of_staff_do_not_reveal_hidden_achievements(
    api, hidden, method, below
):
    AchievementFactory(key="x", **hidden)

    there = getattr(api, method)(f"{ACHIEVEMENTS}x/{below}")
    nowhere = getattr(api, method)(f"{ACHIEVEMENTS}y/{below}")

    assert_problem(there, 403, "permission_denied")
    assert there.content == nowhere.content


# Permissions of the user and of their groups, the achievement; at its own address also
# where the user stands.
@pytest.mark.parametrize("key", ["secret", "nothing"])
@pytest.mark.parametrize(("below", "queries"), [("", 4), ("explain/", 3)])
def test_a_secret_takes_as_many_queries_as_nothing(
    api, key, below, queries, django_assert_num_queries
):
    AchievementFactory(key="secret", is_secret=True)

    with django_assert_num_queries(queries):
        api.get(f"{ACHIEVEMENTS}{key}/{below}")


def test_a_secret_is_shown_to_its_holder(api, user):
    AchievementFactory(key="secret", is_secret=True)
    award_achievement(user, "secret")

    [row] = api.get(ACHIEVEMENTS).json()["results"]

    assert (row["key"], row["is_secret"]) == ("secret", True)
    assert api.get(f"{ACHIEVEMENTS}secret/").json() == row
    assert api.get(f"{ACHIEVEMENTS}secret/explain/").status_code == 200


def test_a_secret_that_somebody_else_holds_is_secret(api):
    AchievementFactory(key="secret", is_secret=True)
    award_achievement(UserFactory(), "secret")

    assert api.get(ACHIEVEMENTS).json()["count"] == 0
    assert_problem(api.get(f"{ACHIEVEMENTS}secret/"), 404, "not_found")


def test_a_secret_that_was_revoked_is_secret_again(api, user):
    AchievementFactory(key="secret", is_secret=True)
    award_achievement(user, "secret")
    revoke_achievement(user, "secret")

    assert api.get(ACHIEVEMENTS).json()["count"] == 0
    assert_problem(api.get(f"{ACHIEVEMENTS}secret/explain/"), 404, "not_found")


def test_a_draft_is_hidden_from_former_holders_too(api, user):
    AchievementFactory(key="withdrawn")
    award_achievement(user, "withdrawn")
    Achievement.objects.update(status="draft")

    assert_problem(api.get(f"{ACHIEVEMENTS}withdrawn/"), 404, "not_found")


def test_how_many_secrets_there_are_is_told_where_the_site_says_so(
    api, user, settings, django_assert_num_queries
):
    settings.GAMIFICATION = {"SHOW_SECRET_COUNT": True}
    AchievementFactory(key="found", is_secret=True)
    AchievementFactory.create_batch(2, is_secret=True)
    AchievementFactory(is_secret=True, status="draft")
    award_achievement(user, "found")
    api.get(ACHIEVEMENTS)

    # Where the user stands, the achievements, the secrets; the schema, if there is one.
    with django_assert_num_queries(3 + IS_POSTGRESQL):
        assert api.get(ACHIEVEMENTS).json()["secrets"] == 2


def test_the_number_of_secrets_does_not_depend_on_a_search(api, settings):
    settings.GAMIFICATION = {"SHOW_SECRET_COUNT": True}
    AchievementFactory(name="Hidden", is_secret=True)

    found = api.get(f"{ACHIEVEMENTS}?search=hidden").json()
    others = api.get(f"{ACHIEVEMENTS}?search=other").json()

    assert found["secrets"] == others["secrets"] == 1
    assert found["count"] == others["count"] == 0


@pytest.mark.parametrize("status", ["draft", "active", "retired"])
def test_a_status_is_for_staff(api, status):
    response = api.get(f"{ACHIEVEMENTS}?status={status}")

    assert_problem(response, 403, "permission_denied")


@pytest.mark.parametrize(
    ("status", "found"),
    [("draft", ["d"]), ("active", ["a", "s"]), ("retired", ["r"])],
)
def test_staff_see_all_of_a_status(user, status, found):
    AchievementFactory(key="a")
    AchievementFactory(key="d", status="draft")
    AchievementFactory(key="r", status="retired")
    AchievementFactory(key="s", is_secret=True)
    staff = client_of(user, "view_achievement")

    rows = staff.get(f"{ACHIEVEMENTS}?status={status}").json()["results"]

    assert [row["key"] for row in rows] == found
    assert {row["status"] for row in rows} == {status}


def test_staff_see_as_users_do_unless_they_ask_for_more(user):
    AchievementFactory(key="a")
    AchievementFactory(key="s", is_secret=True)
    staff = client_of(user, "view_achievement")

    [row] = staff.get(ACHIEVEMENTS).json()["results"]

    assert row["key"] == "a"
    assert "status" not in row


def test_editors_see_hidden_achievements(user):
    AchievementFactory(key="d", status="draft")
    staff = client_of(user, "change_achievement")

    assert staff.get(f"{ACHIEVEMENTS}?status=draft").json()["count"] == 1
