from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from gamification.models import Achievement, Job, UserAchievement
from gamification.services import (
    record_activity,
)
from gamification.services.catalogue import backfill_jobs
from gamification.staff import (
    begin_backfill,
)
from tests.admin.browsing import refused_inline
from tests.factories import AchievementFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_achievements")]

LIST = reverse("admin:gamification_job_changelist")


@pytest.fixture
def job(activity, staff, monkeypatch):
    """A backfill for five users, two in each step."""
    monkeypatch.setattr(backfill_jobs, "USERS_IN_A_STEP", 2)
    for user in UserFactory.create_batch(5):
        record_activity(user, "walk")
    AchievementFactory(
        key="medal", name="Medal", criterion="total_xp", threshold=10, xp_reward=50
    )
    return begin_backfill("medal", actor=staff, note="A present.", celebrate=True)


@pytest.fixture
def page(job):
    return reverse("admin:gamification_job_progress", args=[job.pk])


@pytest.fixture
def step(job):
    return reverse("admin:gamification_job_step", args=[job.pk])


def allowed(client, *codenames):
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)
    return client


def shows(response):
    """Return the state of the job and the progress that the page shows."""
    html = response.content.decode()
    state = html.partition('data-state="')[2].partition('"')[0]
    bar = html.partition("<progress")[2].partition("</progress>")[0]
    return state, bar.partition('value="')[2].partition('"')[0], bar.split(">")[1]


def test_jobs_have_no_search(admin_client, job):
    response = admin_client.get(LIST, {"q": "staff"})

    assert [*response.context["cl"].result_list] == [job]


def test_the_page_shows_the_actor_and_the_note(admin_client, page, staff):
    response = admin_client.get(page)

    assert shows(response) == ("ready", "0.0", "0 %")
    for text in ("0 of 5", "Medal", "A present.", f"<bdi>{staff}</bdi>", "Continue"):
        assert text in response.text


def test_each_click_runs_one_step(admin_client, page, step):
    states = [shows(admin_client.post(step, follow=True)) for _ in range(3)]

    assert states == [
        ("ready", "0.4", "40 %"),
        ("ready", "0.8", "80 %"),
        ("finished", "1.0", "100 %"),
    ]
    assert UserAchievement.objects.count() == 5
    assert "Continue" not in admin_client.get(page).text


def test_a_step_redirects_to_the_page(admin_client, page, step):
    response = admin_client.post(step)

    assert (response.status_code, response.headers["Location"]) == (302, page)


def test_a_finished_job_stays_finished(admin_client, job, step):
    for _ in range(4):
        response = admin_client.post(step, follow=True)

    assert shows(response)[0] == "finished"
    job.refresh_from_db()
    assert job.done == 5


def test_a_stopped_job_shows_its_error_and_can_be_continued(admin_client, page, step):
    Achievement.objects.update(status="retired")

    stopped = admin_client.post(step, follow=True)
    Achievement.objects.update(status="active")
    response = admin_client.post(step, follow=True)

    assert shows(stopped) == ("stopped", "0.0", "0 %")
    assert "is retired: only an active achievement can be awarded." in stopped.text
    assert "Continue" in stopped.text
    assert shows(response) == ("ready", "0.4", "40 %")


def test_a_step_in_progress_is_shown(admin_client, job, page, step):
    Job.objects.update(stepping_until=timezone.now() + timedelta(minutes=1))

    response = admin_client.post(step, follow=True)

    assert shows(response) == ("busy", "0.0", "0 %")


@pytest.mark.parametrize(
    ("kind", "codename"),
    [("backfill", "award_achievement"), ("recalculation", "adjust_xp")],
)
def test_a_step_needs_the_permission_of_its_kind(client, job, kind, codename):
    Job.objects.update(kind=kind)
    wrong = {"award_achievement", "adjust_xp", "view_job", "change_job"} - {codename}
    address = reverse("admin:gamification_job_step", args=[job.pk])

    refused = allowed(client, *wrong).post(address).status_code

    assert refused == 403
    assert not UserAchievement.objects.exists()


def test_a_job_can_be_continued_by_other_staff(client, page, step):
    client = allowed(client, "award_achievement")

    assert "Continue" in client.get(page).text
    assert shows(client.post(step, follow=True)) == ("ready", "0.4", "40 %")


def test_viewers_can_follow_a_job(client, page, step):
    client = allowed(client, "view_job")

    response = client.get(page)

    assert shows(response) == ("ready", "0.0", "0 %")
    assert "Continue" not in response.text
    assert client.get(LIST).status_code == 200


def test_users_without_permissions_are_refused(client, page, step):
    client = allowed(client, "view_achievement")

    assert [client.get(each).status_code for each in (page, LIST)] == [403, 403]


def test_a_step_needs_post_and_a_csrf_token(job, step, admin_user):
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)

    assert client.post(step).status_code == 403
    assert client.get(step).status_code == 405
    assert not UserAchievement.objects.exists()


@pytest.mark.parametrize("number", ["0", "999", "9" * 40])
@pytest.mark.parametrize("tail", ["", "step/"])
def test_an_unknown_job_is_not_found(admin_client, number, tail):
    ask = admin_client.post if tail else admin_client.get

    assert ask(f"{LIST}{number}/{tail}").status_code == 404


def test_jobs_are_listed(admin_client, job):
    response = admin_client.get(LIST)

    assert list(response.context["cl"].result_list) == [job]
    for text in ("medal", "not finished", "backfill"):
        assert text in response.text


def test_the_list_links_to_the_progress_of_a_job(admin_client, job, page):
    address = reverse("admin:gamification_job_change", args=[job.pk])

    assert f'href="{address}' in admin_client.get(LIST).text
    assert admin_client.get(address).headers["Location"] == page


def test_a_job_cannot_be_edited(admin_client, job):
    address = reverse("admin:gamification_job_change", args=[job.pk])

    assert admin_client.post(address, {"done": 5}).status_code == 403
    assert admin_client.get(f"{LIST}x/change/").status_code == 404


def test_the_parameters_of_a_recalculation_are_shown(admin_client, staff):
    parameters = {
        "activities": ["walk", "swim"],
        "since": "2026-01-01",
        "until": "2026-01-31",
        "note": "A present.",
        "internal_note": "A bribe.",
        "expected": "a tag",
    }
    job = Job.objects.create(kind="recalculation", parameters=parameters, skipped=1_234)

    html = admin_client.get(f"{LIST}{job.pk}/").text

    assert re.findall(r"<dt>(.*?)</dt><dd><bdi>(.*?)</bdi></dd>", html) == [
        ("Activities", "walk, swim"),
        ("From", "2026-01-01"),
        ("To", "2026-01-31"),
        ("Note for the user", "A present."),
        ("Internal note", "A bribe."),
        ("Started by", "–"),
    ]
    assert "Recalculate XP" in html
    assert "<dt>Users skipped</dt><dd>1,234</dd>" in html
    assert "walk, swim" in admin_client.get(LIST).text


def test_the_number_of_queries_is_constant(
    admin_client, page, django_assert_num_queries
):
    # Session, staff member, job, and achievement.
    with django_assert_num_queries(4):
        admin_client.get(page)


def test_the_page_works_under_a_strict_content_security_policy(admin_client, page):
    assert refused_inline(admin_client.get(page)) == []
