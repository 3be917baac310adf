from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.admin.players.actions import ACTS
from gamification.models import Achievement, Celebration, LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    acknowledge_celebrations,
    adjust_xp,
    award_achievement,
    record_activities,
    record_activity,
    revoke_achievement,
    set_time_zone,
)
from tests.factories import AchievementFactory, UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
EVIL = "<script>alert(1)</script>{{7*7}}\u202eevil"


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def viewer(client, staff):
    """The browser of staff who may only look."""
    may_view = Permission.objects.get(codename="view_usergamification")
    staff.user_permissions.add(may_view)
    client.force_login(staff)
    return client


def game(client, user, **query):
    name = "admin:gamification_usergamification_for"
    return client.get(reverse(name, args=[user.pk]), query)


def text(response):
    """Return what is read: no tags, and one space between words."""
    html = response.content.decode().partition('class="gam-page gam-game"')[2]
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_page_of_a_row_is_the_game_of_its_user(viewer, user):
    record_activity(user, "walk")
    row = UserGamification.objects.get()

    response = viewer.get(
        reverse("admin:gamification_usergamification_change", args=[row.pk])
    )

    assert response.context["game"].user == user


def test_there_is_no_page_of_no_row(viewer):
    response = viewer.get(
        reverse("admin:gamification_usergamification_change", args=["7%00"])
    )

    assert response.status_code == 404


@pytest.mark.parametrize("key", ["0", "nobody", "_00", "9" * 30, "9" * 5_000])
def test_there_is_no_game_of_nobody(viewer, key):
    response = viewer.get(
        reverse("admin:gamification_usergamification_for", args=[key])
    )

    assert response.status_code == 404


def test_who_never_did_anything_has_a_game(viewer, user):
    response = game(viewer, user)

    assert "1 0 XP From 0 to 50 XP: 50 to go" in text(response)
    assert not UserGamification.objects.exists()


def test_it_is_not_shown_to_who_may_not_view(client, staff, user):
    client.force_login(staff)

    assert game(client, user).status_code == 403


def test_the_level_stands_between_its_thresholds(viewer, user):
    adjust_xp(user, amount=70, note="A present.")

    response = game(viewer, user)

    assert "2 70 XP From 50 to 150 XP: 80 to go" in text(response)
    assert '<progress class="gam-bar" max="1" value="0.2"' in response.content.decode()


def test_the_highest_level_has_nothing_above_it(viewer, user):
    adjust_xp(user, amount=30_000, note="A present.")

    assert "The highest level, from 21,750 XP" in text(game(viewer, user))


def test_a_level_that_was_lost_is_told(viewer, user):
    adjust_xp(user, amount=200, note="A present.")
    adjust_xp(user, amount=-200, note="Taken again.")

    assert "was level 3 once" in text(game(viewer, user))


def test_a_streak_is_told_by_the_clock_of_the_user(viewer, user):
    record_activity(user, "walk")
    set_time_zone(user, "Asia/Tokyo")

    words = text(game(viewer, user))

    assert "1 day active Lost unless something is done before" in words
    assert "June 12, 2026, midnight (Asia/Tokyo) · longest 1 day" in words


def test_a_broken_streak_is_lost_already(viewer, user):
    record_activity(user, "walk", occurred_at=NOW - timedelta(2))

    words = text(game(viewer, user))

    assert "0 days broken longest 1 day · 1 active day · last on June 8, 2026" in words


def test_achievements_that_are_held_come_with_their_xp_and_date(viewer, user):
    AchievementFactory(key="walker", name="Walker", icon="👟", xp_reward=50)
    award_achievement(user, "walker")

    assert "Held (1) 👟 Walker June 10, 2026 · 50 XP" in text(game(viewer, user))


def test_others_come_with_the_way_that_is_left_the_nearest_first(
    viewer, user, activity
):
    counts = {"criterion": "activity_count", "activity": activity}
    AchievementFactory(name="Far", threshold=10, **counts)
    AchievementFactory(name="Near", threshold=2, **counts)
    record_activity(user, "walk")

    words = text(game(viewer, user))

    assert "(2) Near 1 / 2 · 50 XP Why not? Near Far 1 / 10 · 50 XP" in words


def test_a_revoked_one_tells_who_when_and_why(viewer, user, staff):
    AchievementFactory(key="walker", name="Walker")
    award_achievement(user, "walker")
    revoke_achievement(user, "walker", actor=staff, reason="By mistake.")

    words = text(game(viewer, user))

    assert f"Walker June 10, 2026, noon · {staff} By mistake." in words


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_what_cannot_be_earned_is_not_to_be_earned(viewer, user, status):
    AchievementFactory(name="Walker", status=status)

    words = text(game(viewer, user))

    assert "Still to be earned" not in words
    assert f"Walker ({status})" in words


