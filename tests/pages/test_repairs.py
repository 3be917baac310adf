from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse

from gamification.models import RepairedDate
from gamification.services import record_activity
from gamification.staff import create_streak, own_repairs

pytestmark = pytest.mark.django_db

PROGRESS = reverse("gamification_pages:progress")
SETTINGS = reverse("gamification_pages:settings")
REPAIR = reverse("gamification_pages:repair")
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
MISSED = {"streak": "daily", "dates": ["2026-03-04"], "next": PROGRESS}


@pytest.fixture(autouse=True)
def broken(user, activity, no_achievements):
    """Active on 2 and 3 March, and not on the 4th; it is noon of the 5th."""
    for days in (3, 2):
        with time_machine.travel(NOON - timedelta(days), tick=False):
            record_activity(user, activity.key)
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def allowed(settings):
    settings.GAMIFICATION = {"USERS_REPAIR_STREAKS": True}


def shown(site, address):
    return " ".join(site.get(address).text.split())


def send(site, **fields):
    return " ".join(site.post(REPAIR, MISSED | fields, follow=True).text.split())


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize("address", [PROGRESS, SETTINGS])
def test_a_repair_is_offered_in_time(site, address):
    text = shown(site, address)

    assert "Daily streak: 2 until it broke. You missed March 4, 2026." in text
    assert "Until March 7, 2026, midnight, you can repair it." in text
    assert '<input type="hidden" name="dates" value="2026-03-04">' in text


@pytest.mark.parametrize("address", [PROGRESS, SETTINGS])
def test_nothing_is_offered_where_the_site_does_not_allow_it(site, address):
    assert REPAIR not in shown(site, address)


@pytest.mark.usefixtures("allowed")
def test_users_repair_their_streaks(site, user):
    response = site.post(REPAIR, MISSED, follow=True)

    assert response.redirect_chain == [(PROGRESS, 302)]
    assert "Your streak is repaired." in response.text
    assert REPAIR not in response.text
    row = RepairedDate.objects.get()
    assert (row.user, row.date, row.actor) == (user, date(2026, 3, 4), user)


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dates": ["2026-03-01"]}, "Up to 2 dates that broke the streak"),
        ({"dates": ["2026-02-30"]}, "Check the dates, and try again."),
        ({"dates": ["x" * 99]}, "Check the dates, and try again."),
        ({"dates": []}, "Check the dates, and try again."),
        ({"streak": "weakly"}, "No streak has the key"),
    ],
)
def test_a_refusal_is_explained(site, fields, message):
    assert message in send(site, **fields)
    assert not RepairedDate.objects.exists()


def test_users_repair_nothing_by_default(site):
    assert "This site does not let users repair streaks." in send(site)


@pytest.mark.usefixtures("allowed")
def test_a_missed_week_is_named_by_its_end(site, user, activity):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")

    with time_machine.travel(NOON + timedelta(days=12), tick=False):
        text = shown(site, SETTINGS)

    assert "Weekly: 1 until it broke. You missed the week to March 15, 2026." in text


@pytest.mark.usefixtures("allowed")
def test_a_missed_week_is_repaired_by_as_many_dates_as_it_lacks(site, user):
    create_streak(actor=None, key="weekly", name="Weekly", unit="week", goal=2)

    with time_machine.travel(NOON + timedelta(days=12), tick=False):
        dates = re.findall(r'name="dates" value="(.*?)"', shown(site, SETTINGS))
        text = send(site, streak="weekly", dates=dates)

    assert dates == ["2026-03-14", "2026-03-15"]
    assert "Your streak is repaired." in text


@pytest.mark.usefixtures("allowed")
def test_a_missed_month_is_named_by_its_end(site, user, activity):
    create_streak(actor=None, key="monthly", name="Monthly", unit="month")

    with time_machine.travel(datetime(2026, 5, 1, 12, tzinfo=UTC), tick=False):
        site.force_login(user)
        text = shown(site, SETTINGS)

    assert "Monthly: 1 until it broke. You missed the month to April 30, 2026." in text


@pytest.mark.usefixtures("allowed")
def test_a_streak_that_began_again_is_repaired_in_time(user, activity):
    record_activity(user, activity.key)

    [(status, until)] = own_repairs(user)
    assert (status.current, status.lost) == (1, 2)
    assert until == datetime(2026, 3, 7, tzinfo=UTC)
    with time_machine.travel(NOON + timedelta(days=1), tick=False):
        record_activity(user, activity.key)
    with time_machine.travel(until + timedelta(seconds=1), tick=False):
        assert own_repairs(user) == []
