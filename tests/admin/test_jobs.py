from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from gamification.models import Achievement, Job, UserAchievement
from gamification.services import award_achievement, record_activity
from gamification.services.catalogue.backfill import jobs as backfill_jobs
from gamification.staff import Act, begin_backfill, begin_list
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
    for text in ("0 of 5", "Medal", "A present.", f"<bdi>{staff}</bdi>", "Start"):
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
    assert "Start" in stopped.text
    assert shows(response) == ("ready", "0.4", "40 %")


def test_a_step_in_progress_is_shown(admin_client, job, page, step):
    Job.objects.update(stepping_until=timezone.now() + timedelta(minutes=1))

    response = admin_client.post(step, follow=True)

    assert shows(response) == ("busy", "0.0", "0 %")


@pytest.mark.parametrize(
    ("kind", "codename"),
    [
        ("backfill", "award_achievement"),
        ("recalculation", "adjust_xp"),
        ("award", "award_achievement"),
        ("revocation", "revoke_achievement"),
        ("adjustment", "adjust_xp"),
        ("reversal", "reverse_entry"),
        ("reversal", "run_job"),
    ],
)
def test_a_step_needs_the_permission_of_its_kind(client, job, kind, codename):
    Job.objects.update(kind=kind)
    wrong = {
        "award_achievement",
        "adjust_xp",
        "revoke_achievement",
        "reverse_entry",
        "run_job",
        "view_job",
    } - {codename}
    address = reverse("admin:gamification_job_step", args=[job.pk])

    refused = allowed(client, *wrong).post(address).status_code

    assert refused == 403
    assert not UserAchievement.objects.exists()


def test_a_job_can_be_continued_by_other_staff(client, page, step):
    client = allowed(client, "award_achievement", "run_job")

    assert "Start" in client.get(page).text
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


def control(client, job, what, **fields):
    address = reverse(f"admin:gamification_job_{what}", args=[job.pk])
    return client.post(address, fields, follow=True)


def test_a_job_is_paused_and_resumed(admin_client, job, step):
    paused = control(admin_client, job, "pause")
    still = admin_client.post(step, follow=True)
    resumed = control(admin_client, job, "resume")

    assert [shows(each)[0] for each in (paused, still, resumed)] == [
        "paused",
        "paused",
        "ready",
    ]
    assert f"Job {job.pk} is paused." in paused.text
    assert ["data-runs" in each.text for each in (still, resumed)] == [False, True]
    assert not UserAchievement.objects.exists()


def test_a_job_is_abandoned_and_taken_back(admin_client, job, step):
    admin_client.post(step)

    abandoned = control(admin_client, job, "abandon")
    undo = control(admin_client, job, "undo", note="A mistake.")

    assert shows(abandoned) == ("abandoned", "0.4", "40 %")
    assert "Take back this job" in abandoned.text
    made = Job.objects.get(kind="undo")
    assert (made.undoes, made.total) == (job, 2)
    assert made.parameters["note"] == "A mistake."
    assert shows(undo)[0] == "ready"
    admin_client.post(reverse("admin:gamification_job_step", args=[made.pk]))
    assert not UserAchievement.objects.exists()
    page = reverse("admin:gamification_job_progress", args=[job.pk])
    assert "Another job takes this one back" in admin_client.get(page).text
    assert "Take back this job" not in admin_client.get(page).text


def test_each_control_is_logged_with_its_actor(admin_client, admin_user, job):
    control(admin_client, job, "pause")
    control(admin_client, job, "abandon")

    rows = LogEntry.objects.order_by("pk").values_list("user", "change_message")
    assert [*rows] == [
        (admin_user.pk, f"Job {job.pk} is paused."),
        (admin_user.pk, f"Job {job.pk} is abandoned. Its changes so far remain."),
    ]


def test_a_refused_control_says_why(admin_client, job):
    undo = control(admin_client, job, "undo")
    control(admin_client, job, "abandon")
    pause = control(admin_client, job, "pause")

    assert "The job is not over" in undo.text
    assert "The job is over" in pause.text
    assert not Job.objects.filter(kind="undo").exists()


@pytest.mark.parametrize("what", ["pause", "resume", "abandon", "undo"])
def test_a_control_needs_post_and_the_permissions_of_a_step(client, job, what):
    address = reverse(f"admin:gamification_job_{what}", args=[job.pk])
    client = allowed(client, "run_job", "view_job", "adjust_xp")

    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 403
    assert Job.objects.get().state == "ready"


def test_taking_back_needs_the_permissions_of_the_job_itself(client, job):
    undo = Job.objects.create(kind="undo", undoes=job, parameters={"job": job.pk})
    step = reverse("admin:gamification_job_step", args=[undo.pk])

    refused = allowed(client, "run_job", "revoke_achievement").post(step)
    accepted = allowed(client, "run_job", "award_achievement").post(step)

    assert (refused.status_code, accepted.status_code) == (404, 302)


def test_a_job_that_is_over_lists_whom_it_skipped(admin_client, staff):
    AchievementFactory(key="gem")
    ada = UserFactory(username="ada")
    award_achievement(ada, "gem")
    job = begin_list(Act(kind="award", achievement="gem"), [ada], actor=staff)
    step = reverse("admin:gamification_job_step", args=[job.pk])

    response = admin_client.post(step, follow=True)

    assert "<bdi>ada</bdi>: The user holds it already." in response.text
    assert "Take back this job" not in response.text


def test_the_page_links_to_the_achievement_for_staff_who_may_view_it(client, page):
    medal = Achievement.objects.get(key="medal")
    address = reverse("admin:gamification_achievement_change", args=[medal.pk])

    for names, is_linked in ((["view_achievement"], True), ([], False)):
        text = allowed(client, "view_job", *names).get(page).text
        assert "<bdi>Medal</bdi>" in text
        assert (address in text) is is_linked


def test_the_page_links_to_what_the_job_wrote(admin_client, job, page, step):
    admin_client.post(step)

    address = re.search(
        r'href="([^"]*job__id__exact[^"]*)"', admin_client.get(page).text
    )

    rows = admin_client.get(address[1]).context["cl"].result_list
    # The steps of levels that follow are part of the job.
    assert {row.job for row in rows} == {job}
