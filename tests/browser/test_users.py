from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from playwright.sync_api import expect

from gamification.models import LedgerEntry, UserGamification
from gamification.services import (
    ActivityRecord,
    adjust_xp,
    record_activities,
)
from tests.browser.conftest import NARROW, WIDE, address, fit, follow, look
from tests.factories import AchievementFactory, ActivityFactory, UserFactory
from tests.inspection import COMMITTED, ledger_of, profile_of

pytestmark = COMMITTED


@pytest.fixture
def grace(staff):
    """A user who walked on most of the last forty days."""
    user, now = UserFactory(username="Grace"), datetime.now(UTC)
    walk = ActivityFactory(key="walk", name="Walk")
    AchievementFactory(
        key="walks_50",
        name="Fifty walks",
        icon="🥾",
        criterion="activity_count",
        activity=walk,
        threshold=50,
    )
    walks = [
        ActivityRecord(user, "walk", occurred_at=now - timedelta(days=days))
        for days in range(40)
        if days % 9
    ]
    record_activities(walks, historical=True)
    adjust_xp(user, amount=-5, note="A mistake.", actor=staff)
    return user


def test_staff_adjust_xp_with_a_note(page, grace, admin_user):
    before = profile_of(grace).total_xp
    page.goto(address(UserGamification, "changelist"))
    follow(page.get_by_role("link", name="Grace"))
    look(page, "user")

    action = page.locator("details", has_text="Adjust XP")
    action.locator("summary").click()
    action.get_by_label("XP").fill("-15")
    action.get_by_label("Note for the user").fill("Counted twice.")
    action.get_by_role("button").click()

    expect(page.locator(".messagelist")).to_contain_text("−15")
    expect(page.get_by_role("row", name="Counted twice.")).to_contain_text("−15")
    entry = ledger_of(grace)[-1]
    assert (entry.amount, entry.note) == (-15, "Counted twice.")
    assert entry.actor == admin_user
    assert profile_of(grace).total_xp == before - 15


def test_staff_reverse_an_entry(page, grace):
    entry = ledger_of(grace)[-1]
    page.goto(address(UserGamification, "for", grace.pk))

    follow(page.get_by_role("link", name=f"Reverse {entry.pk}"))
    look(page, "user-action")
    page.get_by_label("Note for the user").fill("It did not happen.")
    page.locator(".gam-action-form").get_by_role("button").click()

    expect(page.locator(".messagelist")).to_be_visible()
    assert ledger_of(grace)[-1].reverses == entry.pk


def test_the_page_explains_why_not(page, grace):
    page.goto(address(UserGamification, "for", grace.pk))

    page.get_by_role("link", name="Why not? Fifty walks").click()

    expect(page.get_by_role("status")).to_contain_text("50")


def test_a_user_is_deleted_with_their_history(page, grace):
    model = get_user_model()
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    entries = len(ledger_of(grace))
    page.goto(reverse(name, args=[grace.pk]))
    page.locator("a.deletelink").click()
    expect(page.get_by_text(f"Ledger entries: {entries}").first).to_be_visible()
    # The list of what goes is Django's own.
    for width in (NARROW, WIDE):
        fit(page, f"user-delete-{width}", width)

    page.get_by_role("button", name="Yes, I’m sure").click()

    expect(page.locator(".messagelist")).to_contain_text("deleted successfully")
    assert not model.objects.filter(pk=grace.pk).exists()
    assert not LedgerEntry.objects.filter(user=grace.pk).exists()


def test_printed_pages_have_no_controls(page, grace):
    page.goto(address(UserGamification, "for", grace.pk))
    page.emulate_media(media="print")

    expect(page.get_by_role("heading", name="Ledger")).to_be_visible()
    expect(page.get_by_role("heading", name="Staff actions")).to_be_hidden()
