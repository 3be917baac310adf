"""Levels in a catalogue file that is imported in the admin."""

from __future__ import annotations

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse

from gamification.models import Job, Level
from gamification.services import record_activity
from gamification.staff import make_table, run_next_step, save_levels
from tests.inspection import everything, profile_of

pytestmark = pytest.mark.django_db

IMPORT = reverse("admin:gamification_achievement_import")
FILE = json.dumps(
    {
        "format": 1,
        "activities": [],
        "achievements": [],
        "levels": [{"threshold": 0}, {"threshold": 30, "name": "Explorer"}],
    }
)


def preview(client):
    return client.post(IMPORT, {"text": FILE})


def apply(client):
    return client.post(IMPORT, preview(client).context["form"].initial)


def test_the_preview_shows_the_levels_that_go(admin_client):
    save_levels(make_table([0, 40, 60], ()), actor=None, expected=None)

    response = preview(admin_client)

    changes = [(each.effect, each.name) for each in response.context["changes"]]
    assert changes == [("changed", "level 2"), ("removed", "level 3")]
    assert "· removed" in response.content.decode()


def test_an_import_is_logged_and_begins_the_job(admin_client, user, activity):
    record_activity(user, "walk", quantity=4)
    table = make_table([0, 50, 60], ())
    save_levels(table, actor=None, expected=None)
    run_next_step(Job.objects.get().pk, actor=None)

    response = apply(admin_client)

    job = Job.objects.earliest("-pk")
    address = reverse("admin:gamification_job_progress", args=[job.pk])
    assert response["Location"] == address
    messages = [each.get_change_message() for each in LogEntry.objects.order_by("pk")]
    begins = "Level 2: begins at 50 XP → 30 XP; name – → \u2068Explorer\u2069"
    assert messages == [f"{begins}. Level 3: removed"]
    run_next_step(job.pk, actor=None)
    assert profile_of(user).level == 2


def test_the_message_counts_what_was_removed(admin_client):
    save_levels(make_table([0, 40, 60], ()), actor=None, expected=None)

    response = admin_client.post(
        IMPORT, preview(admin_client).context["form"].initial, follow=True
    )

    [message] = response.context["messages"]
    assert str(message) == "Added: 0. Changed: 1. Removed: 1."


def test_pinned_levels_are_refused(admin_client, settings):
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 40)}

    response = apply(admin_client)

    assert "LEVEL_THRESHOLDS pins them" in response.content.decode()
    assert response.context["form"]["text"].value() == FILE
    assert not Level.objects.exists()


def test_who_may_not_edit_levels_imports_none(client, user):
    user.is_staff = True
    user.save()
    kinds = ("activity", "achievement", "streakdefinition")
    names = [f"{verb}_{kind}" for verb in ("add", "change") for kind in kinds]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    response = preview(client)
    initial, before = response.context["form"].initial, everything()

    assert "you do not have permission for that" in response.text
    assert "Apply the changes" not in response.text
    assert client.post(IMPORT, initial).status_code == 403
    assert everything() == before
