from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import time_machine
from django.urls import reverse

from gamification.models import StreakPause
from gamification.staff import create_streak, pause_streak

pytestmark = pytest.mark.django_db

SETTINGS = reverse("gamification_pages:settings")
PAUSE = reverse("gamification_pages:pause")
END = reverse("gamification_pages:end-pause")
NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
DATES = {"start": "2026-03-05", "end": "2026-03-09"}


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOON, tick=False):
        yield


def send(site, address, **fields):
    return " ".join(site.post(address, fields, follow=True).text.split())


def test_users_pause_all_streaks(site, user):
    text = send(site, PAUSE, **DATES)

    assert "Your pause is saved." in text
    assert "March 5, 2026 – March 9, 2026: all streaks" in text
    assert StreakPause.objects.get().actor == user


def test_users_choose_a_streak_where_there_are_several(site):
    assert 'name="streak" id' not in site.get(SETTINGS).text
    create_streak(actor=None, key="weekly", name="Weekly", unit="week")
    assert '<option value="weekly">' in site.get(SETTINGS).text

    text = send(site, PAUSE, **DATES, streak="weekly")

    assert "March 5, 2026 – March 9, 2026: Weekly" in text


def test_what_the_settings_do_not_allow_is_explained(site):
    text = send(site, PAUSE, **DATES | {"start": "2026-03-04"})

    assert "The pause begins on 2026-03-04, before today (2026-03-05)." in text
    assert not StreakPause.objects.exists()


def test_a_pause_needs_both_dates(site):
    assert "This field is required." in send(site, PAUSE, start="2026-03-05")


def test_users_end_a_pause(site, user):
    pause_streak(user, date(2026, 3, 1), date(2026, 3, 9), actor=None, note="Get well.")
    pause_streak(user, date(2026, 3, 20), date(2026, 3, 21), actor=None)
    shown = site.get(SETTINGS).text
    assert "Get well." in shown
    assert '<input type="hidden" name="start" value="2026-03-01">' in shown

    text = send(site, END, streak="", start="2026-03-01")

    assert "Your pause has ended." in text
    assert "Get well." not in text
    untils = StreakPause.objects.order_by("since").values_list("until", flat=True)
    assert [*untils] == [date(2026, 3, 4), date(2026, 3, 21)]


def test_a_site_may_show_what_is_invalid_in_its_templates(site, user, settings):
    [engine] = settings.TEMPLATES
    options = engine["OPTIONS"] | {"string_if_invalid": "INVALID"}
    settings.TEMPLATES = [engine | {"OPTIONS": options}]
    pause_streak(user, date(2026, 3, 1), date(2026, 3, 9), actor=None)

    assert '<input type="hidden" name="streak" value="">' in site.get(SETTINGS).text


@pytest.mark.parametrize("streak", ["none", "?", ""])
@pytest.mark.parametrize("start", ["2026-03-01", "", "x"])
def test_ending_what_is_not_there_changes_nothing(site, streak, start):
    text = send(site, END, streak=streak, start=start)

    assert "Your pause has ended." not in text


def test_the_settings_tell_the_limits(site, settings):
    settings.GAMIFICATION = {"MAX_PAUSE_DAYS": 10, "MAX_PAUSE_DAYS_A_YEAR": 20}

    text = " ".join(site.get(SETTINGS).text.split())

    assert "at most 10 days, and you can pause at most 20 days in a year" in text
