from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.http import HttpRequest
from django.urls import reverse

from gamification.admin.sources import SourceLinks
from gamification.models import (
    ActiveDay,
    Activity,
    ActivityTally,
    Board,
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
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
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

    assert shown == (models - INTERNAL) | {Board}


@read_only
def test_a_row_is_shown(admin_client, player, model):
    row = model.objects.first()

    response = admin_client.get(page(model, "change", row.pk))

    assert response.status_code == 200
    assert not response.context["has_change_permission"]


@read_only
def test_a_row_links_only_to_pages_that_are_open(client, staff, player, model):
    name = f"view_{model._meta.model_name}"
    staff.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(staff)

    text = client.get(page(model, "change", model.objects.first().pk)).text

    links = re.findall(r'href="(/admin/[^"]+/change/)"', text)
    assert {client.get(link).status_code for link in links} <= {200}


def test_an_entry_links_to_its_activity_where_that_is_open(admin_client, player):
    entry = LedgerEntry.objects.exclude(activity=None).first()

    text = admin_client.get(page(LedgerEntry, "change", entry.pk)).text

    assert f'<a href="{page(Activity, "change", entry.activity_id)}">' in text


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

    # Session, staff member, count, rows, dates, and two filters of the ledger.
    with django_assert_max_num_queries(7):
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


def test_an_entry_that_does_not_exist_leads_back(admin_client):
    response = admin_client.get(page(LedgerEntry, "change", 7))

    assert response.url == reverse("admin:index")


def test_entries_are_filtered_by_kind(admin_client, player):
    kind = {"kind__exact": "achievement"}

    response = admin_client.get(page(LedgerEntry, "changelist"), kind)

    assert response.context["cl"].result_count == 1


def entries(client, **query):
    response = client.get(page(LedgerEntry, "changelist"), query)
    return [*response.context["cl"].result_list]


def test_entries_are_filtered_by_the_date_of_the_user(admin_client, user, activity):
    now = datetime(2026, 3, 3, 12, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        for days in (1, 0, 2):
            record_activity(user, "walk", occurred_at=now - timedelta(days=days))

    found = entries(
        admin_client, local_date__gte="2026-03-02", local_date__lte="2026-03-03"
    )

    assert [entry.local_date.day for entry in found] == [3, 2]
    assert len(entries(admin_client, local_date__gte="", local_date__lte="")) == 3


def test_entries_of_an_activity_come_by_date(admin_client, user, activity):
    now = datetime(2026, 3, 3, 12, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        for days in (1, 0, 2):
            record_activity(user, "walk", occurred_at=now - timedelta(days=days))

    found = entries(admin_client, activity__id__exact=activity.pk)

    assert [entry.local_date.day for entry in found] == [3, 2, 1]
    assert [entry.local_date.day for entry in entries(admin_client)] == [1, 3, 2]


def test_a_date_that_is_none_shows_the_whole_list(admin_client, player):
    query = {"local_date__gte": "yesterday"}

    response = admin_client.get(page(LedgerEntry, "changelist"), query)

    assert response.url == page(LedgerEntry, "changelist") + "?e=1"


def test_clearing_all_filters_keeps_the_chosen_dates(admin_client, player):
    address = reverse("admin:gamification_ledgerentry_changelist")
    chosen = {"local_date__year": "2026", "local_date__month": "6"}
    page = admin_client.get(address, {"kind__exact": "activity", **chosen})

    cleared = page.context["cl"].clear_all_filters_qs

    assert cleared == "?local_date__year=2026&local_date__month=6"
    assert admin_client.get(f"{address}{cleared}").status_code == 200


def test_entries_are_filtered_by_who_made_them(admin_client, user, staff):
    adjust_xp(user, amount=5, note="A present.", actor=staff)
    adjust_xp(user, amount=6, note="Another.")

    found = entries(admin_client, actor_name=staff.get_username())

    assert [entry.amount for entry in found] == [5]
    assert entries(admin_client, actor_name="nobody") == []


def test_a_filter_keeps_the_search_and_the_other_filters(admin_client, player, staff):
    query = {"q": player.get_username(), "kind__exact": "activity"}

    html = admin_client.get(page(LedgerEntry, "changelist"), query).text

    form = html.partition('class="gam-filter"')[2].partition("</form>")[0]
    for name, value in query.items():
        assert f'<input type="hidden" name="{name}" value="{value}">' in form


@pytest.fixture
def walk_of_an_object(user, activity):
    """An entry whose source is an object with a page in the admin."""
    return record_activity(
        user, "walk", source=f"gamification.activity:{activity.pk}"
    ).entry


def test_an_entry_links_to_the_object_that_it_comes_from(
    admin_client, walk_of_an_object, activity, user
):
    link = f'<a href="{page(Activity, "change", activity.pk)}"><bdi>gamification.act'

    assert link in admin_client.get(page(LedgerEntry, "changelist")).text
    one = page(LedgerEntry, "change", walk_of_an_object.id)
    assert link in admin_client.get(one).text
    assert link in admin_client.get(page(UserGamification, "for", user.pk)).text


def test_staff_get_links_to_objects_that_they_may_view(
    client, staff, walk_of_an_object, activity
):
    staff.user_permissions.add(Permission.objects.get(codename="view_ledgerentry"))
    client.force_login(staff)

    text = client.get(page(LedgerEntry, "changelist")).text

    assert f"<bdi>gamification.activity:{activity.pk}</bdi>" in text
    assert page(Activity, "change", activity.pk) not in text


@pytest.mark.parametrize(
    "source",
    ["ticket", "ticket:7", "a.b.c:7", "no.model:7", "contenttypes.contenttype:7"],
)
def test_a_source_that_names_no_page_is_a_text(admin_client, source):
    assert SourceLinks(admin.site, HttpRequest()).address_of(source) == ""


def test_a_model_whose_admin_has_no_change_page_has_no_link(rf, admin_user):
    class WithoutPages(admin.ModelAdmin):
        def get_urls(self):
            return []

    site = admin.AdminSite(name="other")
    site.register(Activity, WithoutPages)
    request = rf.get("/")
    request.user = admin_user

    assert SourceLinks(site, request).address_of("gamification.activity:7") == ""


def test_the_links_of_a_list_cost_no_query_for_each_row(
    client, staff, user, activity, django_assert_max_num_queries
):
    staff.user_permissions.add(Permission.objects.get(codename="view_ledgerentry"))
    client.force_login(staff)
    for number in range(20):
        record_activity(user, "walk", source=f"gamification.activity:{number}")

    # Session, staff member, two for permissions, count, rows, dates, and two filters.
    with django_assert_max_num_queries(9):
        client.get(page(LedgerEntry, "changelist"))


def test_an_entry_links_to_the_progress_of_its_user(admin_client, user, activity):
    record_activity(user, "walk")
    page = reverse("admin:gamification_usergamification_for", args=[user.pk])

    text = admin_client.get(reverse("admin:gamification_ledgerentry_changelist")).text

    assert f'<a href="{page}"><bdi>{user}</bdi></a>' in text


def test_a_site_without_pages_of_users_has_no_link_to_them(
    admin_client, walk_of_an_object, user, unregister
):
    unregister(UserGamification)

    text = admin_client.get(page(LedgerEntry, "changelist")).text

    assert f'<td class="field-player">{user}</td>' in text


def test_staff_who_may_not_view_users_get_no_links_to_them(
    client, staff, walk_of_an_object, user
):
    staff.user_permissions.add(Permission.objects.get(codename="view_ledgerentry"))
    client.force_login(staff)
    pages = [
        page(LedgerEntry, "changelist"),
        page(LedgerEntry, "change", walk_of_an_object.id),
    ]

    for text in (client.get(address).text for address in pages):
        assert str(user) in text
        assert page(UserGamification, "for", user.pk) not in text


def test_a_search_for_a_name_that_nobody_can_have_finds_nothing(
    admin_client, activity, user, monkeypatch
):
    record_activity(user, "walk")
    monkeypatch.setattr(get_user_model(), "USERNAME_FIELD", "id")

    response = admin_client.get(page(LedgerEntry, "changelist"), {"q": "nobody"})

    assert response.context["cl"].result_count == 0


def test_pages_of_entries_show_what_a_record_said(admin_client, user):
    types = {"genre": "string", "pages": "integer", "is_signed": "boolean"}
    ActivityFactory(key="review", attributes=types)
    said = {"pages": 7, "genre": "horror", "is_signed": True}
    entry = record_activity(user, "review", attributes=said).entry
    text = "genre: \u2068horror\u2069; is_signed: \u2068yes\u2069; pages: \u20687\u2069"

    for address in (
        page(LedgerEntry, "changelist"),
        page(LedgerEntry, "change", entry.id),
    ):
        assert text in admin_client.get(address).content.decode()
