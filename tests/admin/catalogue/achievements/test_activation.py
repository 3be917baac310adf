from __future__ import annotations

import json

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from gamification.services import record_activity
from tests.admin.browsing import filled_in
from tests.factories import AchievementFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LIST = reverse("admin:gamification_achievement_changelist")
ADD = reverse("admin:gamification_achievement_add")
IMPORT = reverse("admin:gamification_achievement_import")
SENTENCE = reverse("admin:gamification_achievement_sentence")

NEW = {
    "key": "rich",
    "name": "Rich",
    "category": "mastery",
    "criterion": "total_xp",
    "threshold": 10,
    "xp_reward": 0,
    "status": "active",
    "position": 0,
}
MET = "2 users meet “Rich” already, and get it with their next record, or now by"


@pytest.fixture(autouse=True)
def walkers(activity):
    for _ in range(2):
        record_activity(UserFactory(), "walk")


@pytest.fixture
def rich():
    return AchievementFactory(
        key="rich", name="Rich", criterion="total_xp", threshold=10, status="draft"
    )


def page_of(row):
    return reverse("admin:gamification_achievement_change", args=[row.pk])


def save(client, address, form, **changes):
    """Open a page, change some fields, and save it; return the messages."""
    fields = filled_in(client.get(address), form)
    response = client.post(address, fields | {"_save": "1"} | changes)
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_new_achievement_says_who_meets_it_already(admin_client):
    _saved, message = save(admin_client, ADD, "achievement_form", **NEW)

    assert message.startswith(MET)
    assert '/backfill/">Preview a backfill</a>' in message


def test_an_activation_says_who_meets_it_already(admin_client, rich):
    changes = {"status": "active"}

    messages = save(admin_client, page_of(rich), "achievement_form", **changes)

    assert [message.startswith(MET) for message in messages] == [False, True]


def test_an_edit_that_decides_nothing_says_nothing(admin_client, rich):
    changes = {"name": "Wealthy"}

    assert len(save(admin_client, page_of(rich), "achievement_form", **changes)) == 1


def test_the_list_says_who_meets_what_it_activates(admin_client, rich):
    AchievementFactory(name="Other", criterion="total_xp", threshold=900)
    fields = filled_in(admin_client.get(LIST), "changelist-form")
    [number] = [n for n in "01" if fields[f"form-{n}-id"] == str(rich.pk)]

    messages = save(
        admin_client, LIST, "changelist-form", **{f"form-{number}-status": "active"}
    )

    assert [message.startswith(MET) for message in messages] == [False, True]


def test_a_threshold_that_nobody_can_reach_is_a_warning(admin_client):
    new = NEW | {"criterion": "level", "threshold": "45"}

    messages = save(admin_client, ADD, "achievement_form", **new)

    assert messages[1] == (
        "\u2068Rich\u2069: There are only 30 levels, so nobody can reach it."
    )


def test_the_form_warns_while_it_is_filled_in(admin_client):
    query = {"criterion": "level", "threshold": "45"}

    assert admin_client.get(SENTENCE, query).json() == {
        "sentence": "Users earn it when they reach level 45. There are only 30 levels, "
        "so nobody can reach it."
    }


def test_the_preview_warns(admin_client):
    new = NEW | {"criterion": "level", "threshold": "45", "_preview": "1"}
    fields = filled_in(admin_client.get(ADD), "achievement_form")

    html = admin_client.post(ADD, fields | new).text

    assert "<strong>There are only 30 levels, so nobody can reach it.</strong>" in html


def test_a_file_says_who_meets_its_achievements_already(admin_client, rich):
    item = {"key": "rich", "status": "active"}
    text = json.dumps({"format": 1, "activities": [], "achievements": [item]})
    preview = admin_client.post(IMPORT, {"text": text})

    response = admin_client.post(IMPORT, preview.context["form"].initial)

    messages = [str(message) for message in get_messages(response.wsgi_request)]
    assert [message.startswith(MET) for message in messages] == [False, True]


def test_names_are_escaped(admin_client):
    new = NEW | {"name": "<script>alert(1)</script>"}

    messages = save(admin_client, ADD, "achievement_form", **new)

    assert "<script>" not in messages[1]
