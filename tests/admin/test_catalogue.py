from __future__ import annotations

import pytest
from django.urls import reverse

from gamification.models import Achievement, Activity
from gamification.services import award_achievement, record_activity
from tests.factories import AchievementFactory, ActivityFactory

pytestmark = pytest.mark.django_db

ACHIEVEMENT = {
    "key": "walk_10",
    "name": "Ten walks",
    "category": "milestones",
    "criterion": "manual",
    "threshold": 10,
    "xp_reward": 50,
    "status": "active",
    "position": 0,
}


def add(client, **fields):
    address = reverse("admin:gamification_achievement_add")
    return client.post(address, ACHIEVEMENT | fields)


def test_staff_add_an_achievement(admin_client):
    response = add(admin_client)

    assert response.status_code == 302
    assert Achievement.objects.get(key="walk_10").threshold == 10


def test_an_achievement_that_counts_an_activity_names_it(admin_client):
    response = add(admin_client, criterion="activity_count")

    errors = response.context["adminform"].form.non_field_errors()
    assert errors == ["An activity is set exactly where the criterion counts one."]


def test_staff_add_an_activity(admin_client):
    fields = {"key": "swim", "name": "Swim", "xp_reward": 5, "daily_limit": 3}

    admin_client.post(reverse("admin:gamification_activity_add"), fields)

    assert Activity.objects.get(key="swim").daily_limit == 3


def test_staff_edit_an_achievement_but_not_its_key(admin_client):
    achievement = AchievementFactory(key="walks")
    address = reverse("admin:gamification_achievement_change", args=[achievement.pk])

    response = admin_client.post(address, ACHIEVEMENT | {"key": "other"})

    achievement.refresh_from_db()
    assert response.status_code == 302
    assert (achievement.key, achievement.name) == ("walks", "Ten walks")


def test_an_achievement_that_somebody_holds_is_not_deleted(admin_client, user):
    achievement = AchievementFactory(key="walks")
    award_achievement(user, "walks")
    address = reverse("admin:gamification_achievement_delete", args=[achievement.pk])

    response = admin_client.post(address, {"post": "yes"})

    assert response.context["protected"]
    assert Achievement.objects.filter(key="walks").exists()


def test_an_achievement_that_nobody_holds_is_deleted(admin_client):
    achievement = AchievementFactory(key="walks")
    address = reverse("admin:gamification_achievement_delete", args=[achievement.pk])

    admin_client.post(address, {"post": "yes"})

    assert not Achievement.objects.filter(key="walks").exists()


def test_an_activity_that_was_recorded_is_not_deleted(admin_client, user, activity):
    record_activity(user, "walk")
    address = reverse("admin:gamification_activity_delete", args=[activity.pk])

    response = admin_client.post(address, {"post": "yes"})

    assert response.context["protected"]
    assert Activity.objects.filter(key="walk").exists()


@pytest.mark.parametrize("model", ["achievement", "activity"])
def test_the_catalogue_is_found_by_key(admin_client, model):
    ActivityFactory(key="swim")
    AchievementFactory(key="swim")
    address = reverse(f"admin:gamification_{model}_changelist")

    response = admin_client.get(address, {"q": "swim"})

    assert [row.key for row in response.context["cl"].result_list] == ["swim"]


def test_the_list_takes_as_many_queries_for_more_achievements(
    admin_client, django_assert_max_num_queries
):
    address = reverse("admin:gamification_achievement_changelist")
    for _ in range(20):
        activity = ActivityFactory()
        AchievementFactory(criterion="activity_count", activity=activity)

    with django_assert_max_num_queries(5):
        response = admin_client.get(address)

    assert response.context["cl"].result_count == 31
