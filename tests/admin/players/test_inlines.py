from __future__ import annotations

import pytest
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import path, reverse

from gamification.admin import GamificationInline, GamificationUserAdminMixin
from gamification.admin.players.progress import UserGamificationAdmin
from gamification.models import UserGamification
from gamification.services import (
    adjust_xp,
    award_achievement,
    record_activity,
)
from tests.factories import AchievementFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.urls(__name__),
    pytest.mark.usefixtures("activity", "no_achievements"),
]

User = get_user_model()


class AccountAdmin(ModelAdmin):
    fields = ("username",)


class WithInline(AccountAdmin):
    inlines = (GamificationInline,)


class WithMixin(GamificationUserAdminMixin, AccountAdmin):
    pass


class WithBoth(GamificationUserAdminMixin, WithInline):
    pass


def site(name, user_admin):
    """Return the address of a separate admin site with this admin of users."""
    pages = AdminSite(name)
    if user_admin:
        pages.register(User, user_admin)
    pages.register(UserGamification, UserGamificationAdmin)
    return path(f"{name}/", pages.urls)


urlpatterns = [
    site("inline", WithInline),
    site("mixin", WithMixin),
    site("both", WithBoth),
    site("bare", None),
]
each_site = pytest.mark.parametrize("name", ["inline", "mixin", "both"])


def account(name, action, *args):
    page = f"{User._meta.app_label}_{User._meta.model_name}_{action}"
    return reverse(f"{name}:{page}", args=args)


@each_site
def test_the_inline_shows_the_users_progress(admin_client, user, name):
    AchievementFactory(key="walker", xp_reward=1_234)
    award_achievement(user, "walker")
    record_activity(user, "walk")

    html = admin_client.get(account(name, "change", user.pk)).content.decode()

    assert html.count("View progress") == 1
    assert "<dd>7</dd>" in html
    assert "<dd>1,244</dd>" in html
    assert "<dd>1 day (active)</dd>" in html
    assert "<dd>1</dd>" in html


@each_site
def test_the_inline_links_to_the_same_admin_site(admin_client, user, name):
    address = reverse(f"{name}:gamification_usergamification_for", args=[user.pk])

    html = admin_client.get(account(name, "change", user.pk)).content.decode()

    assert f'href="{address}"' in html
    back = admin_client.get(address).content.decode()
    assert f'href="{account(name, "change", user.pk)}"' in back


@each_site
def test_the_account_can_be_saved(admin_client, user, name):
    record_activity(user, "walk")
    form = {"username": "renamed", "gamification-TOTAL_FORMS": "0"}
    form["gamification-INITIAL_FORMS"] = "0"

    response = admin_client.post(account(name, "change", user.pk), form)

    user.refresh_from_db()
    assert response.status_code == 302
    assert user.username == "renamed"


def test_the_inline_has_a_management_form(admin_client, user):
    html = admin_client.get(account("mixin", "change", user.pk)).content.decode()

    assert 'name="gamification-TOTAL_FORMS" value="0"' in html


def test_the_inline_writes_nothing(admin_client, user):
    adjust_xp(user, amount=5, note="A present.")
    row = UserGamification.objects.get()
    form = {
        "username": "renamed",
        "gamification-TOTAL_FORMS": "1",
        "gamification-INITIAL_FORMS": "1",
        "gamification-0-id": row.pk,
        "gamification-0-user": user.pk,
        "gamification-0-total_xp": "999",
        "gamification-0-DELETE": "on",
    }

    admin_client.post(account("mixin", "change", user.pk), form)

    row.refresh_from_db()
    assert row.total_xp == 5


@each_site
def test_the_page_that_adds_an_account_has_no_inline(admin_client, name):
    page = admin_client.get(account(name, "add"))

    admin_client.post(account(name, "add"), {"username": "new"})

    assert "View progress" not in page.content.decode()
    assert User.objects.filter(username="new").exists()


def test_the_inline_needs_the_view_permission(client, staff, user):
    model = User._meta.model_name
    staff.user_permissions.add(Permission.objects.get(codename=f"view_{model}"))
    client.force_login(staff)
    page = account("mixin", "change", user.pk)
    hidden = client.get(page).content.decode()

    may_view = Permission.objects.get(codename="view_usergamification")
    staff.user_permissions.add(may_view)

    assert "View progress" not in hidden
    assert "View progress" in client.get(page).content.decode()


def test_the_inline_takes_one_query(admin_client, user, django_assert_num_queries):
    for _ in range(30):
        award_achievement(user, AchievementFactory().key)

    page = account("mixin", "change", user.pk)
    # Django caches content types.
    admin_client.get(page)

    # Session, staff member, and account.
    with django_assert_num_queries(3 + 1):
        admin_client.get(page)


def test_a_site_without_accounts_has_no_link_to_them(admin_client, user):
    address = reverse("bare:gamification_usergamification_for", args=[user.pk])

    assert admin_client.get(address).context["user_page"] == ""
