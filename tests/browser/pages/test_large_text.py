"""Pages on a phone, whose user reads text of twice the size."""

from __future__ import annotations

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from gamification.models import Celebration
from gamification.services import award_achievement
from tests.browser.conftest import (
    ARGUMENTS,
    PHONE,
    crowding,
    new_context,
    open_page,
    program,
    session_of,
)
from tests.browser.pages.test_appearance import PAGES, SETTINGS, profile_of
from tests.inspection import COMMITTED

pytestmark = COMMITTED

#: The largest size in Chromium's settings below which it shows no text.
MINIMUM = "--blink-settings=minimumFontSize=24"
SMALL_PHONE = 320

#: Makes words as much longer as a translation may make them.
LENGTHEN = """
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const longer = (word) => word.padEnd(Math.ceil(word.length * 1.7), "geschwindigkeit");
while (walker.nextNode()) {
  const text = walker.currentNode;
  text.data = text.data.replace(/[a-z]{3,}/gi, longer);
}
"""


def test_pages_of_a_user_have_room_for_large_text(sign_in_still, visitor):
    Celebration.objects.all().delete()
    page = sign_in_still(visitor)
    found = []

    for address in (*PAGES.values(), SETTINGS, *profile_of(visitor).values()):
        page.goto(address)
        found += [f"{address}: {wrong}" for wrong in crowding(page)]

    assert found == []


def test_pages_have_room_where_no_text_may_be_small(browser, site, visitor):
    Celebration.objects.all().delete()
    kind, options = browser.browser_type, [*ARGUMENTS, MINIMUM]
    found = []

    with kind.launch(executable_path=program(), args=options) as other:
        page = open_page(new_context(other, site.url), site.url, session_of(visitor))
        for address in (*PAGES.values(), SETTINGS, *profile_of(visitor).values()):
            page.goto(address)
            crowded = crowding(page, width=SMALL_PHONE, size="100%")
            found += [f"{address}: {wrong}" for wrong in crowded]

    assert found == []


def test_the_heading_of_a_page_grows_with_the_text(sign_in_still, user):
    page = sign_in_still(user)
    page.set_viewport_size({"width": PHONE, "height": 800})
    page.goto(SETTINGS)
    size = "parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)"
    before = page.evaluate(size)

    page.evaluate("document.documentElement.style.fontSize = '200%'")

    assert page.evaluate(size) == 2 * before


def test_a_language_with_long_words_has_room_too(sign_in_still, user):
    page, found = sign_in_still(user), []

    for address in (PAGES["progress"], SETTINGS):
        page.goto(address)
        page.evaluate(LENGTHEN)
        found += [wrong for wrong in crowding(page) if "broken" not in wrong]

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
