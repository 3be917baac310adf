from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.urls import reverse

from gamification.models import RepairedDate
from gamification.services import record_activity
from tests.admin.browsing import filled_in, refused_inline
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PAGE = reverse("admin:gamification_streakdefinition_outage")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
OUTAGE = {"streak": "daily", "since": "2026-03-03", "until": "", "note": "An outage."}


@pytest.fixture(autouse=True)
def noon(no_achievements):
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def broken(activity):
    """A user whom the outage on the day before broke."""
    user = UserFactory()
    for days in (2, 0):
        record_activity(user, "walk", occurred_at=NOON - days * DAY)
    return user


def preview(client, **changes):
    return client.post(PAGE, OUTAGE | changes | {"_preview": "1"})


def repair(client, response, **changes):
    fields = filled_in(response, "gam-outage-form")
    return client.post(PAGE, fields | changes | {"_repair": "1"})


def errors(response):
    return [*response.context["form"].errors.values()]


def test_everybody_whom_it_broke_is_repaired(admin_client, broken):
    previewed = preview(admin_client)
    assert "Repair for 1 user" in previewed.content.decode()
    assert not RepairedDate.objects.exists()

    response = repair(admin_client, previewed)

    assert response.url == reverse("admin:gamification_streakdefinition_changelist")
    assert RepairedDate.objects.get().user == broken
    text = "Repaired from March 3, 2026 to March 3, 2026: streaks of 1 users."
    assert [str(each) for each in get_messages(response.wsgi_request)] == [text]
    assert LogEntry.objects.get().get_change_message() == f"{text} An outage."


def test_only_what_was_previewed_is_repaired(admin_client, broken):
    response = repair(admin_client, preview(admin_client), until="2026-03-03")

    assert errors(response) == [["The selection has changed. Check the new preview."]]
    assert not RepairedDate.objects.exists()


def test_a_repair_needs_a_note(admin_client, broken):
    response = repair(admin_client, preview(admin_client, note=""))

    assert errors(response) == [["Enter the reason, for the user or for staff."]]


def test_dates_are_refused_before_and_after_the_preview(
    admin_client, broken, monkeypatch
):
    assert "1 to 31 dates" in errors(preview(admin_client, until="2026-09-01"))[0][0]
    previewed = preview(admin_client)
    monkeypatch.setattr(
        "gamification.services.streaks.mass_repairs.MAX_NOTE", len("An")
    )

    assert "note" in errors(repair(admin_client, previewed))[0][0]


def test_an_empty_page_asks(admin_client):
    response = admin_client.get(PAGE)

    assert response.status_code == 200
    assert refused_inline(response) == []


@pytest.mark.parametrize("missing", ["repair_streak", "run_job"])
def test_the_page_takes_both_permissions(client, staff, missing):
    names = {"repair_streak", "run_job"} - {missing}
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(staff)

    assert client.get(PAGE).status_code == 403
