from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from gamification.admin.players import search
from gamification.services import adjust_xp, award_achievement, record_activity
from gamification.services.corrections.awards import revoke_achievement
from gamification.staff import grant_freezes, hold_user
from gamification.testing import make_levels
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import hide

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

USERS = reverse("admin:gamification_usergamification_changelist")
NOON = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def league(activity):
    """Users with 60, 40 and 50 XP: on the levels 2, 1 and 2."""
    with time_machine.travel(NOON, tick=False):
        for name, xp in (("ann", 60), ("bob", 40), ("cid", 50)):
            adjust_xp(UserFactory(username=name), amount=xp, note="A present.")


def names(client, **query):
    rows = client.get(USERS, query).context["cl"].result_list
    return [row.user.get_username() for row in rows]


def column(client, name):
    return client.get(USERS).context["cl"].list_display.index(name)


@pytest.mark.parametrize("name", ["total_xp", "named_level"])
def test_users_are_sorted_by_xp_and_by_level(admin_client, league, name):
    number = column(admin_client, name)

    assert names(admin_client, o=str(number)) == ["bob", "cid", "ann"]
    # The browser adds to the columns that were chosen before.
    assert names(admin_client, o=f"-{number}.2") == ["ann", "cid", "bob"]


@pytest.mark.parametrize("order", ["1", "99", "-", "x", "9" * 5_000])
def test_no_other_column_sorts_users(admin_client, league, order):
    assert names(admin_client, o=order) == ["cid", "bob", "ann"]


def test_levels_have_their_names(admin_client, league):
    make_levels(0, 50, names=["Newcomer"])

    page = admin_client.get(USERS).content.decode()

    shown = re.findall(r'field-named_level">(.*?)<', page)
    assert sorted(shown) == ["1 · Newcomer", "2", "2"]


def test_the_list_has_streaks_that_freezes_will_keep(admin_client, user, activity):
    with time_machine.travel("2026-11-01T12:00:00Z", tick=False):
        grant_freezes(user, 1)
        record_activity(user, "walk")

    with time_machine.travel("2026-11-03T12:00:00Z", tick=False):
        [row] = admin_client.get(USERS).context["cl"].result_list

    assert row.streak_now == 1


def test_users_are_filtered_by_level(admin_client, league):
    assert names(admin_client, level__gte="2") == ["cid", "ann"]
    assert names(admin_client, level__lte="1", level__gte="") == ["bob"]


def test_users_are_filtered_by_when_they_were_last_active(
    admin_client, league, activity
):
    for name, days in (("dan", 4), ("eve", 1)):
        with time_machine.travel(NOON - timedelta(days=days), tick=False):
            record_activity(UserFactory(username=name), "walk")

    assert names(admin_client, last_active_on__gte="2026-03-01") == ["eve"]
    assert names(admin_client, last_active_on__lte="2026-03-01") == ["dan"]


def test_users_are_filtered_by_whether_they_are_held(admin_client, league, user):
    with time_machine.travel(NOON, tick=False):
        for name, hours in (("past", 1), ("held", 48)):
            held = UserFactory(username=name)
            until = NOON + timedelta(hours=hours)
            hold_user(held, until=until, reason="Looks odd.", actor=None)

    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        assert names(admin_client, held="1") == ["held"]
        assert names(admin_client, held="0") == ["past", "cid", "bob", "ann"]


def test_users_are_filtered_by_the_category_of_what_they_hold(admin_client, league):
    ann, bob = (UserFactory(username=name) for name in ("ann2", "bob2"))
    medal = AchievementFactory(category="streaks")
    AchievementFactory(category="mastery")
    for holder in (ann, bob):
        award_achievement(holder, medal.key)
    revoke_achievement(bob, medal.key, actor=None, reason="A mistake.")

    assert names(admin_client, holds="streaks") == ["ann2"]
    xp = column(admin_client, "total_xp")
    award_achievement(UserFactory(username="zed"), medal.key)
    adjust_xp(ann, amount=7, note="A present.")
    assert names(admin_client, holds="streaks", o=f"-{xp}") == ["ann2", "zed"]
    assert names(admin_client, holds="streaks", o=xp) == ["zed", "ann2"]
    assert names(admin_client, holds="mastery") == []


def test_a_search_finds_who_has_exactly_that_name_among_many(
    admin_client, league, monkeypatch
):
    monkeypatch.setattr(search, "MAX_FOUND", 1)
    adjust_xp(UserFactory(username="an"), amount=1, note="A present.")

    assert names(admin_client, q="an") == ["an"]


def test_a_search_finds_users_whom_the_site_hides(admin_client, league, monkeypatch):
    new = UserFactory(username="bobby")
    hide(monkeypatch, new)

    page = admin_client.get(USERS, {"q": "bob"})

    assert [*page.context["newcomers"]] == [new]


def test_a_search_reads_all_users_once(admin_client, league):
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(USERS, {"q": "nobody"})

    scans = [each for each in queries if "%nobody%" in each["sql"].lower()]
    assert len(scans) == 1


def test_streaks_are_shown_as_of_today(admin_client, activity):
    active, frozen, lost = (UserFactory() for _ in range(3))
    with time_machine.travel(NOON, tick=False):
        for who in (active, frozen, lost):
            record_activity(who, activity.key)
        grant_freezes(frozen, 1)
    with time_machine.travel(NOON + timedelta(days=2), tick=False):
        record_activity(active, activity.key)

        page = admin_client.get(USERS)

    cells = re.findall(r'field-streak_today">(\d+)<', page.content.decode())
    users = [row.user for row in page.context["cl"].result_list]
    assert dict(zip(users, cells, strict=True)) == {active: "1", frozen: "1", lost: "0"}
