from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Achievement, Activity
from gamification.services import record_activity
from tests.admin.browsing import refused_inline

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:gamification_remove_seeds")
IMPORT = reverse("admin:gamification_achievement_import")


def test_the_page_shows_what_goes_and_what_stays(admin_client, user):
    record_activity(user, "kpi_completed")

    html = admin_client.get(PAGE).text

    assert "<bdi>Ten done</bdi> (kpi_10)</li>" in html
    assert "<bdi>First KPI</bdi> (first_kpi): users have earned it</li>" in html
    assert Achievement.objects.count() == 11


def test_a_click_removes_them(admin_client):
    response = admin_client.post(PAGE, follow=True)

    assert "13 examples were removed." in response.text
    assert not Achievement.objects.exists()
    assert not Activity.objects.exists()


def test_each_removal_is_logged(admin_client):
    admin_client.post(PAGE)

    logged = {*LogEntry.objects.values_list("object_repr", flat=True)}
    assert (len(logged), {"Ten done", "KPI completed"} <= logged) == (13, True)


def test_afterwards_there_is_nothing_to_remove(admin_client):
    admin_client.post(PAGE)

    html = admin_client.get(PAGE).text

    assert "There is nothing to remove." in html
    assert "<form method" not in html.partition('id="content"')[2]


@pytest.mark.parametrize("missing", ["delete_activity", "delete_achievement"])
def test_staff_need_both_permissions(client, staff, missing):
    names = {"delete_activity", "delete_achievement"} - {missing}
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(staff)

    assert client.get(PAGE).status_code == client.post(PAGE).status_code == 403
    assert Achievement.objects.count() == 11


def test_the_import_page_links_to_it(admin_client):
    assert f'<a href="{PAGE}">' in admin_client.get(IMPORT).text


def test_the_page_works_under_a_strict_content_security_policy(admin_client):
    assert refused_inline(admin_client.get(PAGE)) == []
