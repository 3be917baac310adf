from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.template import RequestContext, Template
from django.test import Client
from django.urls import reverse

import gamification
from gamification.models import UserGamification
from gamification.services import (
    award_achievement,
    get_progress,
    record_activity,
    set_time_zone,
    set_visibility,
)
from tests.factories import AchievementFactory, UserFactory

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 5, 12, tzinfo=UTC)
NAMES = ["progress", "achievements", "leaderboards", "settings"]


def address(name: str, *args: object) -> str:
    return reverse(f"gamification_pages:{name}", args=args)


def text_of(site: Client, name: str, *args: object, **query: object) -> str:
    response = site.get(address(name, *args), query)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def profile_of(user) -> str:
    return address("profile", user.get_username())


@pytest.mark.parametrize("name", NAMES)
def test_pages_are_for_those_who_are_signed_in(client, name):
    page = address(name)

    assert client.get(page).url == f"/login/?next={page}"


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("celebrations-seen", "progress"),
        ("repair", "progress"),
        ("pause", "settings"),
        ("end-pause", "settings"),
    ],
)
def test_who_signs_in_again_to_send_a_form_comes_to_its_page(client, user, name, page):
    sent_to = client.post(address(name)).url
    client.force_login(user)

    assert sent_to == f"/login/?next={address(name)}"
    assert client.get(address(name)).url == address(page)
    assert client.put(address(name)).status_code == 405


@pytest.mark.parametrize("name", NAMES)
def test_a_new_user_finds_every_page(site, name):
    text_of(site, name)


@pytest.mark.parametrize("name", ["progress", "achievements", "leaderboards"])
def test_pages_are_only_read(site, name):
    assert site.post(address(name)).status_code == 405


def test_the_progress_has_all_pieces(site):
    text = text_of(site, "progress")

    for piece in ("level", "streak", "calendar", "achievements", "leaderboard"):
        assert f"gamification-{piece}" in text


@time_machine.travel(NOON)
@pytest.mark.parametrize(
    ("year", "shown"),
    [("2024", 2024), ("", 2026), ("nonsense", 2026), ("9999", 2026), ("٢", 2026)],
)
def test_a_year_can_be_chosen(site, year, shown):
    assert f"Days of {shown}" in text_of(site, "progress", year=year)


@time_machine.travel(NOON)
def test_years_to_come_are_not_offered(site):
    assert re.findall(r'href="\?year=(\d+)"', text_of(site, "progress")) == [
        *("2025", "2026")
    ]
    assert 'href="?year=2025"' in text_of(site, "progress", year=2024)


def test_a_year_before_the_first_one_is_not_offered(site):
    first = text_of(site, "progress", year=1970)

    assert re.findall(r'href="\?year=(\d+)"', first) == ["1970", "1971"]


@time_machine.travel(datetime(2026, 3, 5, 20, tzinfo=UTC))
@pytest.mark.parametrize("name", ["progress", "achievements"])
def test_days_are_told_in_the_zone_of_the_user(site, user, name):
    set_time_zone(user, "Asia/Tokyo")
    award_achievement(user, "kpi_10")

    assert "Unlocked on March 6, 2026" in text_of(site, name)


def test_the_navigation_knows_where_it_is(site):
    text = text_of(site, "settings")

    assert '<a href="/game/settings/" aria-current="page">' in text
    assert text.count('aria-current="page"') == 1


@pytest.mark.parametrize("prefix", ["", "/shop"])
def test_the_first_link_leads_to_the_root_of_the_site(rf, user, prefix):
    page = rf.get("/", SCRIPT_NAME=prefix)
    page.user = user
    # The example has a template of the same name.
    base = Path(gamification.__file__).with_name("templates") / "gamification/base.html"

    html = Template(base.read_text()).render(RequestContext(page))

    assert f'class="gamification-brand" href="{prefix}/"' in html


def test_achievements_say_how_rare_they_are(site, user, settings):
    settings.GAMIFICATION = {"RARITY_TTL": timedelta(0)}
    record_activity(user, "kpi_completed")

    assert "Held by 100%" in text_of(site, "achievements")


def test_achievements_come_in_the_order_that_is_chosen(site, user, no_achievements):
    AchievementFactory(name="Open", position=1)
    AchievementFactory(key="held", name="Held", position=2)
    award_achievement(user, "held")

    text = text_of(site, "achievements", order="held")

    assert re.findall(r'achievement__name">(\w+)<', text) == ["Held", "Open"]
    assert '<a href="?order=held" aria-current="page">' in text


@pytest.mark.parametrize("window", ["day", "week", "month", "all"])
def test_each_window_has_its_leaderboard(site, window):
    text = text_of(site, "leaderboard", window)

    page = address("leaderboard", window)
    assert f'<a href="{page}" aria-current="page">' in text


def test_a_window_that_is_none_is_not_found(site):
    assert site.get(address("leaderboard", "year")).status_code == 404


@pytest.mark.parametrize("page", ["0", "-1", "x", "9" * 30, "2000000"])
def test_a_page_that_is_none_is_another(site, page):
    text_of(site, "leaderboards", page=page)


def test_a_past_period_has_its_leaderboard(site, time_machine):
    time_machine.move_to(datetime(2026, 6, 10, 12, tzinfo=UTC), tick=False)

    now = text_of(site, "leaderboard", "week")
    past = text_of(site, "leaderboard", "week", period="2026-W22", around="me")

    assert '<a href="?period=2026-W23" rel="prev">The week before</a>' in now
    assert "The week after" not in now
    assert "Winners of the week" in now
    assert '<a href="?period=2026-W23&amp;around=me" rel="next">' in past
    assert '<a href="?around=me&amp;period=2026-W22" aria-current="page">' in past


