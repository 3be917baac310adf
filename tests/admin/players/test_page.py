from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.admin.players.actions import ACTIONS
from gamification.exceptions import UnknownAchievementError
from gamification.models import Achievement, Celebration, LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    acknowledge_celebrations,
    adjust_xp,
    award_achievement,
    explain_achievement,
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
    """A client of staff who may view all of the game, and do nothing."""
    ours = Permission.objects.filter(content_type__app_label="gamification")
    staff.user_permissions.add(*ours.filter(codename__startswith="view_"))
    client.force_login(staff)
    return client


def visit(client, user, **query):
    name = "admin:gamification_usergamification_for"
    return client.get(reverse(name, args=[user.pk]), query)


def text(response):
    """Return the text of the page, with single spaces instead of tags."""
    html = response.content.decode().partition('class="gam-page gam-player"')[2]
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_a_row_opens_the_page_of_its_user(viewer, user):
    record_activity(user, "walk")
    row = UserGamification.objects.get()

    response = viewer.get(
        reverse("admin:gamification_usergamification_change", args=[row.pk])
    )

    assert response.context["player_page"].user == user


def test_an_invalid_key_is_not_found(viewer):
    response = viewer.get(
        reverse("admin:gamification_usergamification_change", args=["7%00"])
    )

    assert response.status_code == 404


@pytest.mark.parametrize("key", ["0", "nobody", "_00", "9" * 30, "9" * 5_000])
def test_an_unknown_user_is_not_found(viewer, key):
    response = viewer.get(
        reverse("admin:gamification_usergamification_for", args=[key])
    )

    assert response.status_code == 404


def test_who_never_did_anything_has_a_visit(viewer, user):
    response = visit(viewer, user)

    assert "1 0 XP 0 to 50 XP: 50 XP to the next level" in text(response)
    assert not UserGamification.objects.exists()


def test_the_page_needs_the_view_permission(client, staff, user):
    client.force_login(staff)

    assert visit(client, user).status_code == 403


def test_the_level_is_shown_with_its_thresholds(viewer, user):
    adjust_xp(user, amount=70, note="A present.")

    response = visit(viewer, user)

    assert "2 70 XP 50 to 150 XP: 80 XP to the next level" in text(response)
    assert '<progress class="gam-bar" max="1" value="0.2"' in response.content.decode()


def test_the_highest_level_has_no_next_level(viewer, user):
    adjust_xp(user, amount=30_000, note="A present.")

    assert "The highest level, which begins at 21,750 XP" in text(visit(viewer, user))


def test_the_highest_level_ever_reached_is_shown(viewer, user):
    adjust_xp(user, amount=200, note="A present.")
    adjust_xp(user, amount=-200, note="Taken again.")

    assert "once reached level 3" in text(visit(viewer, user))


def test_the_streak_ends_in_the_users_time_zone(viewer, user):
    record_activity(user, "walk")
    set_time_zone(user, "Asia/Tokyo")

    shown = text(visit(viewer, user))

    assert "1 day active Lost unless the user is active before" in shown
    assert "June 12, 2026, midnight (Asia/Tokyo) · longest streak: 1 day" in shown


def test_a_broken_streak_has_no_end(viewer, user):
    record_activity(user, "walk", occurred_at=NOW - timedelta(2))

    shown = text(visit(viewer, user))

    assert (
        "0 days broken longest streak: 1 day · 1 active day · last active on June 8"
        in shown
    )


def test_held_achievements_show_their_date_and_xp(viewer, user):
    AchievementFactory(key="walker", name="Walker", icon="👟", xp_reward=50)
    award_achievement(user, "walker")

    assert "Held (1) 👟 Walker June 10, 2026 · 50 XP" in text(visit(viewer, user))


def test_remaining_achievements_are_sorted_by_progress(viewer, user, activity):
    counts = {"criterion": "activity_count", "activity": activity}
    AchievementFactory(name="Far", threshold=10, **counts)
    AchievementFactory(name="Near", threshold=2, **counts)
    record_activity(user, "walk")

    shown = text(visit(viewer, user))

    assert "(2) Near 1 / 2 · 50 XP Why not? Near Far 1 / 10 · 50 XP" in shown


def test_a_revoked_achievement_shows_its_date_actor_and_reason(viewer, user, staff):
    AchievementFactory(key="walker", name="Walker")
    award_achievement(user, "walker")
    revoke_achievement(user, "walker", actor=staff, reason="By mistake.")

    shown = text(visit(viewer, user))

    assert f"Walker June 10, 2026, noon · {staff} By mistake." in shown


@pytest.mark.parametrize("status", ["draft", "retired"])
def test_inactive_achievements_are_not_offered(viewer, user, status):
    AchievementFactory(name="Walker", status=status)

    shown = text(visit(viewer, user))

    assert "Not yet unlocked" not in shown
    assert f"Walker ({status})" in shown


def test_the_page_explains_why_an_achievement_is_not_held(viewer, user):
    AchievementFactory(key="walker", name="Walker")

    response = visit(viewer, user, why="walker")

    assert response.context["answer"] == explain_achievement(user, "walker").text
    assert '<option value="walker" selected>' in response.content.decode()


