from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

FRONT = reverse("front")
HOME = reverse("home")
PHRASE = "a long phrase"


def text_of(client, address: str = FRONT) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def test_a_stranger_learns_what_it_is_and_where_to_look(client):
    text = text_of(client)

    assert "Visions is a small demo site." in text
    for name in ("sign-up", "login", "admin:gamification_tuning", "api-docs"):
        assert f'href="{reverse(name)}"' in text


def test_who_is_signed_in_goes_on(site):
    assert f'href="{HOME}">Go to my visions</a>' in text_of(site)


def test_a_stranger_signs_up(client):
    sent = {
        "username": "ann",
        "password1": "a long phrase",
        "password2": "a long phrase",
    }

    response = client.post(reverse("sign-up"), sent)

    assert response.url == HOME
    assert "You have no vision yet." in text_of(client, HOME)


def test_two_passwords_that_differ_are_refused(client):
    sent = {"username": "ann", "password1": "a long phrase", "password2": "another"}

    response = client.post(reverse("sign-up"), sent)

    assert "errorlist" in response.content.decode()
    assert not get_user_model().objects.exists()


def test_the_page_to_sign_up_has_its_form(client):
    assert 'name="password1"' in text_of(client, reverse("sign-up"))


def test_a_stranger_looks_around_as_the_demo_user(client, settings):
    settings.DEBUG = True
    UserFactory(username="demo")
    offered = reverse("look-around") in text_of(client)

    response = client.post(reverse("look-around"))

    assert offered
    assert response.url == HOME
    assert client.get(HOME).context["user"].username == "demo"


def test_a_site_that_people_use_has_no_demo_user(client):
    UserFactory(username="demo")

    assert reverse("look-around") not in text_of(client)
    assert client.post(reverse("look-around")).status_code == 404


def test_without_demo_data_nobody_looks_around(client, settings):
    settings.DEBUG = True

    assert reverse("look-around") not in text_of(client)
    assert client.post(reverse("look-around")).status_code == 404


def test_the_pages_of_the_game_stand_in_the_frame_of_the_site(site):
    text = text_of(site, reverse("gamification_pages:achievements"))

    assert f'<a class="gamification-brand" href="{FRONT}">Visions</a>' in text
