from __future__ import annotations

import pytest
from playwright.sync_api import expect

from gamification.models import Achievement
from tests.browser.conftest import LOW_CONTRAST, address, look, save
from tests.factories import AchievementFactory
from tests.inspection import COMMITTED

pytestmark = COMMITTED


@pytest.fixture
def form(page):
    """The form of an achievement with a medal as its icon."""
    medal = AchievementFactory(key="medal", name="Medal", icon="medal-gold")
    page.goto(address(Achievement, "change", medal.pk))
    return page


def save_change(page):
    save(page)
    expect(page.locator(".messagelist")).to_contain_text("changed successfully")


def icon():
    return Achievement.objects.get(key="medal").icon


def test_a_badge_is_chosen_by_keyboard(form):
    expect(form.get_by_role("radio", name="medal-gold")).to_be_checked()
    look(form, "badge-picker")

    form.get_by_role("radio", name="medal-gold").focus()
    form.keyboard.press("ArrowRight")
    save_change(form)

    assert icon() == "medal-silver"


def test_all_badges_are_shown_by_their_pictures(form):
    pictures = form.get_by_role("radiogroup", name="Icon").get_by_role("img")
    images = form.locator(".gam-badge-option img")

    widths = images.evaluate_all("all => all.map((image) => image.naturalWidth)")

    assert (pictures.count(), len(widths), min(widths) > 0) == (0, 28, True)


def test_whoever_types_an_emoji_has_chosen_it(form):
    form.get_by_label("Emoji or name", exact=True).fill("🥾")

    expect(form.get_by_role("radio", name="An emoji")).to_be_checked()
    save_change(form)
    assert icon() == "🥾"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_names_of_badges_have_enough_contrast(form, scheme):
    form.emulate_media(color_scheme=scheme)

    assert form.locator(".gam-badges").evaluate(LOW_CONTRAST) == []


def test_a_badge_and_an_emoji_are_chosen_without_scripts(form):
    devtools = form.context.new_cdp_session(form)
    devtools.send("Emulation.setScriptExecutionDisabled", {"value": True})
    form.reload()

    form.get_by_role("radio", name="rocket").check()
    save_change(form)
    chosen = icon()
    form.goto(address(Achievement, "change", Achievement.objects.get(key="medal").pk))
    form.get_by_role("radio", name="An emoji").check()
    form.get_by_label("Emoji or name", exact=True).fill("🥾")
    save_change(form)

    assert (chosen, icon()) == ("rocket", "🥾")
