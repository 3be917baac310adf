"""Every page of the demo and of the app, as people with other screens see it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

import gamification
from gamification.models import Celebration
from gamification.services import award_achievement
from gamification.staff import pause_streak
from tests.browser.axe import violations
from tests.browser.pages.policy import POLICY
from tests.inspection import COMMITTED

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = COMMITTED

GAME = ["progress", "achievements", "leaderboards"]
PAGES = {
    "visions": reverse("home"),
    **{name: reverse(f"gamification_pages:{name}") for name in GAME},
}
SETTINGS = reverse("gamification_pages:settings")

TEMPLATES = Path(gamification.__file__).parent / "templates"

LIGHT = {"color_scheme": "light", "forced_colors": "none"}
DARK = {"color_scheme": "dark", "forced_colors": "none"}
FORCED = {"color_scheme": "dark", "forced_colors": "active"}

Appearances: TypeAlias = list[tuple[dict[str, Any], int, str, list[str]]]

#: The rules that depend on the theme, and those that depend on the size of the screen.
#: All others depend on neither, unless something is hidden on a small one.
COLOURS = ["color-contrast", "link-in-text-block"]
SIZES = ["scrollable-region-focusable", "target-size"]

#: Each theme with each width and each direction, and each of these with the others.
APPEARANCES: Appearances = [
    (LIGHT, 1280, "ltr", []),
    (LIGHT, 360, "rtl", SIZES),
    (DARK, 360, "ltr", []),
    (DARK, 1280, "rtl", SIZES),
    (FORCED, 1280, "ltr", COLOURS),
    (FORCED, 360, "rtl", SIZES),
]


#: Those of pages whose pieces are on another page that is examined in all of them.
TWO = [(LIGHT, 1280, "ltr", []), (DARK, 360, "rtl", COLOURS + SIZES)]


def faults(page: Page, appearances: Appearances = APPEARANCES) -> list[str]:
    """Return what is wrong with the page, in each of its appearances."""
    found = []
    for colours, width, direction, rules in appearances:
        page.emulate_media(**colours)
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(f"document.documentElement.dir = '{direction}'")
        for wrong in violations(page, only=rules, extra=True):
            found.append(f"{wrong} ({colours}, {width}, {direction})")
    page.set_viewport_size({"width": 320, "height": 800})
    if page.evaluate("document.documentElement.scrollWidth") > 320:
        found.append("It scrolls sideways.")
    return found


def examine(
    page: Page, pages: dict[str, str], appearances: Appearances = APPEARANCES
) -> list[str]:
    """Return what is wrong with each of the pages."""
    found = []
    for name, address in pages.items():
        page.goto(address)
        found += [f"{name}: {wrong}" for wrong in faults(page, appearances)]
    return found


def profile_of(user: Any) -> dict[str, str]:
    name = user.get_username()
    return {"profile": reverse("gamification_pages:profile", args=[name])}


def test_pages_are_sent_with_the_strict_policy(sign_in, user):
    response = sign_in(user).goto(SETTINGS)

    assert response.headers["content-security-policy"] == POLICY


def test_the_pages_of_a_user_with_everything_are_for_everybody(sign_in_still, visitor):
    page = sign_in_still(visitor)

    assert examine(page, PAGES | profile_of(visitor)) == []


def test_the_pages_of_a_user_who_pauses_are_for_everybody(sign_in_still, visitor):
    today = timezone.now().date()
    day = timedelta(days=1)
    pause_streak(visitor, today - 2 * day, today + 3 * day, actor=None, note="Ill.")
    page = sign_in_still(visitor)

    shown = {"progress": PAGES["progress"], "settings": SETTINGS}

    assert examine(page, shown) == []


def test_the_pages_of_a_user_with_nothing_are_for_everybody(sign_in_still, user):
    page = sign_in_still(user)

    empty = {name: PAGES[name] for name in ("visions", "progress")}

    assert examine(page, empty | profile_of(user), TWO) == []


def test_the_pages_of_a_stranger_are_for_everybody(sign_in_still, user):
    page = sign_in_still(user)
    page.context.clear_cookies()
    names = ["front", "login", "sign-up"]

    assert examine(page, {name: reverse(name) for name in names}) == []


@pytest.fixture
def own_frame(settings):
    """Show pages in the frame of the app, not in that of the demo."""
    [engine] = settings.TEMPLATES
    settings.TEMPLATES = [{**engine, "DIRS": [TEMPLATES]}]


@pytest.mark.usefixtures("own_frame")
@pytest.mark.parametrize("scripts", [True, False], ids=["toasts", "list"])
def test_celebrations_are_for_everybody(sign_in_still, user, scripts):
    award_achievement(user, "kpi_10")
    page = sign_in_still(user)
    if not scripts:
        script = {"body": "", "content_type": "text/javascript"}
        page.route("**/celebrations.js", lambda route: route.fulfill(**script))
    shown = ".gamification-toast" if scripts else "[data-gamification-list] li"

    page.goto(PAGES["leaderboards"])
    page.locator(shown).nth(1).wait_for()
    brand = page.locator(".gamification-brand").inner_text()
    found = faults(page)

    assert (brand, found) == ("Home", [])
    assert Celebration.objects.pending().exists() is not scripts


@pytest.mark.parametrize(
    ("width", "direction"), [(390, "ltr"), (390, "rtl"), (900, "ltr")]
)
def test_a_narrow_screen_shows_the_latest_weeks_of_the_calendar(
    sign_in, user, width, direction
):
    page = sign_in(user)
    page.set_viewport_size({"width": width, "height": 2_000})
    page.goto(PAGES["progress"])
    page.evaluate(f"document.documentElement.dir = '{direction}'")

    days = page.locator(".gamification-calendar td.gamification-heat[title]")

    expect(days.last).to_be_in_viewport()
    expect(page.locator("[data-later]").first).to_be_hidden()


def test_paper_is_light_whatever_theme_was_chosen(sign_in, user):
    page = sign_in(user)
    page.goto(PAGES["progress"])
    heading = page.locator("h1")
    light = heading.evaluate("each => getComputedStyle(each).color")

    page.emulate_media(media="print")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")

    expect(heading).to_have_css("color", light)


def test_paper_shows_the_whole_calendar_in_its_colours(sign_in, user):
    page = sign_in(user)
    # As wide as a page of A4 between its margins.
    page.set_viewport_size({"width": 718, "height": 900})
    page.emulate_media(media="print")

    page.goto(PAGES["progress"])

    calendar = page.locator(".gamification-calendar .gamification-scroll")
    adjust = "each => getComputedStyle(each).printColorAdjust"
    assert page.locator(".gamification-heat").first.evaluate(adjust) == "exact"
    assert calendar.evaluate("each => each.scrollWidth - each.clientWidth") == 0