@pytest.mark.parametrize("name", ["2026-W99", "x", "2026-06", "3000-W01"])
def test_a_period_that_is_none_or_has_not_begun_is_not_found(site, name):
    page = address("leaderboard", "week")

    assert site.get(page, {"period": name}).status_code == 404


def test_the_leaderboard_is_shown_around_the_user(site, user, no_achievements):
    record_activity(user, "kpi_completed")
    for _ in range(60):
        record_activity(UserFactory(), "kpi_completed", quantity=2)

    top = text_of(site, "leaderboards")
    around = text_of(site, "leaderboards", around="me")

    assert "You are in place 61 of 61" in top
    assert 'aria-current="true"' in around


def test_the_profile_of_another_is_shown(site, no_achievements):
    AchievementFactory(key="medal", name="Medal", description="Well done.")
    other = UserFactory(username="grace")
    award_achievement(other, "medal")

    text = text_of(site, "profile", "grace")

    assert "<h1>grace</h1>" in text
    assert ">Medal</h3>" in text


def test_secrets_that_another_holds_stay_secret(site, no_achievements):
    AchievementFactory(key="secret", name="Hush", is_secret=True)
    other = UserFactory(username="grace")
    award_achievement(other, "secret")

    text = text_of(site, "profile", "grace")

    assert "Hush" not in text
    assert "<dt>Achievements</dt><dd>0</dd>" in text


@time_machine.travel(datetime(2025, 12, 31, 20, tzinfo=UTC), tick=False)
def test_the_date_is_that_of_the_user_s_zone(site, user):
    set_time_zone(user, "Pacific/Kiritimati")
    award_achievement(user, "kpi_10")

    assert "Unlocked on Jan. 1, 2026" in text_of(site, "profile", user.get_username())
    assert "Days of 2026" in text_of(site, "progress")


def test_many_achievements_are_not_all_on_a_profile(site, user, monkeypatch):
    monkeypatch.setattr("gamification.pages.views.HELD_SHOWN", 1)
    award_achievement(user, "kpi_10")
    award_achievement(user, "kpi_50")

    text = text_of(site, "profile", user.get_username())

    assert "These are the latest 1." in text


def test_who_hides_sees_that_nobody_else_sees_the_profile(site, user):
    set_visibility(user, is_public=False)

    assert "Only you see this page" in text_of(site, "profile", user.get_username())


def test_a_profile_that_is_hidden_is_not_found(site):
    hidden = UserFactory()
    set_visibility(hidden, is_public=False)

    assert site.get(profile_of(hidden)).status_code == 404


def test_an_account_that_is_closed_is_not_found(site):
    closed = UserFactory()
    record_activity(closed, "kpi_completed")
    get_user_model().objects.filter(pk=closed.pk).update(is_active=False)

    assert site.get(profile_of(closed)).status_code == 404


def test_nobody_is_not_found(site):
    assert site.get(address("profile", "nobody")).status_code == 404


def choose(site: Client, **choices: str) -> str:
    """Send the settings; return what the page then says."""
    sent = {"time_zone": "UTC", "celebration_mode": "all", "is_public": "on"}
    response = site.post(address("settings"), sent | choices, follow=True)
    return " ".join(response.content.decode().split())


def test_a_time_zone_is_chosen(site, user):
    text = choose(site, time_zone="Asia/Tokyo")

    assert "Saved." in text
    assert '<option value="Asia/Tokyo" selected>' in text
    assert UserGamification.objects.get(user=user).time_zone == "Asia/Tokyo"


@time_machine.travel(NOON, tick=False)
def test_a_second_time_zone_waits(site, user):
    record_activity(user, "kpi_completed")
    choose(site, time_zone="Asia/Tokyo")

    text = choose(site, time_zone="Europe/Paris")

    assert "Until March 6, 2026, 9 p.m., your days follow Asia/Tokyo." in text
    assert '<option value="Europe/Paris" selected>' in text


@pytest.mark.parametrize("zone", ["", "Mars/Phobos", "../etc/passwd"])
def test_a_zone_that_does_not_exist_is_refused(site, zone):
    text = choose(site, time_zone=zone)

    assert '<ul class="errorlist"' in text
    assert not UserGamification.objects.exists()


def test_a_zone_without_a_city_can_be_kept(site, settings):
    settings.GAMIFICATION = {"DEFAULT_TIME_ZONE": "GMT"}

    assert '<option value="GMT" selected>' in text_of(site, "settings")


def test_a_user_hides_and_shows_again(site, user):
    choose(site, is_public="")
    hid = not UserGamification.objects.get(user=user).is_public
    choose(site)

    assert hid
    assert UserGamification.objects.get(user=user).is_public


def test_a_badge_is_found_by_its_name(client):
    response = client.get(address("badge", "flame"))

    assert response.url == "/static/gamification/badges/flame.svg"
    assert response["Cache-Control"] == "public, max-age=3600"


@pytest.mark.parametrize("mode", ["all", "quiet", "none"])
def test_a_user_chooses_how_to_be_celebrated(site, user, mode):
    text = choose(site, celebration_mode=mode)

    assert get_progress(user).celebration_mode == mode
    assert re.search(rf'value="{mode}"[^>]* checked', text)


def test_a_way_to_be_celebrated_that_is_none_is_refused(site):
    assert '<ul class="errorlist"' in choose(site, celebration_mode="loud")
