from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Job, RepairedDate
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

    job = Job.objects.get()
    assert response.url == reverse("admin:gamification_job_progress", args=[job.pk])
    text = f"Job {job.pk} repairs March 3, 2026 to March 3, 2026. An outage."
    assert LogEntry.objects.get().get_change_message() == text
    admin_client.post(reverse("admin:gamification_job_step", args=[job.pk]))
    assert RepairedDate.objects.get().user == broken


def test_what_is_sent_twice_begins_and_is_logged_once(admin_client, broken):
    previewed = preview(admin_client)

    first, second = (repair(admin_client, previewed) for _ in range(2))

    assert first.url == second.url
    assert (Job.objects.count(), LogEntry.objects.count()) == (1, 1)


def test_the_page_of_the_job_takes_it_back(admin_client, broken):
    repair(admin_client, preview(admin_client))
    job = Job.objects.get()
    step, undo, page = (
        reverse(f"admin:gamification_job_{name}", args=[job.pk])
        for name in ("step", "undo", "progress")
    )
    admin_client.post(step)
    text = admin_client.get(page).content.decode()
    assert f'action="{undo}"' in text
    assert "2026-03-03" in text

    undoing = admin_client.post(undo)

    admin_client.post(f"{undoing.url}step/")
    assert not RepairedDate.objects.exists()
    assert f'action="{undo}"' not in admin_client.get(page).content.decode()


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
        "gamification.services.streaks.repairs.jobs.MAX_NOTE", len("An")
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