def test_it_says_why_an_achievement_is_not_held(viewer, user):
    AchievementFactory(key="walker", name="Walker")

    response = game(viewer, user, why="walker")

    assert "needs 1 (awarded by hand); it stands at 0." in response.context["answer"]
    assert '<option value="walker" selected>' in response.content.decode()


@pytest.mark.parametrize("key", ["nothing", "a\0b", "x" * 10_000])
def test_it_says_that_there_is_no_such_achievement(viewer, user, key):
    response = game(viewer, user, why=key)

    assert response.context["answer"].startswith("No achievement has the key")


def test_celebrations_wait_were_shown_or_have_expired(viewer, user):
    with time_machine.travel(NOW - timedelta(8), tick=False):
        adjust_xp(user, amount=50, note="Level 2.")
    adjust_xp(user, amount=100, note="Level 3.")
    acknowledge_celebrations(user, ids=[Celebration.objects.latest("id").pk])
    adjust_xp(user, amount=150, note="Level 4.")

    notices = game(viewer, user).context["game"].notices

    assert [(each.text, str(each.state)) for each in notices] == [
        ("level 4", "pending"),
        ("level 3", "shown"),
        ("level 2", "expired"),
    ]


def test_celebrations_are_told_in_words(viewer, user):
    AchievementFactory(key="walker", name="Walker")
    award_achievement(user, "walker")
    days = [ActivityRecord(user, "walk", NOW - timedelta(n)) for n in range(2)]
    record_activities([*days, ActivityRecord(user, "walk", NOW - timedelta(2))])

    notices = game(viewer, user).context["game"].notices

    assert {each.text for each in notices} >= {"\u2068Walker\u2069", "3 days in a row"}


def test_what_staff_did_is_a_click_away(viewer, user):
    record_activity(user, "walk")
    row = UserGamification.objects.get()

    links = game(viewer, user).content.decode()

    assert (
        reverse("admin:gamification_usergamification_history", args=[row.pk]) in links
    )


def test_so_is_the_account_for_who_may_see_it(viewer, staff, user):
    address = reverse(
        f"admin:{user._meta.label_lower.replace('.', '_')}_change", args=[user.pk]
    )
    hidden = game(viewer, user).content.decode()

    staff.user_permissions.add(
        Permission.objects.get(codename=f"view_{user._meta.model_name}")
    )

    assert address not in hidden
    assert address in game(viewer, user).content.decode()


def test_who_may_only_look_is_offered_nothing(viewer, user):
    AchievementFactory(key="walker")
    award_achievement(user, "walker")
    adjust_xp(user, amount=5, note="A present.")

    html = game(viewer, user).content.decode()

    assert 'class="gam-act"' not in html
    assert not [name for name in ACTS if f"/{name}/" in html]


def test_it_is_not_posted_to(viewer, user):
    record_activity(user, "walk")
    row = UserGamification.objects.get()

    response = viewer.post(
        reverse("admin:gamification_usergamification_change", args=[row.pk])
    )

    assert response.status_code == 403


def test_names_and_notes_are_text(admin_client, user):
    user.username = EVIL
    user.save()
    AchievementFactory(key="walker", name=EVIL)
    award_achievement(user, "walker")
    revoke_achievement(user, "walker", reason=EVIL)
    adjust_xp(user, amount=5, note=EVIL)
    Achievement.objects.update(icon="<b>")

    html = game(admin_client, user, why="walker", before="x").content.decode()

    assert "<script>alert" not in html
    assert "<b>" not in html
    assert "{{7*7}}" in html


@pytest.mark.parametrize("path", ["", "adjust/", "award/", "reverse/?entry=1"])
def test_nothing_on_a_page_needs_more_than_a_strict_policy(admin_client, user, path):
    AchievementFactory(key="walker")
    award_achievement(user, "walker")
    address = reverse("admin:gamification_usergamification_for", args=[user.pk])

    html = admin_client.get(address + path).content.decode()

    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", html)


def test_a_longer_history_takes_no_more_queries(
    admin_client, user, django_assert_num_queries
):
    AchievementFactory.create_batch(3)
    adjust_xp(user, amount=1, note="A present.", actor=user)

    def queries():
        # The session and who asks; the user, their row, and what each part reads.
        with django_assert_num_queries(16):
            return game(admin_client, user, before=2**62)

    queries()
    for n in range(60):
        adjust_xp(user, amount=1, note="A present.", actor=UserFactory())
        award_achievement(user, AchievementFactory(key=f"more-{n}").key)

    queries()
    assert LedgerEntry.objects.count() > 120
