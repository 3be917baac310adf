from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from example_project.visions.models import KPI, Vision
from gamification.models import Activity
from gamification.services import record_activity
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

HOME = reverse("home")


def send(site, name, *args, **fields):
    return site.post(reverse(name, args=args), fields)


def said(site, name, *args, **fields):
    """Return what the page says after a form was sent."""
    response = site.post(reverse(name, args=args), fields, follow=True)
    return [str(message) for message in response.context["messages"]]


def text_of(site):
    return site.get(HOME).content.decode()


def test_the_page_is_for_who_signed_in(client):
    response = client.get(HOME)

    assert response.url == f"/login/?next={HOME}"


def test_users_log_in_and_out(client, user):
    user.set_password("secret")
    user.save()
    name = user.get_username()

    came = send(client, "login", username=name, password="secret")
    went = send(client, "logout")

    assert (came.url, went.url) == (HOME, "/")


def test_the_login_page_has_its_form(client):
    response = client.get(reverse("login"))

    assert b'name="password"' in response.content


def test_the_page_of_a_newcomer_says_how_to_begin(site):
    text = text_of(site)

    assert "You have no vision yet." in text
    assert "Do something today to begin one." in text


def test_a_vision_is_added(site, user):
    assert said(site, "vision-add", title="Sail") == ["Vision added: +45 XP."]
    assert user.visions.get().title == "Sail"


@pytest.mark.parametrize("title", ["", " ", "\0", "x" * 121])
def test_a_title_that_is_none_is_refused_in_words(site, title):
    [message] = said(site, "vision-add", title=title)

    assert message
    assert not Vision.objects.exists()


def test_a_kpi_without_a_title_is_not_added(site, vision):
    assert said(site, "kpi-add", vision.pk) == ["This field is required."]


def test_a_kpi_is_added(site, vision):
    assert said(site, "kpi-add", vision.pk, title="Knots") == ["KPI added."]
    assert vision.kpis.get().title == "Knots"


def test_a_kpi_is_completed(site, kpi):
    assert said(site, "kpi-complete", kpi.pk) == ["KPI completed: +30 XP."]
    assert "1 completed</span>" in text_of(site)


def live(site, name, kpi):
    """Send a form as the site's script does; return the row."""
    headers = {"X-Requested-With": "fetch"}
    response = site.post(reverse(name, args=[kpi.pk]), headers=headers)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def test_a_script_gets_the_row_with_what_it_brought(site, kpi):
    row = live(site, "kpi-complete", kpi)

    assert row.startswith(f'<li data-kpi="{kpi.pk}">')
    assert "<del>Tie ten knots</del>" in row
    assert "<li>+10 XP</li>" in row
    assert "First KPI unlocked: +20 XP" in row
    assert reverse("kpi-reopen", args=[kpi.pk]) in row


def test_a_script_gets_how_many_are_completed(site, kpi):
    completed = live(site, "kpi-complete", kpi)
    reopened = live(site, "kpi-reopen", kpi)

    assert "data-count>1 completed</span>" in completed
    assert "data-count>0 completed</span>" in reopened


def test_a_script_reopens_a_row(site, kpi):
    live(site, "kpi-complete", kpi)

    row = live(site, "kpi-reopen", kpi)

    assert "<del>" not in row
    assert " XP" not in row
    assert reverse("kpi-complete", args=[kpi.pk]) in row


def test_a_second_click_says_no_more_xp(site, kpi):
    send(site, "kpi-complete", kpi.pk)

    assert said(site, "kpi-complete", kpi.pk)[-1] == "KPI completed."


def test_xp_over_a_limit_is_said(site, user, kpi):
    Activity.objects.update(daily_limit=1)
    record_activity(user, "kpi_completed")

    messages = said(site, "kpi-complete", kpi.pk)

    assert messages == ["KPI completed.", "10 XP are over the limit for now."]


def test_a_kpi_is_reopened(site, kpi):
    send(site, "kpi-complete", kpi.pk)

    send(site, "kpi-reopen", kpi.pk)

    kpi.refresh_from_db()
    assert kpi.completed_at is None


def test_a_kpi_is_deleted(site, kpi):
    send(site, "kpi-delete", kpi.pk)

    assert not KPI.objects.exists()


def test_a_vision_is_deleted(site, kpi):
    send(site, "vision-delete", kpi.vision_id)

    assert not Vision.objects.exists()


@pytest.mark.parametrize("name", ["kpi-complete", "kpi-reopen", "kpi-delete"])
def test_a_kpi_of_somebody_else_is_not_found(client, kpi, name):
    client.force_login(UserFactory())

    assert send(client, name, kpi.pk).status_code == 404


@pytest.mark.parametrize("name", ["vision-delete", "kpi-add"])
def test_a_vision_of_somebody_else_is_not_found(client, vision, name):
    client.force_login(UserFactory())

    assert send(client, name, vision.pk, title="Mine").status_code == 404


def test_an_id_that_no_row_can_have_is_not_found(site):
    assert send(site, "kpi-complete", 10**24).status_code == 404


def test_visions_of_others_are_not_shown(client, kpi):
    client.force_login(UserFactory())

    assert "Tie ten knots" not in text_of(client)


FORMS = [
    ("vision-add", ()),
    ("vision-delete", (1,)),
    ("kpi-add", (1,)),
    ("kpi-complete", (1,)),
    ("kpi-reopen", (1,)),
    ("kpi-delete", (1,)),
]


@pytest.mark.parametrize(("name", "args"), [*FORMS, ("look-around", ())])
def test_only_a_form_of_the_site_changes_something(user, name, args):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    address = reverse(name, args=args)

    assert client.post(address).status_code == 403


@pytest.mark.parametrize(("name", "args"), FORMS)
def test_a_form_that_needed_a_new_login_leads_back_home(client, user, name, args):
    address = reverse(name, args=args)
    login = client.post(address).url

    user.set_password("secret")
    user.save()
    fields = {"username": user.get_username(), "password": "secret", "next": address}
    came = client.post(login, fields, follow=True)

    assert came.redirect_chain == [(address, 302), (HOME, 302)]


def test_titles_are_text(site, vision):
    vision.title = "<script>alert(1)</script>"
    vision.save()

    assert "<script>" not in text_of(site)


def test_only_the_latest_completions_are_shown(site, vision):
    now = timezone.now()
    KPI.objects.bulk_create(
        KPI(vision=vision, title=f"Knot {n}", completed_at=now, completions=1)
        for n in range(25)
    )

    text = text_of(site)

    assert "25 completed</span>" in text
    assert "These are the latest 20." in text


def test_the_page_takes_as_many_queries_for_more_of_everything(
    site, user, django_assert_num_queries
):
    for n in range(3):
        vision = Vision.objects.create(owner=user, title=f"Vision {n}")
        KPI.objects.create(vision=vision, title="Open")
        record_activity(user, "kpi_completed", quantity=50)

    with django_assert_num_queries(9):
        response = site.get(HOME)

    assert len(response.context["visions"]) == 3
