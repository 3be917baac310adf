from __future__ import annotations

import pytest
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth import get_user_model
from django.urls import path, reverse

from example_project.visions import actions
from example_project.visions.models import Vision
from gamification.admin import GamificationUserAdminMixin
from gamification.admin.history import LedgerEntryAdmin
from gamification.models import ActiveDay, LedgerEntry
from gamification.services import (
    adjust_xp,
    record_activity,
)
from tests.factories import UserFactory
from tests.inspection import everything

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("activity", "no_achievements"),
]

User = get_user_model()


class AccountAdmin(GamificationUserAdminMixin, ModelAdmin):
    fields = ("username",)


class Forbidding(LedgerEntryAdmin):
    def has_delete_permission(self, request, obj=None):
        return False


class Locked(ModelAdmin):
    def has_delete_permission(self, request, obj=None):
        return False


open_site, strict_site = AdminSite("open"), AdminSite("strict")
open_site.register(User, AccountAdmin)
strict_site.register(User, AccountAdmin)
strict_site.register(LedgerEntry, Forbidding)
strict_site.register(Vision, Locked)
urlpatterns = [path("open/", open_site.urls), path("strict/", strict_site.urls)]


@pytest.fixture
def player(user):
    """A walk, and 60 adjustments."""
    record_activity(user, "walk", quantity=10)
    for _ in range(60):
        adjust_xp(user, amount=1, note="A present.", celebrate=False)
    adjust_xp(UserFactory(), amount=1, note="For somebody else.")
    return user


def account(action, *args, site="open"):
    page = f"{User._meta.app_label}_{User._meta.model_name}_{action}"
    return reverse(f"{site}:{page}", args=args)


def delete_selected(client, *users, **also):
    action = {
        "action": "delete_selected",
        "_selected_action": [user.pk for user in users],
    }
    return client.post(account("changelist"), action | also)


def test_the_confirmation_counts_gamification_rows(admin_client, player):
    context = admin_client.get(account("delete", player.pk)).context

    assert dict(context["model_count"]) == {
        str(User._meta.verbose_name_plural): 1,
        "ledger entries": 61,
        "celebrations": 1,
        "users' progress": 1,
        "activity tallies": 1,
        "active days": 1,
    }
    assert context["deleted_objects"][1:] == [
        "Gamification data",
        [
            "Active days: 1",
            "Activity tallies: 1",
            "Celebrations: 1",
            "Ledger entries: 61",
            "Users' progress: 1",
        ],
    ]


def test_the_confirmation_lists_other_objects(admin_client, user):
    actions.add_vision(user, "Sail <b>")

    context = admin_client.get(account("delete", user.pk)).context

    link, vision, *_ = context["deleted_objects"]
    assert f'<a href="{account("change", user.pk)}">{user}</a>' in link
    assert vision == ["Vision: Sail <b>"]


def test_names_are_escaped(admin_client, user):
    user.username = "<script>"
    user.save()
    actions.add_vision(user, "<script>")

    html = admin_client.get(account("delete", user.pk)).content.decode()

    assert "<script>" not in html
    assert "Vision: &lt;script&gt;" in html


def test_a_user_without_history_is_deleted_alone(admin_client, user):
    context = admin_client.get(account("delete", user.pk)).context

    assert len(context["deleted_objects"]) == 1


def test_the_confirmation_does_not_grow_with_history(
    admin_client, player, django_assert_max_num_queries
):
    # Session, staff member, user, their rows in other apps, and six counts.
    with django_assert_max_num_queries(18):
        html = admin_client.get(account("delete", player.pk)).content.decode()

    assert html.count("<li>") < 30


def test_a_user_is_deleted_with_all_gamification_rows(admin_client, player):
    admin_client.post(account("delete", player.pk), {"post": "yes"})

    assert not User.objects.filter(pk=player.pk).exists()
    assert LedgerEntry.objects.count() == 1
    assert not ActiveDay.objects.exists()


def test_several_users_can_be_deleted_from_the_list(admin_client, player):
    other = UserFactory()
    adjust_xp(other, amount=1, note="A present.")

    context = delete_selected(admin_client, player, other).context
    delete_selected(admin_client, player, other, post="yes")

    assert dict(context["model_count"])["ledger entries"] == 62
    assert not User.objects.filter(pk__in=[player.pk, other.pk]).exists()


def test_no_users_need_no_confirmation(rf):
    pages = open_site.get_model_admin(User)

    summary = pages.get_deleted_objects(User.objects.none(), rf.get("/"))

    assert summary == ([], {}, set(), [])


def test_missing_permissions_prevent_the_deletion(admin_client, player):
    actions.add_vision(player, "Sail")
    before = everything()
    page = account("delete", player.pk, site="strict")

    context = admin_client.get(page).context
    response = admin_client.post(page, {"post": "yes"})

    assert context["perms_lacking"] == {"ledger entry", "vision"}
    assert response.status_code == 403
    assert everything() == before
