from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from gamification.models import Celebration
from gamification.services import award_achievement
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

SEEN = reverse("gamification_pages:celebrations-seen")


@pytest.fixture
def ids(user) -> list[int]:
    """Ids of an unlock and a level that wait."""
    award_achievement(user, "kpi_10")
    return [*Celebration.objects.order_by("id").values_list("pk", flat=True)]


def pending() -> int:
    return Celebration.objects.pending().count()


def test_what_was_seen_waits_no_more(site, ids):
    site.post(SEEN, {"ids": ids[:1]})

    assert [each.pk for each in Celebration.objects.pending()] == ids[1:]


def test_it_leads_back_to_the_page(site, ids):
    response = site.post(SEEN, {"ids": ids, "next": "/game/settings/?a=1"})

    assert (response.status_code, response.url) == (303, "/game/settings/?a=1")


@pytest.mark.parametrize("address", ["https://evil.example/", "//evil.example", ""])
def test_it_leads_to_no_other_site(site, ids, address):
    response = site.post(SEEN, {"ids": ids, "next": address})

    assert response.url == "/game/"


@pytest.mark.parametrize("junk", ["", "x", "\0", "-1", "١", "9" * 30])
def test_what_is_no_id_has_no_effect(site, ids, junk):
    response = site.post(SEEN, {"ids": [junk]})

    assert response.status_code == 303
    assert pending() == 2


def test_those_of_others_are_not_seen(ids):
    other = Client()
    other.force_login(UserFactory())

    other.post(SEEN, {"ids": ids})

    assert pending() == 2


def test_only_a_form_of_the_site_marks_something_as_seen(user, ids):
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    client.get(SEEN, {"ids": ids})

    assert client.post(SEEN, {"ids": ids}).status_code == 403
    assert pending() == 2


def test_who_is_not_signed_in_sees_nothing(client, ids):
    assert client.post(SEEN, {"ids": ids}).url == f"/login/?next={SEEN}"
