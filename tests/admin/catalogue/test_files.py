from __future__ import annotations

import json
import re
from html import unescape

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError
from django.urls import reverse

from gamification.admin.catalogue import files
from gamification.models import Achievement, Activity, StreakDefinition
from gamification.services.catalogue.files import applying
from gamification.staff import create_streak, edit_achievement, export_definitions
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import everything

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("catalogue")]

LISTS = ["activity", "achievement"]
EXPORT = reverse("admin:gamification_achievement_export")
IMPORT = reverse("admin:gamification_achievement_import")

#: Changes the medal, adds a trophy, and leaves out the activity.
FILE = """{
  "format": 1,
  "activities": [],
  "achievements": [
    {"key": "medal", "name": "Gold", "xp_reward": 70},
    {
      "key": "trophy",
      "name": "Trophy",
      "category": "mastery",
      "criterion": "manual"
    }
  ]
}
"""


@pytest.fixture
def catalogue(no_achievements):
    Activity.objects.all().delete()
    ActivityFactory(key="walk", name="Walk")
    AchievementFactory(key="medal", name="Medal", xp_reward=50)


def upload(client, data, address=IMPORT):
    file = SimpleUploadedFile("catalogue.json", data)
    return client.post(address, {"file": file})


def paste(client, text):
    return client.post(IMPORT, {"text": text})


def apply(client, preview, **changed):
    """Send the form of a preview."""
    return client.post(IMPORT, preview.context["form"].initial | changed, follow=True)


def allow(user, *names):
    permissions = Permission.objects.filter(codename__in=names)
    assert len(permissions) == len(names)
    user.user_permissions.set(permissions)


def file_of(*achievements):
    document = {"format": 1, "activities": [], "achievements": achievements}
    return json.dumps(document)


def errors_of(response):
    return [
        *response.context["form"].errors.get("__all__", []),
        *map(": ".join, response.context["errors"]),
    ]


def text_of(response):
    return " ".join(unescape(response.content.decode()).split())


# --- Export


@pytest.mark.parametrize("name", LISTS)
def test_the_catalogue_is_exported_as_a_file(admin_client, name):
    response = admin_client.get(reverse(f"admin:gamification_{name}_export"))

    assert response.content.decode() == export_definitions()
    assert response["Content-Type"] == "application/json"
    assert response["Content-Disposition"] == 'attachment; filename="catalogue.json"'


def test_an_export_can_be_imported_without_changes(admin_client):
    file = admin_client.get(EXPORT).content

    preview = upload(admin_client, file)

    assert (preview.context["changes"], preview.context["absent"]) == ([], [])
    assert "There are no changes to apply." in text_of(preview)


# --- Preview


def test_a_preview_saves_nothing(admin_client):
    before = everything()

    upload(admin_client, FILE.encode())

    assert everything() == before


@pytest.mark.parametrize("name", LISTS)
def test_the_preview_shows_changes_by_field(admin_client, name):
    address = reverse(f"admin:gamification_{name}_import")

    context = upload(admin_client, FILE.encode(), address).context

    assert context["changes"][0] == (
        "changed",
        "achievement medal",
        [("Name", '"Medal"', '"Gold"'), ("XP reward", "50", "70")],
    )
    assert context["changes"][1][:2] == ("added", "achievement trophy")
    assert ("Threshold", "null", "1") in context["changes"][1].fields
    assert (context["absent"], context["unchanged"]) == (["activity walk"], 0)


def test_the_text_can_be_pasted(admin_client):
    pasted = paste(admin_client, FILE.replace("{", "{\r\n"))

    uploaded = upload(admin_client, FILE.encode())
    assert pasted.context["changes"] == uploaded.context["changes"]


def test_definitions_that_the_file_leaves_out_are_kept(admin_client):
    preview = paste(admin_client, file_of())

    assert "2 are not in the file and do not change: activity walk, achievement" in (
        text_of(preview)
    )


def test_names_are_escaped(admin_client):
    name = "<script>alert(1)</script>{{ 7*7 }}\u202e"
    file = file_of({"key": "medal", "name": name})

    html = paste(admin_client, file).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}\\u202e" in html
    assert "<script>alert" not in html
    assert "\u202e" not in html


def test_pages_work_under_a_strict_content_security_policy(admin_client):
    for response in (admin_client.get(IMPORT), paste(admin_client, FILE)):
        html = response.content.decode()

        assert re.findall(r"<script>|<style|\sstyle=|\son\w+=", html) == []


# --- Import


