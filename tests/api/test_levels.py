from __future__ import annotations

import pytest

from gamification.models import Job, Level
from gamification.services import record_activity
from gamification.staff import get_levels, run_next_step
from tests.api.assertions import assert_problem
from tests.api.clients import API, client_of
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, profile_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LEVELS = f"{API}levels/"
BODY = {
    "levels": [
        {"threshold": 0},
        {
            "threshold": 30,
            "name": "Explorer",
            "icon": "🧭",
            "translations": {"de": "Entdecker"},
        },
    ]
}


@pytest.fixture
def editor(user):
    return client_of(user, "change_level", "run_job")


@pytest.fixture
def walker(activity):
    """A user with 40 XP, on level 1."""
    walker = UserFactory()
    record_activity(walker, "walk", quantity=4)
    return walker


def put(client, body=BODY, tag=None):
    tag = client.get(LEVELS)["ETag"] if tag is None else tag
    address, headers = f"{LEVELS}table/", {"If-Match": tag}
    return client.put(address, body, format="json", headers=headers)


def test_everybody_reads_the_levels(user):
    client = client_of(user)

    levels = client.get(LEVELS).json()

    assert (levels["is_pinned"], len(levels["results"])) == (False, 30)
    assert levels["results"][1] == {
        "number": 2,
        "title": "Level 2",
        "threshold": 50,
        "name": "",
        "icon": "",
        "translations": {},
    }


def test_staff_replace_the_levels_and_a_job_follows(editor, walker):
    response = put(editor)

    saved = response.json()
    assert (response.status_code, saved["changed"]) == (200, 30 - 1)
    assert saved["results"][1] == {
        "number": 2,
        "title": "Level 2 · Explorer",
        **BODY["levels"][1],
    }
    assert (saved["job"]["kind"], saved["job"]["total"]) == ("levels", 1)
    run_next_step(saved["job"]["id"], actor=None)
    assert profile_of(walker).level == 2


def test_a_user_reads_the_name_of_their_level(editor, walker):
    run_next_step(put(editor).json()["job"]["id"], actor=None)

    me = client_of(walker).get(f"{API}me/").json()

    assert (me["level"], me["level_name"], me["level_icon"]) == (2, "Explorer", "🧭")


def test_a_preview_says_what_would_follow_and_changes_nothing(editor, walker):
    AchievementFactory(key="second", criterion="level", threshold=2, xp_reward=7)
    before = everything()

    response = editor.post(f"{LEVELS}preview/", BODY)

    assert response.json() == {
        "played": 1,
        "is_exact": True,
        "users": 1,
        "xp": 7,
        "raised": 1,
        "lowered": 0,
        "unlocks": {"second": 1},
        "moves": [{"before": 1, "after": 2, "users": 1}],
    }
    assert everything() == before


def test_somebody_elses_table_is_not_overwritten(editor):
    tag = editor.get(LEVELS)["ETag"]
    assert put(editor)["ETag"] != tag

    assert_problem(put(editor, tag=tag), 412, "stale_edit")
    assert put(editor, tag="*").status_code == 200


def test_an_edit_names_the_version_that_it_is_of(editor):
    assert_problem(put(editor, tag=""), 428, "precondition_required")


def test_pinned_levels_are_refused(editor, settings):
    settings.GAMIFICATION = {"LEVEL_THRESHOLDS": (0, 30)}

    assert editor.get(LEVELS).json()["is_pinned"] is True
    assert_problem(put(editor), 409, "levels_pinned")
    assert not Level.objects.exists()


def test_every_mistake_has_its_place(editor):
    body = {
        "levels": [
            {"threshold": 0, "translations": {"German!": "A"}},
            {"threshold": 0, "translations": {"de/at": ""}},
        ]
    }

    response = put(editor, body)

    problem = assert_problem(response, 422, "invalid_definitions")
    assert [each["pointer"] for each in problem["errors"]] == [
        "/levels/0/translations",
        "/levels/1/translations",
    ]


def test_an_edit_takes_the_permission_to_run_jobs(user):
    response = put(client_of(user, "change_level"))

    assert_problem(response, 403, "permission_denied")
    assert (len(get_levels()), Job.objects.count()) == (30, 0)
