from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from gamification.models import RepairedDate, StreakFreeze, StreakPause
from gamification.services import record_activity
from gamification.staff import create_streak, grant_freezes
from tests.inspection import everything

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
FIELDS = {
    "freeze": {"streak": "daily", "amount": "1", "key": str(UUID(int=7))},
    "pause": {"streak": "", "start": "2026-03-01", "end": "2026-03-09"},
    "end-pause": {"streak": ""},
    "repair": {"streak": "daily", "since": "2026-03-03", "until": ""},
}
PERMISSIONS = {
    "freeze": "grant_freezes",
    "pause": "pause_streak",
    "end-pause": "pause_streak",
    "repair": "repair_streak",
}
each_action = pytest.mark.parametrize("name", FIELDS)


@pytest.fixture(autouse=True)
def noon():
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def player(user):
    record_activity(user, "walk", occurred_at=NOON - timedelta(days=2))
    return user


def address(player, name):
    args = [player.pk, name]
    return reverse("admin:gamification_usergamification_action", args=args)


def perform(client, player, name, **fields):
    values = FIELDS[name] | {"note": "Ticket 7."} | fields
    return client.post(address(player, name), values)


def said(response):
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response):
    return [*response.context["form"].errors.values()]


@each_action
def test_an_action_needs_its_own_permission(client, staff, player, name):
    names = {"view_usergamification", *PERMISSIONS.values()} - {PERMISSIONS[name]}
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(staff)

    assert perform(client, player, name).status_code == 403


@each_action
def test_an_action_needs_a_note(admin_client, player, name):
    before = everything()

    response = perform(admin_client, player, name, note=" ")

    assert errors(response) == [["This field is required."]]
    assert everything() == before


def test_freezes_are_granted_once(admin_client, player):
    first, again = (perform(admin_client, player, "freeze") for _ in range(2))

    assert said(first) == ["1 freeze added; in stock: 1."]
    assert said(again)[-1] == "Already done: 1 freeze added; in stock: 1."
    assert StreakFreeze.objects.get().note == "Ticket 7."
    assert LogEntry.objects.get().get_change_message() == (
        "1 freeze added; in stock: 1. Note: Ticket 7."
    )


def test_too_many_freezes_are_refused(admin_client, player):
    response = perform(admin_client, player, "freeze", amount="101")

    assert "101" in errors(response)[0][0]


def test_a_pause_is_made_and_ended(admin_client, player):
    made = perform(admin_client, player, "pause")
    assert said(made) == ["Paused from March 1, 2026 to March 9, 2026."]

    ended, again = (perform(admin_client, player, "end-pause") for _ in range(2))

    assert said(ended)[-1] == "The pause has ended."
    assert said(again)[-1] == "There is no such pause."
    assert StreakPause.objects.get().until == date(2026, 3, 3)


def test_one_streak_is_paused_and_its_pause_ended(admin_client, player):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    perform(admin_client, player, "pause", streak="weekly", start="2026-03-05")

    assert StreakPause.objects.get().streak.key == "weekly"
    perform(admin_client, player, "end-pause", streak="weekly")
    assert not StreakPause.objects.exists()


def test_dates_are_repaired(admin_client, player):
    response = perform(admin_client, player, "repair")

    assert said(response) == ["Repaired: current streak 1, longest 1."]
    assert RepairedDate.objects.get().date == date(2026, 3, 3)


def test_a_span_of_dates_is_repaired(admin_client, player):
    perform(admin_client, player, "repair", since="2026-02-27", until="2026-03-01")

    assert RepairedDate.objects.count() == 3


def test_more_dates_than_a_repair_has_are_refused(admin_client, player):
    response = perform(admin_client, player, "repair", until="2099-01-01")

    assert errors(response) == [["A repair has 1 to 31 dates."]]


def test_dates_that_end_before_they_begin_are_refused(admin_client, player):
    response = perform(admin_client, player, "repair", until="2026-03-01")

    assert errors(response) == [["The last date is before the first one."]]


def text(response):
    html = response.content.decode().partition('class="gam-page gam-player"')[2]
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_page_of_a_user_shows_all_streaks(admin_client, player):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week", goal=2)
    with time_machine.travel(NOON - timedelta(days=2), tick=False):
        grant_freezes(player, 2)
    name = "admin:gamification_usergamification_for"

    shown = text(admin_client.get(reverse(name, args=[player.pk])))

    assert "2 freezes in stock · 1 freeze will be used" in shown
    assert (
        "Daily streak frozen 1 day 1 day 0 / 1 2 freezes in stock · "
        "1 freeze will be used Weekly" in shown
    )
    assert "0 weeks 0 weeks 1 / 2 0 freezes in stock" in shown


def test_the_page_of_a_user_says_until_when_they_pause(admin_client, player):
    perform(admin_client, player, "pause")
    name = "admin:gamification_usergamification_for"

    shown = text(admin_client.get(reverse(name, args=[player.pk])))

    assert "Paused until March 9, 2026 · 0 freezes in stock" in shown
    assert "March 1, 2026 0 0 paused" in shown
