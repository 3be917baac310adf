from __future__ import annotations

import re
from unittest.mock import ANY

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from gamification.admin.many import lists
from gamification.models import Achievement, Job, JobUser
from gamification.services import award_achievement
from gamification.staff import begin_list
from tests.admin.browsing import filled_in, refused_inline
from tests.admin.test_jobs import allowed
from tests.factories import AchievementFactory, UserFactory
from tests.inspection import everything, held_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

AWARD, REVOKE, ADJUST = (
    reverse(f"admin:gamification_job_{kind}")
    for kind in ("award", "revocation", "adjustment")
)


@pytest.fixture
def medal(db):
    return AchievementFactory(key="medal", name="Medal", xp_reward=60)


@pytest.fixture
def users(medal):
    return [UserFactory(username=name) for name in ("ada", "bob", "eve")]


def asked(**fields):
    names = "ada, bob\neve, nobody"
    return {"achievement": "medal", "users": names, "_preview": "1", **fields}


def begun(client, address, fields):
    """Preview, then send the form that the preview shows, with a note."""
    page = client.post(address, fields)
    values = filled_in(page, "gam-act-form") | {"note": "Helped.", "_begin": "1"}
    return client.post(address, values)


def facts(response):
    """Return the numbers of the preview by their labels."""
    return dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", response.text))


def test_a_preview_says_who_is_found_and_changes_nothing(admin_client, users):
    award_achievement(users[1], "medal")
    before = everything()

    response = admin_client.post(AWARD, asked())

    assert everything() == before
    assert facts(response) == {
        "Users found": "3",
        "Users who change": "2",
        "XP": "120",
        "Users who reach a higher level": "2",
        "Users who fall to a lower level": "0",
    }
    for text in (
        "Not found: 1",
        "<bdi>nobody</bdi>",
        "<bdi>bob</bdi>: The user holds it already.",
        "<bdi>Medal</bdi> × 2",
        "Begin for 2 users",
    ):
        assert text in response.text


def test_what_was_previewed_is_begun_and_logged(admin_client, admin_user, users):
    response = begun(admin_client, AWARD, asked())

    job = Job.objects.get()
    page = reverse("admin:gamification_job_progress", args=[job.pk])
    assert response.headers["Location"] == page
    assert (job.kind, job.total, job.actor) == ("award", 3, admin_user)
    asked_for = {"achievement": "medal", "celebrate": False, "note": "Helped."}
    assert job.parameters == asked_for | {"request": ANY}
    assert LogEntry.objects.get().change_message == "Begun for 3 users. Helped."


def test_the_page_of_a_job_runs_once_for_who_began_it(admin_client, client, users):
    address = begun(admin_client, AWARD, asked()).headers["Location"]
    other = allowed(client, "run_job", "award_achievement").get(address)

    first, second = (admin_client.get(address).text for _ in range(2))

    assert ["data-runs" in text for text in (first, second)] == [True, False]
    assert "data-runs" not in other.text
    assert Job.objects.get().done == 0


def test_steps_of_the_job_award_to_each_user(admin_client, users):
    address = begun(admin_client, AWARD, asked()).headers["Location"]

    response = admin_client.post(f"{address}step/", follow=True)

    assert [held_by(user) for user in users] == [{"medal"}] * 3
    assert "finished" in response.text


def test_a_file_replaces_the_list(admin_client, users):
    file = SimpleUploadedFile("users.csv", b"Name;email\nAda;\nBob;bob@example.org\n")
    users[1].email = "bob@example.org"
    users[1].save()

    begun(admin_client, AWARD, asked(file=file))

    assert [*JobUser.objects.values_list("user", flat=True)] == [users[1].pk]


