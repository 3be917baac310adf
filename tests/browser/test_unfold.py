"""The pages in the style of django-unfold, on a separate site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from playwright.sync_api import expect

from tests.browser.conftest import (
    LOW_CONTRAST,
    NARROW,
    WIDE,
    fit,
    follow,
    new_context,
    save,
    visited,
)
from tests.browser.unfold_site import unfolded

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

pytest.importorskip("unfold", reason="django-unfold is not installed.")

#: Returns the buttons without a background and the fields without a border.
SHAPELESS = """root => [...root.querySelectorAll("input, textarea, select")]
    .filter(each => !each.ariaHidden && each.checkVisibility())
    .filter(each => !/checkbox|radio|file/.test(each.type))
    .filter(each => {
        const style = getComputedStyle(each), isButton = each.type === "submit";
        return isButton ? style.backgroundColor.endsWith(", 0)")
                        : style.borderTopWidth === "0px";
    })
    .map(each => each.outerHTML)"""

MODELS = sorted(
    model._meta.model_name
    for model in apps.get_app_config("gamification").get_models()
    if admin.site.is_registered(model)
)


@pytest.fixture(scope="module")
def rows() -> Iterator[dict[str, Any]]:
    with unfolded() as rows:
        yield rows


@pytest.fixture(scope="module")
def client(rows: dict[str, Any]) -> Iterator[httpx.Client]:
    cookies = {settings.SESSION_COOKIE_NAME: rows["session"]}
    with httpx.Client(base_url=rows["url"], cookies=cookies, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def context(browser: Browser, rows: dict[str, Any]) -> Iterator[BrowserContext]:
    with new_context(browser, rows["url"]) as context:
        yield context


@pytest.fixture
def page(
    context: BrowserContext, rows: dict[str, Any], problems: list[str]
) -> Iterator[Page]:
    """Return a browser page of a superuser; fail if the browser reports errors."""
    with visited(context, rows["url"], rows["session"], problems) as page:
        yield page


@pytest.fixture
def address(rows: dict[str, Any]) -> Callable[..., str]:
    """Return a function that finds the address of an admin page by name."""

    def address(name: str, *of: str) -> str:
        if name.startswith("auth_user_"):
            # This site has Django's users, whatever model the other tests have.
            return f"/admin/auth/user/{rows['keys'][of[0]]}/{name[10:]}/"
        return reverse(f"admin:{name}", args=[rows["keys"].get(key, key) for key in of])

    return address


ACTS = ["adjustment", "award", "reversal", "revocation"]

PAGES = [
    ("index",),
    ("app_list", "gamification"),
    *((f"gamification_{name}_changelist",) for name in MODELS),
    *((f"gamification_{name}_change", name) for name in MODELS),
    *((f"gamification_{name}_history", name) for name in MODELS),
    *(
        (f"gamification_{name}_add",)
        for name in ("achievement", "activity", "boost", "streakdefinition")
    ),
    *((f"gamification_{name}_delete", name) for name in ("achievement", "activity")),
    ("gamification_achievement_backfill", "achievement"),
    ("gamification_activity_import",),
    ("gamification_recalculate",),
    ("gamification_job_progress", "job"),
    *((f"gamification_job_{act}",) for act in ACTS),
    ("gamification_tuning",),
    ("gamification_streakdefinition_outage",),
    *(
        ("gamification_usergamification_action", "user", action)
        for action in (
            *("adjust", "award", "rebuild", "reverse", "revoke"),
            *("freeze", "pause", "end-pause", "repair"),
        )
    ),
    ("gamification_usergamification_for", "user"),
    ("auth_user_change", "user"),
    ("auth_user_delete", "user"),
]


@pytest.mark.parametrize("names", PAGES, ids="-".join)
def test_every_page_is_shown(client, address, names):
    response = client.get(address(*names), follow_redirects=True)

    assert response.status_code == 200
    assert "unfold/css/styles.css" in response.text


#: Pages with templates of the app.
OWN = [
    names
    for names in PAGES
    if names[0].endswith(
        ("_backfill", "_import", "_progress", "_action", "_for", "_outage")
    )
    or names[0] in {"gamification_tuning", "gamification_recalculate"}
    or names[0].removeprefix("gamification_job_") in ACTS
]


def look(page: Page, name: str, scheme: str = "light") -> None:
    """Show the page, narrow and wide; fail if it does not fit."""
    for width in (NARROW, WIDE):
        fit(page, f"unfold-{name}-{width}-{scheme}", width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_have_enough_contrast_and_fields_a_shape(page, address, scheme):
    page.emulate_media(color_scheme=scheme)
    faults = {}
    for names in OWN:
        page.goto(address(*names))
        expect(page.locator("html")).to_have_class("dark" if scheme == "dark" else "")
        look(page, "-".join(names), scheme)
        content = page.locator("#content-main")
        faults[names] = content.evaluate(LOW_CONTRAST) + content.evaluate(SHAPELESS)

    assert {names: found for names, found in faults.items() if found} == {}


def test_the_fields_of_forms_have_a_shape_too(page, address):
    faults = {}
    for [name] in (names for names in PAGES if names[0].endswith("_add")):
        page.goto(address(name))
        look(page, name)
        faults[name] = page.locator("#content-main").evaluate(SHAPELESS)

    assert {name: found for name, found in faults.items() if found} == {}


# --- Tasks of staff


def row(page: Page, name: str) -> Locator:
    """Return the row of an achievement in its list."""
    link = page.get_by_role("link", name=name)
    return page.locator("#result_list tbody tr", has=link)


def test_a_reward_is_edited_in_the_list(page, address):
    page.goto(address("gamification_achievement_changelist"))
    reward = row(page, "Ten walks").get_by_role("spinbutton").nth(1)
    look(page, "achievements")
    reward.fill("70")
    save(page)

    expect(page.get_by_text("1 achievement was changed")).to_be_visible()
    expect(reward).to_have_value("70")


def test_arrow_buttons_sort_achievements(page, address):
    page.goto(address("gamification_achievement_changelist"))
    names = page.locator("#result_list .field-titled")
    first, second, *others = names.all_inner_texts()
    page.get_by_role("button", name="Move down").first.click()
    expect(page.get_by_role("status")).to_contain_text("The order has changed")
    save(page)

    expect(page.get_by_text("were changed successfully")).to_be_visible()
    expect(names).to_have_text([second, first, *others])


def test_the_form_shows_the_fields_that_the_criterion_needs(page, address):
    page.goto(address("gamification_achievement_add"))
    page.get_by_label("Criterion").select_option("level")

    expect(page.locator("#id_activity")).to_be_hidden()
    page.locator("#id_threshold").fill("7")
    expect(page.locator("#gam-in-words")).to_contain_text("7")


def test_a_backfill_is_previewed_and_run(page, address):
    page.goto(address("gamification_achievement_change", "achievement"))
    page.get_by_role("button", name="Preview").click()
    preview = page.get_by_role("region", name="Effect of a backfill")
    expect(preview).to_contain_text("Users who would receive it")
    look(page, "achievement-preview")

    follow(page.get_by_role("link", name="Start a backfill"))
    look(page, "achievement-backfill")
    page.get_by_label("Note for the user").fill("For earlier walks.")
    page.get_by_role("button", name="Award to").click()

    expect(page.locator("#gam-job-state")).to_have_text("finished")
    look(page, "job")


def test_an_icon_stands_in_the_line_of_its_name(page, address):
    page.goto(address("gamification_achievement_changelist"))

    expect(page.locator("img.gam-icon").first).to_have_css("display", "inline")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_preview_shows_what_users_see_in_the_theme(page, address, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(address("gamification_achievement_change", "achievement"))
    page.get_by_role("button", name="Preview").click()
    cards = page.get_by_role("region", name="How users see it")
    expect(cards).to_be_visible()

    assert cards.evaluate(LOW_CONTRAST) == []


def test_a_simulation_shows_the_effect(page, address):
    page.goto(address("gamification_tuning"))
    page.get_by_label("Walk: XP reward").fill("30")
    page.get_by_role("button", name="Simulate").click()

    result = page.get_by_role("region", name="Simulation of the last")
    expect(result.get_by_role("row", name="Walk")).to_be_visible()
    expect(result.get_by_role("img")).to_be_visible()
    look(page, "tuning-simulation")


def test_staff_adjust_xp_with_a_note(page, address):
    page.goto(address("gamification_usergamification_for", "user"))
    look(page, "user")
    action = page.locator("details", has_text="Adjust XP")
    action.locator("summary").click()
    action.get_by_label("XP").fill("-15")
    action.get_by_label("Note for the user").fill("Counted twice.")
    action.get_by_role("button").click()

    expect(page.get_by_role("row", name="Counted twice.")).to_contain_text("−15")


def test_the_account_page_links_to_the_users_progress(page, address):
    page.goto(address("auth_user_change", "user"))
    page.get_by_role("link", name="View progress").click()

    expect(page.get_by_role("heading", name="User progress")).to_be_visible()