@pytest.mark.parametrize("key", ["nothing", "a\0b", "x" * 10_000])
def test_the_explanation_of_an_unknown_achievement_is_an_error_message(
    viewer, user, key
):
    response = visit(viewer, user, why=key)

    with pytest.raises(UnknownAchievementError) as caught:
        explain_achievement(user, key)
    assert response.context["answer"] == str(caught.value)


def test_celebrations_are_pending_shown_or_expired(viewer, user):
    with time_machine.travel(NOW - timedelta(8), tick=False):
        adjust_xp(user, amount=50, note="Level 2.")
    adjust_xp(user, amount=100, note="Level 3.")
    acknowledge_celebrations(user, ids=[Celebration.objects.latest("id").pk])
    adjust_xp(user, amount=150, note="Level 4.")

    celebrations = visit(viewer, user).context["player_page"].celebrations

    assert [(each.title, str(each.state)) for each in celebrations] == [
        ("Level 4", "pending"),
        ("Level 3", "shown"),
        ("Level 2", "expired"),
    ]


def test_celebrations_have_titles(viewer, user):
    AchievementFactory(key="walker", name="Walker")
    award_achievement(user, "walker")
    days = [ActivityRecord(user, "walk", NOW - timedelta(n)) for n in range(2)]
    record_activities([*days, ActivityRecord(user, "walk", NOW - timedelta(2))])

    celebrations = visit(viewer, user).context["player_page"].celebrations

    assert {each.title for each in celebrations} >= {"Walker", "3-day streak"}


def test_the_page_links_to_the_log_of_staff_actions(viewer, user):
    record_activity(user, "walk")
    row = UserGamification.objects.get()

    links = visit(viewer, user).content.decode()

    assert (
        reverse("admin:gamification_usergamification_history", args=[row.pk]) in links
    )


def test_the_page_links_to_the_account_with_the_view_permission(viewer, staff, user):
    address = reverse(
        f"admin:{user._meta.label_lower.replace('.', '_')}_change", args=[user.pk]
    )
    hidden = visit(viewer, user).content.decode()

    staff.user_permissions.add(
        Permission.objects.get(codename=f"view_{user._meta.model_name}")
    )

    assert address not in hidden
    assert address in visit(viewer, user).content.decode()


def test_viewers_are_offered_no_actions(viewer, user):
    AchievementFactory(key="walker")
    award_achievement(user, "walker")
    adjust_xp(user, amount=5, note="A present.")

    html = visit(viewer, user).content.decode()

    assert 'class="gam-action-form"' not in html
    assert not [name for name in ACTIONS if f"/{name}/" in html]


def test_the_page_of_a_row_refuses_post(viewer, user):
    record_activity(user, "walk")
    row = UserGamification.objects.get()

    response = viewer.post(
        reverse("admin:gamification_usergamification_change", args=[row.pk])
    )

    assert response.status_code == 403


def test_names_and_notes_are_escaped(admin_client, user):
    user.username = EVIL
    user.save()
    AchievementFactory(key="walker", name=EVIL)
    award_achievement(user, "walker")
    revoke_achievement(user, "walker", reason=EVIL)
    adjust_xp(user, amount=5, note=EVIL)
    Achievement.objects.update(icon="<b>")

    html = visit(admin_client, user, why="walker", before="x").content.decode()

    assert "<script>alert" not in html
    assert "<b>" not in html
    assert "{{7*7}}" in html


@pytest.mark.parametrize("path", ["", "adjust/", "award/", "reverse/?entry=1"])
def test_pages_work_under_a_strict_content_security_policy(admin_client, user, path):
    AchievementFactory(key="walker")
    award_achievement(user, "walker")
    address = reverse("admin:gamification_usergamification_for", args=[user.pk])

    html = admin_client.get(address + path).content.decode()

    assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", html)


def test_the_number_of_queries_does_not_grow_with_history(
    admin_client, user, django_assert_num_queries
):
    AchievementFactory.create_batch(3)
    adjust_xp(user, amount=1, note="A present.", actor=UserFactory())

    def queries():
        # Session and staff member, user and their row, and the parts of the page.
        with django_assert_num_queries(17):
            return visit(admin_client, user, before=2**62)

    queries()
    for n in range(60):
        adjust_xp(user, amount=1, note="A present.", actor=UserFactory())
        award_achievement(user, AchievementFactory(key=f"more-{n}").key)

    queries()
    assert LedgerEntry.objects.count() > 120


def test_each_time_that_an_achievement_is_held_is_listed(admin_client, user, activity):
    achievement = AchievementFactory(
        key="tens",
        criterion="activity_count",
        activity=activity,
        threshold=10,
        xp_reward=5,
        max_times=None,
        repeat_every=10,
    )
    record_activity(user, "walk", quantity=25)
    revoke_achievement(user, "tens", number=1)
    record_activity(user, "walk", quantity=10)

    html = visit(admin_client, user).content.decode()

    assert "<b>× 2</b>" in html
    assert "?achievement=tens&amp;number=2" in html
    assert "?achievement=tens&amp;number=1" not in html
    assert achievement.name in html
