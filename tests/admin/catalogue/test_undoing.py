from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Achievement, Activity
from gamification.services import record_activity
from gamification.staff import create_streak, edit_achievement, edit_activity
from tests.admin.browsing import filled_in
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


def page(row, name, *args):
    kind = row._meta.model_name
    return reverse(f"admin:gamification_{kind}_{name}", args=[row.pk, *args])


def edit(client, row, **changes):
    """Edit ``row`` in its form; return the entry of the log."""
    shown = client.get(page(row, "change"))
    sent = filled_in(shown, f"{row._meta.model_name}_form")
    response = client.post(page(row, "change"), sent | changes)
    assert response.status_code == 302
    return LogEntry.objects.latest("pk")


def undo(client, row, entry, **data):
    return client.post(page(row, "undo", entry.pk), data, follow=True)


@pytest.fixture
def walks(activity):
    return AchievementFactory(
        key="walks",
        name="Walks",
        criterion="activity_count",
        activity=activity,
        threshold=3,
    )


def test_the_last_change_is_undone_with_one_click(admin_client, activity):
    entry = edit(admin_client, activity, xp_reward="25", daily_limit="4")
    history = admin_client.get(page(activity, "history"))

    response = undo(admin_client, activity, entry)

    assert f'action="{page(activity, "undo", entry.pk)}"' in history.text
    assert "XP reward: 25 → 10; Daily limit: 4 → –" in history.text
    activity.refresh_from_db()
    assert (activity.xp_reward, activity.daily_limit) == (10, None)
    assert "The change was undone: XP reward: 25 → 10" in response.text
    assert LogEntry.objects.latest("pk").get_change_message() == (
        "Changed XP reward: 25 → 10; Daily limit: 4 → – (undone)."
    )


def test_an_undone_change_is_made_again_by_undoing_that(admin_client, activity):
    entry = edit(admin_client, activity, xp_reward="25")
    undo(admin_client, activity, entry)

    undo(admin_client, activity, LogEntry.objects.latest("pk"))

    assert Activity.objects.get(key="walk").xp_reward == 25


def test_a_change_of_every_kind_of_field_is_undone(admin_client, walks):
    other = ActivityFactory(key="swim", name="Swim")
    entry = edit(
        admin_client, walks, activity=str(other.pk), category="streaks", is_secret="on"
    )

    undo(admin_client, walks, entry, _confirmed="1")

    walks.refresh_from_db()
    assert walks.activity.key == "walk"
    assert (walks.category, walks.is_secret) == ("milestones", False)
    assert LogEntry.objects.latest("pk").get_change_message() == (
        "Changed Category: streaks → milestones; Activity: swim → walk; "
        "Secret: yes → no (undone)."
    )


def test_a_change_of_the_streak_is_undone(admin_client, walks):
    weekly = create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    run = {"criterion": "longest_streak", "activity": ""}
    edit(admin_client, walks, **run, streak=str(weekly.pk))
    entry = edit(admin_client, walks, streak="")

    undo(admin_client, walks, entry, _confirmed="1")

    walks.refresh_from_db()
    assert walks.streak == weekly
    assert LogEntry.objects.latest("pk").get_change_message() == (
        "Changed Streak: – → weekly (undone)."
    )


def test_a_preview_comes_first_where_users_would_get_something(
    admin_client, walks, user
):
    entry = edit(admin_client, walks, threshold="9")
    record_activity(user, "walk", quantity=3)

    response = undo(admin_client, walks, entry)

    assert Achievement.objects.get(key="walks").threshold == 9
    assert response.context["preview"].effects.users.value == 1
    assert "Threshold: 9 → 3" in response.text
    confirmed = undo(admin_client, walks, entry, _confirmed="1")
    assert Achievement.objects.get(key="walks").threshold == 3
    assert "1 user meets “Walks” already" in confirmed.text


def test_the_preview_counts_the_activity_that_would_be_counted_again(
    admin_client, walks, user
):
    other = ActivityFactory(key="swim", name="Swim")
    entry = edit(admin_client, walks, activity=str(other.pk))
    record_activity(user, "walk", quantity=3)

    preview = undo(admin_client, walks, entry).context["preview"]

    assert preview.effects.users.value == 1


def test_the_preview_has_the_season_that_would_hold_again(
    admin_client, admin_user, walks, user
):
    june = datetime(2026, 6, 1, tzinfo=UTC)
    for start in (june, None):
        edit_achievement("walks", actor=admin_user, expected=None, starts_at=start)
    record_activity(user, "walk", quantity=2)
    may = june - timedelta(days=1)
    record_activity(user, "walk", occurred_at=may, historical=True)

    response = undo(admin_client, walks, LogEntry.objects.latest("pk"))

    assert response.context["preview"].effects.users.value == 0
    assert "June 1, 2026" in response.text