def test_line_ends_that_a_browser_changes_are_no_other_selection(admin_client, users):
    file = SimpleUploadedFile("users.csv", b"ada\nbob\n")
    page = admin_client.post(AWARD, asked(file=file))
    values = filled_in(page, "gam-act-form")
    values["users"] = values["users"].replace("\n", "\r\n")

    response = admin_client.post(AWARD, values | {"note": "x", "_begin": "1"})

    assert response.status_code == 302


def test_another_selection_than_the_previewed_one_is_not_begun(admin_client, users):
    page = admin_client.post(AWARD, asked())
    values = filled_in(page, "gam-act-form") | {"users": "ada", "note": "x"}

    response = admin_client.post(AWARD, values | {"_begin": "1"})

    assert "The selection has changed. Check the new preview." in response.text
    assert facts(response)["Users who change"] == "1"
    assert not Job.objects.exists()


def test_a_job_needs_a_note(admin_client, users):
    values = filled_in(admin_client.post(AWARD, asked()), "gam-act-form")

    response = admin_client.post(AWARD, values | {"note": " ", "_begin": "1"})

    assert "Enter the reason, for the user or for staff." in response.text
    assert not Job.objects.exists()


def test_a_refusal_is_an_error_of_the_form(admin_client, users):
    page = admin_client.post(ADJUST, {"amount": "5", "users": "ada"})
    values = filled_in(page, "gam-act-form") | {"note": "n" * 2_000, "_begin": "1"}

    refused = admin_client.post(ADJUST, {"amount": "0", "users": "ada"})
    begun = admin_client.post(ADJUST, values)

    assert "is not a whole number of XP other than 0" in refused.text
    assert begun.status_code == 302


def test_what_is_sent_twice_is_begun_and_logged_once(admin_client, users):
    values = filled_in(admin_client.post(AWARD, asked()), "gam-act-form")
    values |= {"note": "Helped.", "_begin": "1"}

    first, second = (admin_client.post(AWARD, values) for _ in range(2))

    assert first.headers["Location"] == second.headers["Location"]
    assert (Job.objects.count(), LogEntry.objects.count()) == (1, 1)


def test_what_is_sent_twice_is_found_whatever_became_of_it(admin_client, users):
    values = filled_in(admin_client.post(AWARD, asked()), "gam-act-form")
    values |= {"note": "Helped.", "_begin": "1"}
    first = admin_client.post(AWARD, values)
    UserFactory(username="nobody")
    users[0].delete()
    Achievement.objects.update(status="draft")

    second = admin_client.post(AWARD, values)

    assert first.headers["Location"] == second.headers["Location"]
    assert (Job.objects.count(), LogEntry.objects.count()) == (1, 1)


def test_a_tag_stands_for_no_other_job(admin_client, users):
    values = filled_in(admin_client.post(AWARD, asked()), "gam-act-form")
    values |= {"note": "Helped.", "_begin": "1"}
    admin_client.post(AWARD, values)

    other = admin_client.post(AWARD, values | {"note": "Won."})

    assert "was used before, for another request" in other.text
    assert Job.objects.count() == 1


def test_what_failed_at_the_beginning_is_sent_again_with_its_tag(
    admin_client, users, monkeypatch
):
    values = filled_in(admin_client.post(AWARD, asked()), "gam-act-form")
    fields = values | {"note": "x", "_begin": "1"}

    def lose_the_answer(*args, **kwargs):
        begin_list(*args, **kwargs)
        raise lists.GamificationError

    with monkeypatch.context() as patch:
        patch.setattr(lists, "begin_list", lose_the_answer)
        failed = admin_client.post(AWARD, fields)
    admin_client.post(AWARD, filled_in(failed, "gam-act-form") | {"_begin": "1"})

    assert Job.objects.count() == 1


def test_what_is_previewed_anew_is_begun_anew(admin_client, users):
    for _ in range(2):
        begun(admin_client, AWARD, asked())

    assert Job.objects.count() == 2