def test_a_previewed_file_is_applied(admin_client):
    preview = upload(admin_client, FILE.encode())

    response = apply(admin_client, preview)

    assert [(row.key, row.xp_reward) for row in Achievement.objects.all()] == [
        ("medal", 70),
        ("trophy", 0),
    ]
    assert Activity.objects.filter(key="walk").exists()
    assert [str(each) for each in response.context["messages"]] == [
        "Added: 1. Changed: 1."
    ]
    assert response.context["cl"].model is Achievement


def test_an_import_is_logged(admin_client, admin_user):
    apply(admin_client, upload(admin_client, FILE.encode()))

    entries = LogEntry.objects.order_by("object_repr")
    assert [(each.user, each.object_repr) for each in entries] == [
        (admin_user, "Gold"),
        (admin_user, "Trophy"),
    ]
    assert [each.get_change_message() for each in entries] == [
        "Changed Name: Medal → Gold; XP reward: 50 → 70 (imported).",
        "Imported.",
    ]
    assert [each.is_addition() for each in entries] == [False, True]


def test_an_import_that_cannot_be_logged_is_rolled_back(admin_client, monkeypatch):
    def fail(*args):
        raise DatabaseError

    monkeypatch.setattr(applying, "log_edits", fail)
    preview = upload(admin_client, FILE.encode())

    with pytest.raises(DatabaseError):
        apply(admin_client, preview)

    assert Achievement.objects.get().name == "Medal"


def test_a_concurrent_edit_of_the_catalogue_is_a_conflict(admin_client, staff):
    preview = upload(admin_client, FILE.encode())
    edit_achievement("medal", actor=staff, expected=None, xp_reward=60)

    response = apply(admin_client, preview)

    [message] = response.context["messages"]
    assert str(message) == (
        "Somebody else changed the catalogue in the meantime. Nothing has been saved: "
        "check the values, then try again."
    )
    assert Achievement.objects.get().xp_reward == 60
    assert ("XP reward", "60", "70") in response.context["changes"][0].fields


def test_a_file_that_is_applied_twice_is_no_conflict(admin_client):
    preview = upload(admin_client, FILE.encode())
    apply(admin_client, preview)

    response = apply(admin_client, preview)

    assert response.context["changes"] == []
    assert "Somebody else" not in response.text


def test_the_new_preview_after_a_conflict_can_be_applied(admin_client, staff):
    preview = upload(admin_client, FILE.encode())
    edit_achievement("medal", actor=staff, expected=None, xp_reward=60)

    apply(admin_client, apply(admin_client, preview))

    assert Achievement.objects.get(key="medal").xp_reward == 70


def test_a_text_that_was_not_previewed_is_not_applied(admin_client):
    preview = upload(admin_client, FILE.encode())

    apply(admin_client, preview, text=FILE.replace("70", "7000"))

    assert Achievement.objects.get().xp_reward == 50


def test_a_file_that_became_invalid_is_reported(admin_client):
    item = {"key": "medal", "criterion": "activity_count", "activity": "walk"}
    file = file_of(item)
    preview = paste(admin_client, file)
    Activity.objects.all().delete()

    response = apply(admin_client, preview)

    assert errors_of(response) == [
        "achievements[0].activity: No activity has the key 'walk'."
    ]
    assert (
        response.context["form"].initial["text"]
        == preview.context["form"]["text"].value()
    )


@pytest.mark.parametrize("changed", [{"text": ""}, {"tag": ""}, {"text": "\0"}])
def test_an_incomplete_confirmation_asks_for_the_file_again(admin_client, changed):
    preview = upload(admin_client, FILE.encode())

    response = apply(admin_client, preview, **changed)

    assert response.templates[0].name == "gamification/admin/definitions_import.html"
    assert Achievement.objects.get().xp_reward == 50


# --- Errors


def test_every_error_is_reported_with_its_location(admin_client):
    items = {"key": "medal", "xp_reward": -1}, {"key": "walk", "colour": "red"}

    response = paste(admin_client, file_of(*items))

    assert errors_of(response)[:2] == [
        "achievements[0].xp_reward: Ensure this value is greater than or equal to 0.",
        "achievements[1].colour: There is no such field.",
    ]
    assert f"{len(errors_of(response))} errors" in text_of(response)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"\xef\xbb\xbf{}", "file: It begins with a byte order mark."),
        ('{"format": 1}'.encode("utf-16"), "file: It is not UTF-8."),
        (b'{"format', "line 1, column 2: Unterminated string starting at."),
        (b"[" * 100_000, "file: It is nested too deeply."),
        (b"\0", "line 1, column 1: Expecting value."),
        (b"", "line 1, column 1: Expecting value."),
    ],
)
def test_an_unreadable_file_is_reported(admin_client, data, error):
    assert errors_of(upload(admin_client, data)) == [error]


