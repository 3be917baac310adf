from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.admin.history import LedgerEntryAdmin
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
from tests.inspection import INTERNAL

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


def create_history(user):
    """Create rows of ``user`` in every table."""
    record_activity(user, "walk")
    award_achievement(user, AchievementFactory().key)


@pytest.fixture
def player(user, activity):
    create_history(user)
    return user


def test_every_model_is_registered():
    models = set(apps.get_app_config("gamification").get_models())

    shown = {model for model in models if admin.site.is_registered(model)}

    assert shown == models - INTERNAL


@read_only
def test_a_row_is_shown(admin_client, player, model):
    row = model.objects.first()

    response = admin_client.get(page(model, "change", row.pk))

    assert response.status_code == 200
    assert not response.context["has_change_permission"]


@read_only
def test_a_row_cannot_be_edited(admin_client, player, model):
    row = model.objects.first()

    response = admin_client.post(page(model, "change", row.pk), {})

    assert response.status_code == 403


@read_only
def test_a_row_cannot_be_added(admin_client, model):
    response = admin_client.post(page(model, "add"), {})

    assert response.status_code == 403


@read_only
def test_a_row_cannot_be_deleted_on_its_own_page(admin_client, player, model):
    row = model.objects.first()

    response = admin_client.post(page(model, "delete", row.pk), {"post": "yes"})

    assert response.status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@read_only
def test_rows_cannot_be_deleted_from_their_list(admin_client, player, model):
    rows = [str(row.pk) for row in model.objects.all()]
    action = {"action": "delete_selected", "_selected_action": rows, "post": "yes"}

    admin_client.post(page(model, "changelist"), action)

    assert model.objects.count() == len(rows)


def test_a_user_with_history_is_deleted_with_it(admin_client, player):
    admin_client.post(page(type(player), "delete", player.pk), {"post": "yes"})

    assert not get_user_model().objects.filter(pk=player.pk).exists()
    assert [model for model in READ_ONLY if model.objects.exists()] == []


def test_users_with_history_can_be_deleted_from_the_list(admin_client, player):
    action = {
        "action": "delete_selected",
        "_selected_action": [player.pk],
        "post": "yes",
    }

    admin_client.post(page(type(player), "changelist"), action)

    assert not get_user_model().objects.filter(pk=player.pk).exists()


def test_entries_survive_the_deletion_of_their_actor(admin_client, user, staff):
    adjust_xp(user, amount=5, note="A present.", actor=staff)

    admin_client.post(page(type(staff), "delete", staff.pk), {"post": "yes"})

    assert LedgerEntry.objects.get().actor is None


def test_the_index_lists_only_models_that_the_user_may_view(client, staff):
    permission = Permission.objects.get(codename="view_activity")
    staff.user_permissions.add(permission)
    client.force_login(staff)

    response = client.get(reverse("admin:index"))

    [app] = response.context["app_list"]
    assert [model["object_name"] for model in app["models"]] == ["Activity"]


@read_only
def test_the_number_of_queries_does_not_grow_with_users(
    admin_client, player, model, django_assert_max_num_queries
):
    for _ in range(5):
        create_history(UserFactory())

    with django_assert_max_num_queries(6):
        response = admin_client.get(page(model, "changelist"))

    assert response.context["cl"].result_count >= 6


@read_only
def test_rows_are_found_by_user(admin_client, player, model):
    create_history(UserFactory())
    name = {"q": player.get_username()}

    response = admin_client.get(page(model, "changelist"), name)

    assert {row.user for row in response.context["cl"].result_list} == {player}


@pytest.mark.parametrize(
    "query", ["amount__range=1", "source__regex=(", "kind__exact=%00", "key=%00"]
)
def test_filters_that_the_database_rejects_are_refused(admin_client, player, query):
    response = admin_client.get(page(LedgerEntry, "changelist") + f"?{query}")

    assert response.status_code == 400


def test_entries_are_filtered_by_kind(admin_client, player):
    kind = {"kind__exact": "achievement"}

    response = admin_client.get(page(LedgerEntry, "changelist"), kind)

    assert response.context["cl"].result_count == 1


def test_an_entry_links_to_the_progress_of_its_user(admin_client, user, activity):
    record_activity(user, "walk")
    page = reverse("admin:gamification_usergamification_for", args=[user.pk])

    text = admin_client.get(reverse("admin:gamification_ledgerentry_changelist")).text

    assert f'<a href="{page}"><bdi>{user}</bdi></a>' in text


def test_a_site_without_pages_of_users_has_no_link_to_them(user):
    ledger = LedgerEntryAdmin(LedgerEntry, admin.AdminSite())

    assert ledger.player(LedgerEntry(user=user)) == str(user)


def test_a_search_for_a_name_that_nobody_can_have_finds_nothing(
    admin_client, activity, user, monkeypatch
):
    record_activity(user, "walk")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "id")

    response = admin_client.get(page(LedgerEntry, "changelist"), {"q": "nobody"})

    assert response.context["cl"].result_count == 0
