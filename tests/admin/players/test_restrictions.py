from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Restriction
from gamification.services import adjust_xp, record_activity
from tests.admin.players.test_actions import address
from tests.factories import UserFactory
from tests.inspection import profile_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

LIST = reverse("admin:gamification_usergamification_changelist")


@pytest.fixture
def player(user):
    record_activity(user, "walk")
    return user


@pytest.fixture
def moderator(client, staff):
    names = ["restrict_user", "view_usergamification", "view_restriction"]
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(staff)
    return client


def act(client, player, name, **fields):
    values = {"internal_note": "Odd.", **fields}
    return client.post(address(player, name), values, follow=True)


@time_machine.travel(datetime(2026, 6, 10, 12, tzinfo=UTC), tick=False)
def test_a_user_is_held_until_a_date(moderator, player):
    response = act(moderator, player, "hold", until="2026-07-01")

    assert profile_of(player).held_until == datetime(2026, 7, 1, tzinfo=UTC)
    assert "Held until July 1, 2026." in response.text
    assert "<bdi>Odd.</bdi>" in response.text
    [entry] = LogEntry.objects.all()
    assert entry.change_message == "Held until July 1, 2026. Note: Odd."


def test_a_date_in_the_past_is_refused(moderator, player):
    response = act(moderator, player, "hold", until="2020-01-01")

    assert "A hold must end in the future." in response.text
    assert not Restriction.objects.exists()


def test_a_user_is_excluded_and_readmitted(moderator, player):
    excluded = act(moderator, player, "exclude")
    is_excluded = profile_of(player).is_excluded
    lifted = act(moderator, player, "lift", kind="exclusion")

    assert is_excluded
    assert not profile_of(player).is_excluded
    assert "earns nothing</strong>: <bdi>Odd.</bdi>" in excluded.text
    assert "Restriction lifted." in lifted.text
    assert "earns nothing</strong>" not in lifted.text


def test_only_what_is_there_can_be_lifted(moderator, player):
    response = act(moderator, player, "lift", kind="hold")

    assert "Select a valid choice" in response.text


@pytest.mark.parametrize("name", ["hold", "exclude", "lift"])
def test_a_restriction_needs_its_permission(moderator, staff, player, name):
    may = Permission.objects.exclude(codename="restrict_user")
    staff.user_permissions.set(may)

    assert act(moderator, player, name).status_code == 403


def test_restrictions_are_listed(moderator, player):
    act(moderator, player, "exclude")

    response = moderator.get(reverse("admin:gamification_restriction_changelist"))

    assert [*response.context["cl"].result_list] == [Restriction.objects.get()]


# --- Finding users


def found(client, term):
    response = client.get(LIST, {"q": term})
    rows = response.context["cl"].result_list
    return [row.user for row in rows], response.context["newcomers"]


def test_a_user_is_found_by_a_part_of_name_or_address(moderator):
    ada = UserFactory(username="ada.lovelace", email="Countess@example.org")
    record_activity(ada, "walk")

    for term in ("LOVE", "countess@", "ada.lovelace"):
        assert found(moderator, term) == ([ada], [])
    assert found(moderator, "nobody") == ([], [])
    assert found(moderator, "a\0b")[1] == []


def test_a_user_who_never_did_anything_is_found_and_linked(moderator):
    ada = UserFactory(username="ada.lovelace")

    assert found(moderator, "love") == ([], [ada])
    page = reverse("admin:gamification_usergamification_for", args=[ada.pk])
    assert f'href="{page}"' in moderator.get(LIST, {"q": "love"}).text


def test_without_a_search_nobody_is_looked_for(moderator, player):
    UserFactory()

    assert found(moderator, " ") == ([player], [])


def test_the_list_needs_its_permission(moderator, staff):
    staff.user_permissions.clear()

    assert moderator.get(LIST, {"q": "a"}).status_code == 403


def test_users_of_a_model_without_addresses_are_found_by_name(moderator, monkeypatch):
    ada = UserFactory(username="ada", email="x@example.org")
    monkeypatch.setattr(type(ada), "EMAIL_FIELD", "no_such_field")

    assert found(moderator, "ada") == ([], [ada])
    assert found(moderator, "x@") == ([], [])


# --- Staff who gave something to themselves


def test_what_staff_gave_themselves_is_marked(admin_client, player, settings):
    settings.GAMIFICATION = {"ALLOW_SELF_AWARDS": True}
    adjust_xp(player, amount=5, note="Mine.", actor=player)
    page = reverse("admin:gamification_usergamification_for", args=[player.pk])
    ledger = reverse("admin:gamification_ledgerentry_changelist")

    assert admin_client.get(page).text.count(">for themselves</strong>") == 1
    assert admin_client.get(ledger).text.count(" (for themselves)") == 1
