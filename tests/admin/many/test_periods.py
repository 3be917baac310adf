from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from gamification.models import Job
from gamification.services import record_activity
from tests.admin.browsing import filled_in, refused_inline
from tests.admin.many.test_lists import begun, facts
from tests.admin.test_jobs import allowed
from tests.factories import UserFactory
from tests.inspection import everything, profile_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("activity", "no_achievements"),
]

PAGE = reverse("admin:gamification_job_reversal")


@pytest.fixture
def cheat():
    cheat = UserFactory(username="cheat")
    record_activity(cheat, "walk")
    record_activity(cheat, "walk", occurred_at=timezone.now() - timedelta(hours=30))
    return cheat


def asked(**fields):
    today = timezone.now().date()
    dates = {"since": f"{today - timedelta(days=6)}", "until": f"{today}"}
    return {"user": "cheat", "activity": "", **dates, **fields}


def test_a_preview_says_what_is_lost_and_changes_nothing(admin_client, cheat):
    before = everything()

    response = admin_client.post(PAGE, asked())

    assert everything() == before
    assert facts(response) | {"Users who change": "1", "XP": "-20"} == facts(response)
    assert "Take back from 1 user" in response.text


def test_what_was_previewed_is_taken_back(admin_client, cheat):
    address = begun(admin_client, PAGE, asked()).headers["Location"]

    admin_client.post(f"{address}step/")

    job = Job.objects.get()
    assert (job.kind, job.parameters["user"]) == ("reversal", str(cheat.pk))
    assert profile_of(cheat).total_xp == 0


def test_a_period_is_taken_back_once_from_a_user_who_is_renamed(admin_client, cheat):
    values = filled_in(admin_client.post(PAGE, asked()), "gam-act-form")
    values |= {"note": "A fault.", "_begin": "1"}
    first = admin_client.post(PAGE, values)
    get_user_model().objects.filter(pk=cheat.pk).update(username="renamed")

    second = admin_client.post(PAGE, values)

    assert first.headers["Location"] == second.headers["Location"]


def test_an_empty_user_means_everybody(admin_client, cheat):
    record_activity(UserFactory(), "walk")

    response = admin_client.post(PAGE, asked(user=""))

    assert facts(response)["XP"] == "-30"
    begun(admin_client, PAGE, asked(user="", activity="walk"))
    assert "user" not in Job.objects.get().parameters


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"user": "nobody"}, "This does not identify exactly one user."),
        ({"user": ","}, "This does not identify exactly one user."),
        ({"since": "2020-01-01"}, "The dates do not span"),
        ({"activity": "none"}, "Select a valid choice"),
    ],
)
def test_an_invalid_form_shows_its_errors(admin_client, cheat, fields, error):
    assert error in admin_client.post(PAGE, asked(**fields)).text


def test_a_user_without_such_records_is_skipped(admin_client, cheat):
    UserFactory(username="saint")

    response = admin_client.post(PAGE, asked(user="saint"))

    assert "<bdi>saint</bdi>: The user has no such records." in response.text


@pytest.mark.parametrize("name", ["user", "key", "ada; bob", '"ada"', "ada,bob"])
def test_the_name_of_one_user_is_no_list(admin_client, cheat, name):
    get_user_model().objects.filter(pk=cheat.pk).update(username=name)

    response = admin_client.post(PAGE, asked(user=name))

    assert facts(response)["XP"] == "-20"


def test_the_page_of_the_job_says_why_the_user_was_skipped(admin_client):
    UserFactory(username="saint")
    address = begun(admin_client, PAGE, asked(user="saint")).headers["Location"]

    page = admin_client.post(f"{address}step/", follow=True).text

    assert "1 of 1" in page
    assert "<bdi>saint</bdi>: The user has no such records." in page


def test_the_page_of_a_user_links_to_it(admin_client, cheat):
    page = reverse("admin:gamification_usergamification_for", args=[cheat.pk])

    assert f'href="{PAGE}?user={cheat.pk}"' in admin_client.get(page).text
    form = filled_in(admin_client.get(PAGE, {"user": cheat.pk}), "gam-act-form")
    assert form["user"] == str(cheat.pk)


def test_the_page_needs_the_permission_to_reverse_and_to_run_jobs(client, cheat):
    refused = [
        allowed(client, name).get(PAGE).status_code
        for name in ("reverse_entry", "run_job")
    ]
    page = allowed(client, "reverse_entry", "run_job").get(PAGE)

    assert (refused, page.status_code) == ([403, 403], 200)
    assert refused_inline(page) == []
