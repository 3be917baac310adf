from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Activity
from gamification.services import record_activity
from tests.admin.browsing import filled_in, refused_inline
from tests.factories import ActivityFactory

pytestmark = pytest.mark.django_db

LIST = reverse("admin:gamification_activity_changelist")
ADD = reverse("admin:gamification_activity_add")

NEW = {"key": "swim", "name": "Swim", "xp_reward": 5, "daily_limit": 3}


@pytest.fixture
def page(activity):
    return reverse("admin:gamification_activity_change", args=[activity.pk])


def test_staff_add_an_activity(admin_client):
    admin_client.post(ADD, NEW)

    assert Activity.objects.get(key="swim").daily_limit == 3
    assert LogEntry.objects.get().get_change_message() == "Added."


def test_staff_edit_an_activity_but_not_its_key(admin_client, activity, page):
    fields = filled_in(admin_client.get(page), "activity_form")

    admin_client.post(page, fields | {"key": "other", "xp_reward": "25"})

    activity.refresh_from_db()
    assert (activity.key, activity.xp_reward) == ("walk", 25)
    assert LogEntry.objects.get().get_change_message() == "XP reward: 10 → 25"


def test_an_empty_limit_removes_the_limit(admin_client, activity, page):
    Activity.objects.filter(key="walk").update(daily_limit=3)
    fields = filled_in(admin_client.get(page), "activity_form")

    admin_client.post(page, fields | {"daily_limit": ""})

    activity.refresh_from_db()
    assert activity.daily_limit is None


def test_activities_are_edited_in_the_list(admin_client, activity):
    fields = filled_in(admin_client.get(LIST), "changelist-form")
    # Two come before it, in the order of their keys.
    changes = {"form-2-xp_reward": "25", "form-2-cooldown": "60", "_save": "1"}

    admin_client.post(LIST, fields | changes)

    activity.refresh_from_db()
    assert (activity.xp_reward, activity.cooldown) == (25, 60)


@pytest.mark.parametrize(
    "value", ["-1", "1000001", "1.5", "９" * 30, "x", "", "9" * 5_000]
)
def test_an_invalid_reward_is_reported(admin_client, activity, page, value):
    fields = filled_in(admin_client.get(page), "activity_form")

    response = admin_client.post(page, fields | {"xp_reward": value})

    assert list(response.context["adminform"].form.errors) == ["xp_reward"]


def test_an_activity_with_entries_cannot_be_deleted(admin_client, user, activity):
    record_activity(user, "walk")
    address = reverse("admin:gamification_activity_delete", args=[activity.pk])

    response = admin_client.post(address, {"post": "yes"})

    assert response.context["protected"]
    assert Activity.objects.filter(key="walk").exists()


def test_an_activity_is_found_by_key(admin_client):
    ActivityFactory(key="swim")
    ActivityFactory()

    response = admin_client.get(LIST, {"q": "swim"})

    assert [row.key for row in response.context["cl"].result_list] == ["swim"]


def test_the_number_of_queries_does_not_grow_with_activities(
    admin_client, django_assert_num_queries
):
    # Session, staff member, two counts, and rows.
    with django_assert_num_queries(5):
        admin_client.get(LIST)
    ActivityFactory.create_batch(20)

    with django_assert_num_queries(5):
        response = admin_client.get(LIST)

    assert response.context["cl"].result_count == 22


def test_viewers_change_nothing(client, staff, activity, page):
    permission = Permission.objects.get(codename="view_activity")
    staff.user_permissions.add(permission)
    client.force_login(staff)

    assert client.get(page).status_code == 200
    for address in (page, ADD, LIST):
        assert client.post(address, NEW | {"_save": "1"}).status_code == 403
    assert Activity.objects.get(key="walk").xp_reward == 10


def test_pages_work_under_a_strict_content_security_policy(admin_client, page):
    pages = [admin_client.get(each) for each in (LIST, ADD, page)]

    assert [refused_inline(each) for each in pages] == [[], [], []]
