from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import (
    ActiveDay,
    ActivityTally,
    Celebration,
    LedgerEntry,
    UserAchievement,
    UserGamification,
)
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
)
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

READ_ONLY = [
    ActiveDay,
    ActivityTally,
    Celebration,
    LedgerEntry,
    UserAchievement,
    UserGamification,
]
read_only = pytest.mark.parametrize("model", READ_ONLY)


def page(model, name, *args):
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=args)


def live(user):
    """Leave something of ``user`` in every table."""
    record_activity(user, "walk")
    award_achievement(user, AchievementFactory().key)


@pytest.fixture
def past(user, activity):
    live(user)
    return user


def test_every_model_has_its_pages():
    models = set(apps.get_app_config("gamification").get_models())

    assert {model for model in models if admin.site.is_registered(model)} == models


@read_only
def test_a_row_is_shown(admin_client, past, model):
    row = model.objects.first()

    response = admin_client.get(page(model, "change", row.pk))

    assert response.status_code == 200
    assert not response.context["has_change_permission"]


@read_only
def test_a_row_is_not_edited(admin_client, past, model):
    row = model.objects.first()

    response = admin_client.post(page(model, "change", row.pk), {})

    assert response.status_code == 403


@read_only
def test_no_row_is_added(admin_client, model):
    response = admin_client.post(page(model, "add"), {})

    assert response.status_code == 403


@read_only
def test_a_row_is_not_deleted_on_its_own_page(admin_client, past, model):
    row = model.objects.first()

    response = admin_client.post(page(model, "delete", row.pk), {"post": "yes"})

    assert response.status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@read_only
def test_rows_are_not_deleted_from_their_list(admin_client, past, model):
    rows = [str(row.pk) for row in model.objects.all()]
    action = {"action": "delete_selected", "_selected_action": rows, "post": "yes"}

    admin_client.post(page(model, "changelist"), action)

    assert model.objects.count() == len(rows)


def test_a_user_with_history_is_deleted_with_it(admin_client, past):
    admin_client.post(page(type(past), "delete", past.pk), {"post": "yes"})

    assert not get_user_model().objects.filter(pk=past.pk).exists()
    assert [model for model in READ_ONLY if model.objects.exists()] == []


def test_users_with_history_are_deleted_from_their_list(admin_client, past):
    action = {"action": "delete_selected", "_selected_action": [past.pk], "post": "yes"}

    admin_client.post(page(type(past), "changelist"), action)

    assert not get_user_model().objects.filter(pk=past.pk).exists()


def test_entries_outlive_the_staff_who_made_them(admin_client, user, staff):
    adjust_xp(user, amount=5, note="A present.", actor=staff)

    admin_client.post(page(type(staff), "delete", staff.pk), {"post": "yes"})

    assert LedgerEntry.objects.get().actor is None


def test_who_may_see_nothing_is_told_of_nothing(client, staff):
    permission = Permission.objects.get(codename="view_activity")
    staff.user_permissions.add(permission)
    client.force_login(staff)

    response = client.get(reverse("admin:index"))

    [app] = response.context["app_list"]
    assert [model["object_name"] for model in app["models"]] == ["Activity"]


@read_only
def test_the_list_takes_as_many_queries_for_more_users(
    admin_client, past, model, django_assert_max_num_queries
):
    for _ in range(5):
        live(UserFactory())

    with django_assert_max_num_queries(6):
        response = admin_client.get(page(model, "changelist"))

    assert response.context["cl"].result_count >= 6


@read_only
def test_rows_are_found_by_user(admin_client, past, model):
    live(UserFactory())
    name = {"q": past.get_username()}

    response = admin_client.get(page(model, "changelist"), name)

    assert {row.user for row in response.context["cl"].result_list} == {past}


@pytest.mark.parametrize(
    "query", ["amount__range=1", "source__regex=(", "kind__exact=%00", "key=%00"]
)
def test_a_filter_that_the_database_cannot_take_is_refused(admin_client, past, query):
    response = admin_client.get(page(LedgerEntry, "changelist") + f"?{query}")

    assert response.status_code == 400


def test_entries_are_filtered_by_kind(admin_client, past):
    kind = {"kind__exact": "achievement"}

    response = admin_client.get(page(LedgerEntry, "changelist"), kind)

    assert response.context["cl"].result_count == 1
