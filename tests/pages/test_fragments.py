from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from django.utils import timezone

from gamification.services import award_achievement, record_activity, set_time_zone
from gamification.staff import create_streak
from tests.factories import ActivityFactory, BoostFactory

pytestmark = pytest.mark.django_db

NAMES = ["level", "streak", "calendar", "achievements", "celebrations"]
ADDRESSES = [
    *(reverse(f"gamification_pages:fragment-{name}") for name in NAMES),
    reverse("gamification_pages:fragment-leaderboard", args=["week"]),
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_fragment_is_a_piece_by_itself(site, address):
    response = site.get(address)

    html = response.content.decode().strip()
    assert html.startswith("<")
    assert "<html" not in html
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_is_not_signed_in_gets_no_login_page(client, address):
    assert client.get(address).status_code == 403


def test_other_streaks_are_a_piece_where_there_are_any(site):
    address = reverse("gamification_pages:fragment-streaks")
    empty = site.get(address).text.strip()
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")

    assert empty == ""
    assert "gamification-streaks" in site.get(address).text


def test_boosts_are_a_piece_where_there_are_any(site):
    address = reverse("gamification_pages:fragment-boosts")
    empty = site.get(address).text.strip()
    now = timezone.now()
    BoostFactory(starts_at=now - timedelta(1), ends_at=now + timedelta(1))

    assert empty == ""
    assert "gamification-boosts" in site.get(address).text


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_stranger_is_not_led_to_a_login_page(client, settings, address):
    guard = "django.contrib.auth.middleware.LoginRequiredMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, guard]

    assert client.get(address).status_code == 403


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_fragment_is_only_read(site, address):
    assert site.post(address).status_code == 405


def test_a_fragment_is_what_the_page_has(site, user):
    record_activity(user, "kpi_completed")
    page = site.get(reverse("gamification_pages:progress")).content.decode()

    fragment = site.get(ADDRESSES[0]).content.decode().strip()

    assert fragment in page


def test_the_year_of_a_calendar_is_chosen(site):
    assert "Days of 2020" in site.get(ADDRESSES[2], {"year": 2020}).content.decode()


def test_the_year_of_a_calendar_is_that_of_the_user_s_zone(client, user):
    ActivityFactory(key="walk")
    with time_machine.travel(datetime(2026, 12, 31, 20, tzinfo=UTC), tick=False):
        client.force_login(user)
        set_time_zone(user, "Pacific/Kiritimati")
        record_activity(user, "walk")

        pages = [
            client.get(reverse(f"gamification_pages:{name}")).text
            for name in ("progress", "fragment-calendar")
        ]

    assert [re.findall(r"Days of (\d+)", page) for page in pages] == [["2027"]] * 2


def test_the_order_of_achievements_is_chosen(site, user):
    award_achievement(user, "kpi_500")

    html = site.get(ADDRESSES[3], {"order": "held"}).content.decode()

    milestones = html.partition('aria-label="Milestones"')[2]
    assert milestones.find("Five hundred done") < milestones.find("Ten done")


@pytest.mark.parametrize(
    ("name", "says"),
    [("achievements", "Unlocked on March 6, 2026"), ("boosts", "Until March 6, 2026")],
)
def test_times_are_told_in_the_zone_of_the_user(client, user, name, says):
    with time_machine.travel(datetime(2026, 3, 5, 20, tzinfo=UTC), tick=False):
        client.force_login(user)
        set_time_zone(user, "Asia/Tokyo")
        award_achievement(user, "kpi_10")
        now = timezone.now()
        BoostFactory(starts_at=now - timedelta(1), ends_at=now + timedelta(hours=1))

        fragment = client.get(reverse(f"gamification_pages:fragment-{name}")).text

    assert says in fragment


def test_a_part_of_a_leaderboard_is_chosen(site, user):
    record_activity(user, "kpi_completed")

    html = site.get(ADDRESSES[5], {"around": "me", "page": 7}).content.decode()

    assert 'aria-current="true"' in html


def test_winners_of_a_period_are_chosen(site, user):
    record_activity(user, "kpi_completed")
    address = reverse("gamification_pages:fragment-winners", args=["month"])

    html = site.get(address, {"period": f"{timezone.now():%Y-%m}"}).content.decode()

    assert user.username in html


def test_a_leaderboard_that_is_none_is_not_found(site):
    address = reverse("gamification_pages:fragment-leaderboard", args=["year"])

    assert site.get(address).status_code == 404
