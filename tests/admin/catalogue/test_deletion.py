from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from gamification.models import Achievement, Activity, StreakDefinition
from gamification.services import (
    award_achievement,
    record_activity,
)
from tests.factories import (
    AchievementFactory,
    ActivityFactory,
    BoostFactory,
    UserFactory,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]


def page(row, name, *args):
    return reverse(f"admin:gamification_{row._meta.model_name}_{name}", args=args)


def delete_page(client, row):
    return client.get(page(row, "delete", row.pk))


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal")


def test_an_activity_with_history_is_protected(admin_client, activity, user):
    record_activity(user, "walk")

    response = delete_page(admin_client, activity)

    assert response.context["protected"] == ["Ledger entries"]


def test_an_achievement_with_holders_is_protected(admin_client, medal, user):
    award_achievement(user, "medal")

    admin_client.post(page(medal, "delete", medal.pk), {"post": "yes"})

    assert delete_page(admin_client, medal).context["protected"] == [
        "User achievements"
    ]
    assert Achievement.objects.filter(key="medal").exists()


def test_the_confirmation_does_not_read_history(
    admin_client, medal, django_assert_num_queries
):
    for user in UserFactory.create_batch(5):
        award_achievement(user, "medal")

    # Session, staff member, achievement, and whether somebody holds it.
    with django_assert_num_queries(4) as queries:
        delete_page(admin_client, medal)
    assert not [q for q in queries if "gamification_ledgerentry" in q["sql"]]


def test_an_activity_without_history_can_be_deleted(admin_client, activity):
    response = admin_client.post(
        page(activity, "changelist"),
        {
            "action": "delete_selected",
            "_selected_action": [activity.pk],
            "post": "yes",
        },
    )

    assert response.status_code == 302
    assert not Activity.objects.filter(key="walk").exists()


def test_one_achievement_with_history_prevents_a_bulk_deletion(
    admin_client, medal, user
):
    award_achievement(user, "medal")
    other = AchievementFactory()
    asked = {"action": "delete_selected", "_selected_action": [medal.pk, other.pk]}

    admin_client.post(page(medal, "changelist"), asked | {"post": "yes"})

    assert Achievement.objects.count() == 2


def test_an_activity_with_history_can_be_switched_off_instead(
    admin_client, activity, user
):
    record_activity(user, "walk")
    html = delete_page(admin_client, activity).text

    response = admin_client.post(page(activity, "retire", activity.pk), follow=True)

    assert f'action="{page(activity, "retire", activity.pk)}"' in html
    assert "is switched off: users keep what they earned." in response.text
    activity.refresh_from_db()
    assert not activity.is_active
    message = LogEntry.objects.get().get_change_message()
    assert message == "Changed Active: yes → no."


def test_several_that_users_hold_can_be_retired_instead(admin_client, medal, user):
    award_achievement(user, "medal")
    trophy = AchievementFactory()
    chosen = {"_selected_action": [medal.pk, trophy.pk]}
    asked = admin_client.post(
        page(medal, "changelist"), chosen | {"action": "delete_selected"}
    )

    admin_client.post(page(medal, "changelist"), chosen | {"action": "retire_selected"})

    assert 'name="action" value="retire_selected"' in asked.text
    assert {*Achievement.objects.values_list("status", flat=True)} == {"retired"}


def test_several_activities_can_be_switched_off(admin_client, activity):
    chosen = {"_selected_action": [activity.pk], "action": "retire_selected"}

    admin_client.post(page(activity, "changelist"), chosen)

    assert not Activity.objects.get(key="walk").is_active


def test_an_activity_that_an_achievement_counts_is_protected(admin_client, activity):
    AchievementFactory(
        name="Walker", criterion="activity_count", activity=activity, threshold=5
    )

    [protected] = delete_page(admin_client, activity).context["protected"]

    assert "Walker" in protected


def test_deleting_a_deleted_achievement_causes_no_server_error(admin_client, medal):
    asked = {"action": "delete_selected", "_selected_action": [medal.pk]}
    medal.delete()

    response = admin_client.post(page(medal, "changelist"), asked)

    assert response.status_code == 200


def test_what_conditions_name_is_protected(admin_client, medal):
    AchievementFactory(name="Fan", criterion="level", conditions={"holds": "medal"})

    admin_client.post(page(medal, "delete", medal.pk), {"post": "yes"})

    assert delete_page(admin_client, medal).context["protected"] == [
        "Achievement “Fan”, whose conditions name it"
    ]
    assert Achievement.objects.filter(key="medal").exists()


def test_an_activity_that_a_streak_chooses_is_protected(admin_client, activity):
    StreakDefinition.objects.create(key="walks", name="Walks", activities=["walk"])

    admin_client.post(page(activity, "delete", activity.pk), {"post": "yes"})

    assert delete_page(admin_client, activity).context["protected"] == [
        "Streak “Walks”, which chooses it"
    ]
    assert Activity.objects.filter(key="walk").exists()


def test_an_activity_whose_attributes_a_boost_needs_is_protected(admin_client):
    review = ActivityFactory(key="review", attributes={"genre": "string"})
    where, end = [["genre", "is", "horror"]], datetime(2100, 1, 1, tzinfo=UTC)
    BoostFactory(name="Horror", where=where, ends_at=end)

    admin_client.post(page(review, "delete", review.pk), {"post": "yes"})

    assert delete_page(admin_client, review).context["protected"] == [
        "Boost “Horror”, whose conditions need its attributes"
    ]
    assert Activity.objects.filter(key="review").exists()