def test_what_was_changed_since_is_not_undone(admin_client, activity):
    entry = edit(admin_client, activity, xp_reward="25")
    edit_activity("walk", actor=None, expected=None, name="Stroll")

    history = admin_client.get(page(activity, "history"))
    response = undo(admin_client, activity, entry)

    assert "/undo/" not in history.text
    assert "cannot be undone, because the log lacks a later change" in history.text
    assert "changed “\u2068Stroll\u2069” in the meantime" in response.text
    assert Activity.objects.get(key="walk").xp_reward == 25


def test_a_decisive_change_that_was_changed_since_is_not_undone(admin_client, walks):
    entry = edit(admin_client, walks, threshold="9")
    edit_achievement("walks", actor=None, expected=None, name="Many walks")

    undo(admin_client, walks, entry, _confirmed="1")

    assert Achievement.objects.get(key="walks").threshold == 9


def test_only_the_last_of_two_changes_is_offered(admin_client, activity):
    first = edit(admin_client, activity, xp_reward="25")
    second = edit(admin_client, activity, xp_reward="30")

    history = admin_client.get(page(activity, "history")).text

    assert page(activity, "undo", second.pk) in history
    assert page(activity, "undo", first.pk) not in history


def test_what_can_no_longer_be_is_not_undone(admin_client, walks):
    other = ActivityFactory(key="swim", name="Swim")
    entry = edit(admin_client, walks, activity=str(other.pk))
    Activity.objects.filter(key="walk").delete()

    response = undo(admin_client, walks, entry, _confirmed="1")

    assert "cannot be saved" in response.text
    assert Achievement.objects.get(key="walks").activity == other


@pytest.mark.parametrize(
    "message", ["[]", "Backfill started.", '[{"changed": {"fields": ["Name"]}}]']
)
def test_what_cannot_be_undone_has_no_button(admin_client, activity, message):
    entry = edit(admin_client, activity, xp_reward="25")
    LogEntry.objects.update(change_message=message)

    assert "/undo/" not in admin_client.get(page(activity, "history")).text
    assert undo(admin_client, activity, entry).status_code == 404


def test_what_nobody_edited_has_no_button(admin_client, activity):
    assert "/undo/" not in admin_client.get(page(activity, "history")).text


def test_a_change_over_the_api_is_undone_like_any_other(
    admin_client, admin_user, walks
):
    client_of(admin_user).patch(
        f"{API}achievements/walks/",
        {"threshold": 9, "xp_reward": 25},
        format="json",
        headers={"If-Match": "*"},
    )
    entry = LogEntry.objects.get()
    history = admin_client.get(page(walks, "history")).text

    undo(admin_client, walks, entry, _confirmed="1")

    assert entry.user == admin_user
    assert "XP reward: 25 → 50; Threshold: 9 → 3" in history
    walks.refresh_from_db()
    assert (walks.threshold, walks.xp_reward) == (3, 50)


def test_a_form_without_changes_is_not_logged(admin_client, activity):
    sent = filled_in(admin_client.get(page(activity, "change")), "activity_form")

    admin_client.post(page(activity, "change"), sent)

    assert not LogEntry.objects.exists()


def test_the_change_of_another_is_not_undone(admin_client, activity):
    entry = edit(admin_client, activity, xp_reward="25")

    assert undo(admin_client, ActivityFactory(), entry).status_code == 404
    missing = reverse("admin:gamification_activity_undo", args=[0, entry.pk])
    assert admin_client.post(missing).status_code == 404


def test_the_history_of_nothing_leads_back(admin_client):
    history = reverse("admin:gamification_activity_history", args=[0])

    assert admin_client.get(history).url == reverse("admin:index")


def test_a_look_undoes_nothing(admin_client, activity):
    entry = edit(admin_client, activity, xp_reward="25")

    assert admin_client.get(page(activity, "undo", entry.pk)).status_code == 405


def test_undoing_needs_the_permission_to_change(admin_client, client, staff, activity):
    entry = edit(admin_client, activity, xp_reward="25")
    staff.user_permissions.add(Permission.objects.get(codename="view_activity"))
    client.force_login(staff)

    assert "/undo/" not in client.get(page(activity, "history")).text
    assert undo(client, activity, entry).status_code == 403
    assert Activity.objects.get(key="walk").xp_reward == 25