def test_a_refusal_at_the_beginning_is_an_error_too(admin_client, users, monkeypatch):
    values = filled_in(admin_client.post(AWARD, asked()), "gam-act-form")

    def refuse(act, users, **asked):
        raise lists.GamificationError

    monkeypatch.setattr(lists, "begin_list", refuse)
    fields = values | {"note": "x", "_begin": "1"}
    response = admin_client.post(AWARD, fields)

    assert "The game cannot do this." in response.text
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"users": " "}, "The list has 0 names"),
        ({"achievement": "none"}, "Select a valid choice"),
        (
            {"file": SimpleUploadedFile("a.csv", b"\xff\xfe")},
            "The file is not UTF-8 text.",
        ),
    ],
)
def test_an_invalid_form_shows_its_errors(admin_client, users, fields, error):
    response = admin_client.post(AWARD, asked(**fields))

    assert error in response.text
    assert "Nothing was changed." in response.text


def test_a_file_that_is_too_large_is_refused(admin_client, users, monkeypatch):
    monkeypatch.setattr(lists, "MAX_FILE", 2)
    file = SimpleUploadedFile("a.csv", b"ada")

    response = admin_client.post(AWARD, asked(file=file))

    assert "The file is larger than 2 bytes." in response.text


def test_revocations_and_adjustments_have_pages_of_their_own(admin_client, users):
    award_achievement(users[0], "medal")

    revoked = admin_client.post(REVOKE, asked())
    adjusted = admin_client.post(ADJUST, asked(amount="1000", achievement=""))

    assert (facts(revoked)["XP"], facts(adjusted)["XP"]) == ("-60", "3,000")
    assert "Takes back:" in revoked.text
    begun(admin_client, ADJUST, {"amount": "1000", "users": "ada", "celebrate": "on"})
    asked_for = {"amount": 1_000, "celebrate": True, "note": "Helped."}
    assert Job.objects.get().parameters == asked_for | {"request": ANY}


def test_a_link_chooses_the_achievement(admin_client, medal):
    page = admin_client.get(AWARD, {"achievement": "medal"})

    assert filled_in(page, "gam-act-form")["achievement"] == "medal"


def test_a_sample_is_said_to_be_one(admin_client, users, monkeypatch):
    monkeypatch.setattr("gamification.services.many.preview.MAX_PLAYED", 1)

    response = admin_client.post(AWARD, asked())

    assert "the numbers of a sample: 1 of 3 users" in response.text
    assert "Begin for a list of 3 users" in response.text


@pytest.mark.parametrize(
    ("address", "codename"),
    [
        (AWARD, "award_achievement"),
        (REVOKE, "revoke_achievement"),
        (ADJUST, "adjust_xp"),
    ],
)
def test_a_page_needs_the_permission_for_one_user_and_for_many(
    client, users, address, codename
):
    refused = [allowed(client, name).get(address) for name in (codename, "run_job")]
    page = allowed(client, codename, "run_job").get(address)

    assert [each.status_code for each in refused] == [403, 403]
    assert page.status_code == 200
    assert refused_inline(page) == []


def test_the_list_of_jobs_and_the_index_link_to_the_pages(client, medal):
    client = allowed(client, "run_job", "award_achievement")
    index = reverse("admin:app_list", args=["gamification"])
    changelist = reverse("admin:gamification_job_changelist")

    for page in (index, changelist):
        text = client.get(page).text
        assert f'href="{AWARD}"' in text
        assert REVOKE not in text


def test_the_subject_of_a_job_is_in_the_list(admin_client, staff):
    job = Job.objects.create(kind="adjustment", parameters={"amount": 50})
    Job.objects.create(kind="undo", parameters={"job": job.pk}, undoes=job)
    Job.objects.create(kind="reversal", parameters={"since": "2026-03-01"})

    text = admin_client.get(reverse("admin:gamification_job_changelist")).text

    for subject in ("+50 XP", f"job {job.pk}", "2026-03-01"):
        assert f'<td class="field-subject">{subject}</td>' in text
