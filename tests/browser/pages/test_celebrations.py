from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from gamification.models import Celebration
from gamification.services import award_achievement
from tests.inspection import COMMITTED

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = COMMITTED

HOME = reverse("home")
PROGRESS = reverse("gamification_pages:progress")


def wait_for(page: Page, reports: list[Any], count: int) -> None:
    """Let the page go on until so many celebrations were shown."""
    for _ in range(150):
        if len([what for what in reports if what[0] == "shown"]) >= count:
            return
        # Cards come one after the other, with pauses.
        page.clock.fast_forward(200)
    pytest.fail(f"Shown: {reports}")


def ask(page: Page) -> None:
    """Let the page ask what there is to show, and wait for the answer."""
    with page.expect_response("**/celebrations/?limit=50"):
        page.evaluate("document.dispatchEvent(new Event('gamification:check'))")


def pending(user: Any) -> int:
    return Celebration.objects.pending().filter(user=user).count()


def test_a_kpi_plays_what_it_unlocks_once_wherever_the_user_is(
    sign_in, visitor, listen, reports
):
    here, elsewhere = listen(sign_in(visitor)), listen(sign_in(visitor))
    second = here.context.new_page()
    here.clock.install()
    for page, address in ((here, HOME), (second, PROGRESS), (elsewhere, HOME)):
        page.goto(address)

    row = here.locator("[data-kpi]").first
    row.get_by_role("button", name="Complete").click()
    expect(here.locator(".gamification-xp")).to_contain_text("+10 XP")
    expect(here.locator(".gamification-toast").first).to_be_visible()
    second.reload()
    elsewhere.reload()
    wait_for(here, reports, 4)
    for page in (here, second, elsewhere):
        page.reload()
        ask(page)

    kinds = [kind for event, _, kind in reports if event == "shown"]
    assert kinds == ["achievement", "achievement", "level", "streak"]
    assert len({id_ for event, id_, _ in reports if event == "shown"}) == 4
    assert pending(visitor) == 0


def test_who_goes_on_to_another_page_sees_the_rest_there(
    sign_in, visitor, listen, reports
):
    here = listen(sign_in(visitor))
    second = here.context.new_page()
    here.clock.install()
    for page in (here, second):
        page.goto(HOME)

    here.get_by_role("button", name="Complete").first.click()
    expect(here.locator(".gamification-toast").first).to_be_visible()
    second.reload()
    here.goto(PROGRESS)
    wait_for(here, reports, 4)

    kinds = [kind for event, _, kind in reports if event == "shown"]
    assert kinds == ["achievement", "achievement", "level", "streak"]
    assert second.locator(".gamification-toast").count() == 0


def test_the_pieces_of_the_page_are_renewed(sign_in_still, visitor):
    page = sign_in_still(visitor)
    page.goto(HOME)
    expect(page.locator(".gamification-level h2")).to_have_text("Level 8")

    page.get_by_role("button", name="Complete").first.click()

    expect(page.locator(".gamification-level h2")).to_have_text("Level 9")
    expect(page.locator(".gamification-streak h2")).to_have_text("30-day streak")
    expect(page.get_by_role("button", name="Reopen").first).to_be_focused()
    expect(page.locator("[data-said]")).to_contain_text("+10 XP, Streak 30")


def test_the_number_of_completed_kpis_is_renewed(sign_in_still, visitor):
    page = sign_in_still(visitor)
    page.goto(HOME)
    button = page.get_by_role("button", name="Complete")
    vision = page.locator("[data-vision]").filter(has=button).first
    count = vision.locator("[data-count]")
    before = int(count.inner_text().split()[0])

    vision.get_by_role("button", name="Complete").first.click()

    expect(count).to_have_text(f"{before + 1} completed")


def test_who_wants_less_motion_gets_none(sign_in_still, user, listen, reports):
    award_achievement(user, "kpi_10")
    page = listen(sign_in_still(user))
    page.clock.install()

    page.goto(PROGRESS)
    expect(page.locator(".gamification-toast").first).to_be_visible()
    moving = page.evaluate("document.getAnimations().length")
    wait_for(page, reports, 2)

    assert (moving, page.evaluate("document.getAnimations().length")) == (0, 0)
    assert page.locator(".gamification-confetti").count() == 0


def test_without_scripts_the_list_has_a_button_each(sign_in, user):
    award_achievement(user, "kpi_10")
    page = sign_in(user)
    devtools = page.context.new_cdp_session(page)
    devtools.send("Emulation.setScriptExecutionDisabled", {"value": True})
    page.goto(HOME)
    waiting = page.locator("[data-gamification-list] li")
    expect(waiting).to_have_count(2)

    waiting.first.get_by_role("button", name="Seen").click()

    expect(waiting).to_have_count(1)
    assert page.url.endswith(HOME)
    assert pending(user) == 1


def test_all_is_done_by_keyboard(sign_in_still, visitor):
    page = sign_in_still(visitor)
    page.goto(HOME)
    toasts = page.locator(".gamification-toast")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.get_by_role("button", name="Complete").first.focus()
    page.keyboard.press("Enter")
    expect(toasts).to_have_count(1)
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Reopen").first).to_be_focused()
    expect(page.locator(".gamification-toasts")).not_to_contain_text("A month in a row")
