from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from playwright.sync_api import expect

from gamification.models import Achievement, LedgerEntry, UserGamification
from gamification.services import adjust_xp, award_achievement, record_activity
from gamification.staff import Act, begin_list
from tests.browser.conftest import NARROW, WIDE, address, fit, follow, look, save
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import COMMITTED

pytestmark = COMMITTED


@pytest.fixture
def medal(admin_user):
    """An achievement that Grace holds, and Ada is about to get."""
    walk = ActivityFactory(key="walk", name="Walk")
    medal = AchievementFactory(key="medal", name="Medal")
    grace, ada = UserFactory(username="Grace"), UserFactory(username="Ada")
    record_activity(grace, "walk", source=f"gamification.activity:{walk.pk}")
    award_achievement(grace, "medal")
    adjust_xp(ada, amount=400, note="A present.", actor=admin_user)
    act = Act(kind="award", achievement="medal", note="Helped.")
    begin_list(act, [ada.pk], actor=admin_user)
    return medal


def test_staff_find_an_entry_and_what_it_came_from(page, medal):
    page.goto(address(LedgerEntry, "changelist"))
    page.get_by_label("Full login name").fill("admin")
    follow(page.get_by_role("button", name="Filter").last)
    look(page, "ledger")
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    page.goto(address(LedgerEntry, "changelist"))

    # The date, who, what and how much are in sight.
    table = page.locator(".results").bounding_box()
    amount = page.locator("#result_list .field-amount").first.bounding_box()
    assert amount["x"] + amount["width"] <= table["x"] + table["width"] <= WIDE
    page.get_by_role("link", name="gamification.activity:").first.click()

    expect(page.get_by_role("heading", name="Walk", exact=True)).to_be_visible()


def test_staff_sort_and_filter_users(page, medal):
    page.goto(address(UserGamification, "changelist"))
    page.get_by_label("At least").fill("2")
    follow(page.get_by_role("button", name="Filter").first)
    # A link, which Django 6.1 gives the role of a button.
    follow(page.locator("#result_list thead").get_by_text("Total XP"))
    look(page, "users-filtered")

    expect(page.locator("#result_list tbody th")).to_have_text(["Grace", "Ada"])


def test_a_name_without_spaces_does_not_widen_a_page(page):
    medal = AchievementFactory(name="Medal" * 12)

    for name in ("change", "history", "delete", "backfill"):
        page.goto(address(Achievement, name, medal.pk))

        fit(page, f"long-name-{name}", NARROW)


def test_staff_undo_the_last_change(page, medal):
    page.goto(address(Achievement, "change", medal.pk))
    page.get_by_label("XP reward").fill("70")
    page.get_by_label("Status").select_option("retired")
    save(page)
    page.goto(reverse("admin:app_list", args=["gamification"]))
    look(page, "desk")
    expect(page.get_by_text("Changed XP reward: 50 → 70; Status")).to_be_visible()

    follow(page.get_by_role("link", name="Medal"))
    follow(page.get_by_role("link", name="History"))
    look(page, "history")
    follow(page.get_by_role("button", name="Undo this change"))
    look(page, "undo")
    page.get_by_role("button", name="Undo this change").click()

    expect(page.locator(".messagelist")).to_contain_text("XP reward: 70 → 50")
    medal.refresh_from_db()
    assert (medal.xp_reward, medal.status) == (50, "active")
    assert LogEntry.objects.count() == 2
