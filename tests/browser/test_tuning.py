from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from gamification.models import Activity, UserGamification
from gamification.services import ActivityRecord, record_activities
from gamification.staff import edit_activity
from tests.browser.conftest import LOW_CONTRAST, look
from tests.factories import ActivityFactory, UserFactory
from tests.inspection import COMMITTED, profile_of

pytestmark = [COMMITTED, pytest.mark.usefixtures("walks")]

PAGE = reverse("admin:gamification_tuning")


@pytest.fixture
def walks(no_achievements):
    """Three users who walked once a day for ten days, for 10 XP each."""
    now = datetime.now(UTC)
    ActivityFactory(key="walk", name="Walk")
    walks = [
        ActivityRecord(user, "walk", occurred_at=now - timedelta(days=days))
        for user in UserFactory.create_batch(3)
        for days in range(10)
    ]
    record_activities(walks, historical=True)


def walk():
    return Activity.objects.get(key="walk")


def tune(page, xp):
    page.goto(PAGE)
    page.get_by_label("Walk: XP reward").fill(str(xp))


def test_a_simulation_shows_the_effect_and_saves_nothing(page):
    page.goto(PAGE)
    look(page, "tuning")
    tune(page, 30)
    page.get_by_role("button", name="Simulate").click()

    result = page.get_by_role("region", name="Simulation of the last")
    expect(result.get_by_role("row", name="Walk 300 300 900")).to_contain_text("600")
    expect(result.locator("dd")).to_have_text(["3", "0"])
    expect(result).to_be_focused()
    expect(page.get_by_text("today: 10")).to_be_visible()
    look(page, "tuning-simulation")
    assert walk().xp_reward == 10


def test_simulated_numbers_can_be_saved(page):
    tune(page, 30)
    page.get_by_role("button", name="Simulate").click()
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".messagelist")).to_contain_text("Walk")
    expect(page.get_by_label("Walk: XP reward")).to_have_value("30")
    assert walk().xp_reward == 30
    assert {row.total_xp for row in UserGamification.objects.all()} == {100}


def test_levels_are_simulated(page):
    page.goto(PAGE)
    page.get_by_label("Level thresholds").fill("0, 100, 200")
    page.get_by_role("button", name="Simulate").click()

    page.get_by_role("link", name="Use these levels").click()
    expect(page.get_by_label("Table of levels")).to_have_value("0\n100\n200")


def test_a_conflict_is_reported(page, staff):
    tune(page, 30)
    edit_activity("walk", actor=staff, expected=None, xp_reward=20)
    page.get_by_role("button", name="Save").click()

    errors = page.locator(".errorlist", has_text="changed “\u2068Walk\u2069”")
    expect(errors).to_contain_text(staff.username)
    expect(errors).to_contain_text("XP reward: now \u206820\u2069; you entered")
    look(page, "tuning-conflict")
    assert walk().xp_reward == 20


def test_past_xp_is_recalculated_after_a_preview(page, staff):
    edit_activity("walk", actor=staff, expected=None, xp_reward=20)
    page.goto(PAGE)
    page.get_by_role("link", name="Recalculate past XP").click()
    page.get_by_label("Walk").check()
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("row", name="Walk")).to_contain_text("300")
    look(page, "recalculate")

    page.get_by_label("Note for the user").fill("Walks were worth too little.")
    page.get_by_role("button", name="Recalculate 3 users").click()

    expect(page.locator("#gam-job-state")).to_have_text("finished")
    look(page, "recalculation-job")
    totals = {profile_of(row.user).total_xp for row in UserGamification.objects.all()}
    assert totals == {200}


@pytest.mark.parametrize("days", [7, 365])
def test_another_period_can_be_chosen(page, days):
    page.goto(PAGE)

    link = page.get_by_role("link", name=str(days), exact=True)
    link.click()

    expect(link).to_have_attribute("aria-current", "true")
    look(page, f"tuning-{days}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_printed_pages_are_dark_on_white_with_the_period(page, scheme):
    page.emulate_media(media="print", color_scheme=scheme)

    page.goto(PAGE)

    period = page.get_by_role("navigation", name="Period")
    expect(period).to_contain_text("The last")
    expect(period.get_by_role("link")).to_have_text(["30"])
    expect(page.locator("#nav-sidebar")).to_be_hidden()
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    assert page.locator("#content-main").evaluate(LOW_CONTRAST) == []
