"""Pages on a phone, whose user reads text of twice the size."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from gamification.models import Celebration
from gamification.services import award_achievement
from tests.browser.conftest import crowding
from tests.browser.pages.test_appearance import PAGES, SETTINGS, profile_of
from tests.inspection import COMMITTED

pytestmark = COMMITTED


def test_pages_of_a_user_have_room_for_large_text(sign_in_still, visitor):
    Celebration.objects.all().delete()
    page = sign_in_still(visitor)
    found = []

    for address in (*PAGES.values(), SETTINGS, *profile_of(visitor).values()):
        page.goto(address)
        found += [f"{address}: {wrong}" for wrong in crowding(page)]

    assert found == []


@pytest.mark.parametrize("name", ["front", "login", "sign-up"])
def test_pages_of_a_stranger_have_room_for_large_text(sign_in_still, user, name):
    page = sign_in_still(user)
    page.context.clear_cookies()

    page.goto(reverse(name))

    assert crowding(page) == []


def test_celebrations_have_room_for_large_text(sign_in_still, user):
    award_achievement(user, "kpi_10")
    page = sign_in_still(user)

    page.goto(SETTINGS)
    expect(page.locator(".gamification-toast")).to_have_count(2)

    assert crowding(page, ".gamification-toasts") == []