@pytest.mark.parametrize("is_file", [True, False])
def test_a_file_that_is_too_large_is_refused(admin_client, is_file, monkeypatch):
    monkeypatch.setattr(files, "MAX_SIZE", 1_000)
    text = " " * 1_001

    response = (
        upload(admin_client, text.encode()) if is_file else paste(admin_client, text)
    )

    assert errors_of(response) == [
        "The file is larger than 1,000 bytes. Use the management command instead."
    ]


def test_the_largest_file_can_be_applied(admin_client):
    text = FILE.ljust(files.MAX_SIZE - 1) + "\n"

    apply(admin_client, upload(admin_client, text.encode()))

    assert Achievement.objects.filter(key="trophy").exists()


@pytest.mark.parametrize("text", ["", "{}"])
def test_either_a_file_or_its_text_is_required(admin_client, text):
    file = {"file": SimpleUploadedFile("catalogue.json", b"{}")} if text else {}

    response = admin_client.post(IMPORT, {**file, "text": text})

    assert errors_of(response) == ["Either choose a file or paste its text."]


def test_null_characters_are_refused(admin_client):
    errors = paste(admin_client, "\0").context["form"].errors

    assert errors == {"text": ["Null characters are not allowed."]}


# --- Permissions

KINDS = [*LISTS, "streakdefinition"]
EDITING = [f"{action}_{name}" for action in ("add", "change") for name in KINDS]
VIEWING = [f"view_{name}" for name in KINDS]


@pytest.mark.parametrize("missing", VIEWING)
def test_an_export_needs_every_view_permission(client, staff, missing):
    allow(staff, *{*EDITING, *VIEWING} - {missing})
    client.force_login(staff)

    assert client.get(EXPORT).status_code == 403


@pytest.mark.parametrize("missing", EDITING)
@pytest.mark.parametrize("stage", ["ask", "look", "apply"])
def test_an_import_needs_every_edit_permission(
    client, admin_client, staff, missing, stage
):
    sent = upload(admin_client, FILE.encode()).context["form"].initial
    allow(staff, *{*EDITING, *VIEWING} - {missing})
    client.force_login(staff)

    response = {
        "ask": lambda: client.get(IMPORT),
        "look": lambda: paste(client, FILE),
        "apply": lambda: client.post(IMPORT, sent),
    }[stage]()

    assert response.status_code == 403
    assert Achievement.objects.get().xp_reward == 50


@pytest.mark.parametrize("address", [EXPORT, IMPORT])
def test_anonymous_users_are_sent_to_the_login_page(client, address):
    assert client.get(address).status_code == 302
    assert client.post(address, {"text": FILE}).status_code == 302


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("permissions", "tools"),
    [
        (VIEWING, {"export"}),
        (EDITING, {"import"}),
        ([*EDITING, *VIEWING], {"export", "import"}),
        ([f"change_{name}" for name in LISTS], set()),
        # A file has streaks, too.
        ([name for name in VIEWING + EDITING if "streak" not in name], set()),
    ],
)
def test_lists_link_only_to_allowed_tools(client, staff, name, permissions, tools):
    allow(staff, *permissions)
    client.force_login(staff)
    addresses = {
        tool: reverse(f"admin:gamification_{name}_{tool}")
        for tool in ("export", "import")
    }

    html = client.get(reverse(f"admin:gamification_{name}_changelist")).content.decode()

    assert {tool for tool, to in addresses.items() if f'href="{to}"' in html} == tools


def test_the_app_index_leads_to_both_as_well(admin_client):
    page = admin_client.get(reverse("admin:app_list", args=["gamification"]))

    for name in ("export", "import"):
        assert reverse(f"admin:gamification_activity_{name}") in page.content.decode()


def test_a_streak_of_a_file_is_previewed_applied_and_logged(admin_client):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    [new, old] = [
        {"key": "monthly", "name": "Monthly", "unit": "month", "goal": 9},
        {"key": "weekly", "goal": 3},
    ]
    text = {"format": 1, "activities": [], "streaks": [new, old], "achievements": []}

    preview = paste(admin_client, json.dumps(text))
    apply(admin_client, preview)

    [_added, (effect, name, fields)] = preview.context["changes"]
    assert (effect, name, fields) == ("changed", "streak weekly", [("Goal", "1", "3")])
    goals = StreakDefinition.objects.values_list("key", "goal")
    assert {*goals} == {("daily", 1), ("monthly", 9), ("weekly", 3)}
    messages = [str(entry) for entry in LogEntry.objects.order_by("pk")]
    assert messages == [
        "Added “Monthly”.",
        "Changed “Weekly” — Changed Goal: 1 → 3.",
    ]
