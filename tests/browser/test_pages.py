from __future__ import annotations

from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone
from playwright.sync_api import expect

from gamification.services import adjust_xp, award_achievement, record_activity
from gamification.staff import grant_freezes, pause_streak, repair_streak
from tests.browser.conftest import address, follow, look
from tests.factories import AchievementFactory, ActivityFactory
from tests.inspection import COMMITTED, INTERNAL

pytestmark = COMMITTED

MODELS = sorted(
    {*apps.get_app_config("gamification").get_models()} - INTERNAL,
    key=lambda model: model.__name__,
)


@pytest.fixture
def history(user, staff):
    """Create rows in every table."""
    ActivityFactory(key="walk", name="Walk")
    record_activity(user, "walk", source="walks:1")
    award_achievement(user, AchievementFactory(name="Medal").key, actor=staff)
    adjust_xp(user, amount=-5, note="A mistake.", actor=staff)
    grant_freezes(user, 1, actor=staff)
    today = timezone.now().date()
    day = timedelta(days=1)
    pause_streak(user, today + day, today + 2 * day, actor=staff)
    repair_streak(user, [today - 2 * day], actor=staff, note="An outage.")


@pytest.mark.parametrize("model", MODELS)
def test_a_list_and_its_rows_are_shown(page, history, model):
    name = model._meta.model_name
    page.goto(address(model, "changelist"))
    look(page, f"{name}-list")

    row = page.locator("#result_list tbody a").first
    if row.count():
        follow(row)
        look(page, f"{name}-row")

    expect(page.locator("#content h1")).to_be_visible()
